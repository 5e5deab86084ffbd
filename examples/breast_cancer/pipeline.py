"""Breast cancer diagnosis: train several classifiers at once and keep the best.

The data is the Wisconsin breast cancer set that ships with scikit-learn: 569
tumours, 30 measurements each, malignant or benign.

Compile it with ``python examples/breast_cancer/pipeline.py`` or submit it with
``kfp.Client(host=...).create_run_from_pipeline_func(breast_cancer)``.
"""

from typing import List, NamedTuple

from kfp import compiler, dsl
from kfp.dsl import ClassificationMetrics, Dataset, Input, Metrics, Model, Output

IMAGE = "python:3.11"
PACKAGES = ["scikit-learn==1.7.2"]

CANDIDATES = [
    {"algorithm": "logistic-regression", "parameters": {"C": 1.0, "max_iter": 1000}},
    {"algorithm": "random-forest", "parameters": {"n_estimators": 100, "random_state": 7}},
    {"algorithm": "gradient-boosting", "parameters": {"n_estimators": 60, "random_state": 7}},
    {"algorithm": "nearest-neighbours", "parameters": {"n_neighbors": 7}},
]


@dsl.component(base_image=IMAGE, packages_to_install=PACKAGES)
def load(table: Output[Dataset]) -> int:
    """Write the data set as one table, the label in the last column."""
    import numpy
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    numpy.savetxt(table.path, numpy.column_stack([data.data, data.target]), delimiter=",")
    table.metadata["rows"] = len(data.target)
    table.metadata["features"] = data.data.shape[1]
    table.metadata["labels"] = ", ".join(data.target_names)
    return len(data.target)


@dsl.component(base_image=IMAGE, packages_to_install=PACKAGES)
def split(table: Input[Dataset], test_share: float, seed: int, train: Output[Dataset], test: Output[Dataset]):
    """Split the table in two with the same share of malignant tumours in both."""
    import numpy
    from sklearn.model_selection import train_test_split

    rows = numpy.loadtxt(table.path, delimiter=",")
    parts = train_test_split(rows, test_size=test_share, random_state=seed, stratify=rows[:, -1])
    for artifact, part in zip((train, test), parts, strict=True):
        numpy.savetxt(artifact.path, part, delimiter=",")
        artifact.metadata["rows"] = len(part)


@dsl.component(base_image=IMAGE, packages_to_install=PACKAGES)
def fit(train: Input[Dataset], candidate: dict, model: Output[Model]):
    """Fit one candidate to the scaled training rows."""
    import pickle

    import numpy
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    algorithms = {
        "logistic-regression": LogisticRegression,
        "random-forest": RandomForestClassifier,
        "gradient-boosting": GradientBoostingClassifier,
        "nearest-neighbours": KNeighborsClassifier,
    }
    # Whole numbers in a struct arrive as 100.0, which scikit-learn refuses.
    parameters = {
        name: int(value) if float(value).is_integer() and name != "C" else value
        for name, value in candidate["parameters"].items()
    }
    rows = numpy.loadtxt(train.path, delimiter=",")
    classifier = make_pipeline(StandardScaler(), algorithms[candidate["algorithm"]](**parameters))
    classifier.fit(rows[:, :-1], rows[:, -1])
    with open(model.path, "wb") as file:
        pickle.dump(classifier, file)
    model.metadata["framework"] = "scikit-learn"
    model.metadata["algorithm"] = candidate["algorithm"]
    model.metadata["parameters"] = parameters


@dsl.component(base_image=IMAGE, packages_to_install=PACKAGES)
def evaluate(test: Input[Dataset], model: Input[Model], metrics: Output[Metrics]) -> float:
    """Score one model on rows it has not seen."""
    import pickle

    import numpy
    from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

    rows = numpy.loadtxt(test.path, delimiter=",")
    features, truth = rows[:, :-1], rows[:, -1]
    with open(model.path, "rb") as file:
        classifier = pickle.load(file)  # noqa: S301 - written by fit
    accuracy = float(accuracy_score(truth, classifier.predict(features)))
    metrics.metadata["algorithm"] = model.metadata["algorithm"]
    metrics.log_metric("accuracy", accuracy)
    metrics.log_metric("f1", float(f1_score(truth, classifier.predict(features))))
    metrics.log_metric("roc_auc", float(roc_auc_score(truth, classifier.predict_proba(features)[:, 1])))
    print(f"{model.metadata['algorithm']}: accuracy {accuracy:.4f}")
    return accuracy


@dsl.component(base_image=IMAGE)
def choose(accuracies: List[float], models: Input[List[Model]], best: Output[Model]) -> NamedTuple(
    "Choice", [("accuracy", float), ("algorithm", str)]
):
    """Copy the model with the best accuracy."""
    import shutil
    from collections import namedtuple

    winner = max(range(len(models)), key=lambda i: accuracies[i])
    shutil.copyfile(models[winner].path, best.path)
    best.metadata.update(models[winner].metadata)
    best.metadata["accuracy"] = accuracies[winner]
    best.metadata["candidates"] = len(models)
    return namedtuple("Choice", "accuracy algorithm")(
        accuracies[winner], models[winner].metadata["algorithm"]
    )


@dsl.component(base_image=IMAGE, packages_to_install=PACKAGES)
def report(
    test: Input[Dataset],
    best: Input[Model],
    quality: Output[ClassificationMetrics],
    approved: Output[Model],
):
    """Write the confusion matrix and the ROC curve of the chosen model, and approve it."""
    import pickle
    import shutil

    import numpy
    from sklearn.metrics import confusion_matrix, roc_curve

    rows = numpy.loadtxt(test.path, delimiter=",")
    features, truth = rows[:, :-1], rows[:, -1]
    with open(best.path, "rb") as file:
        classifier = pickle.load(file)  # noqa: S301 - written by fit
    matrix = confusion_matrix(truth, classifier.predict(features))
    quality.log_confusion_matrix(["malignant", "benign"], matrix.tolist())
    false_positives, true_positives, thresholds = roc_curve(truth, classifier.predict_proba(features)[:, 1])
    # The first threshold is infinite, which JSON cannot say.
    thresholds = numpy.clip(thresholds, 0.0, 1.0)
    quality.log_roc_curve(false_positives.tolist(), true_positives.tolist(), thresholds.tolist())
    shutil.copyfile(best.path, approved.path)
    approved.metadata.update(best.metadata)
    approved.metadata["stage"] = "approved"


@dsl.component(base_image=IMAGE)
def reject(algorithm: str, accuracy: float, least: float) -> str:
    """Say why no model was approved."""
    verdict = f"{algorithm} reaches {accuracy:.4f}, less than the {least:.4f} asked for"
    print(verdict)
    return verdict


@dsl.pipeline(
    name="breast-cancer",
    description="Trains several classifiers at once, keeps the best and approves it if it is good enough.",
)
def breast_cancer(
    candidates: list = CANDIDATES,
    test_share: float = 0.3,
    seed: int = 7,
    least_accuracy: float = 0.9,
):
    """Load, split, fit and evaluate every candidate, choose the best, judge it."""
    table = load()
    parts = split(table=table.outputs["table"], test_share=test_share, seed=seed)
    with dsl.ParallelFor(candidates, parallelism=2) as candidate:
        fitted = fit(train=parts.outputs["train"], candidate=candidate)
        score = evaluate(test=parts.outputs["test"], model=fitted.outputs["model"])
    choice = choose(
        accuracies=dsl.Collected(score.outputs["Output"]),
        models=dsl.Collected(fitted.outputs["model"]),
    )
    with dsl.If(choice.outputs["accuracy"] >= least_accuracy, name="good enough"):
        report(test=parts.outputs["test"], best=choice.outputs["best"])
    with dsl.Else(name="not good enough"):
        reject(
            algorithm=choice.outputs["algorithm"], accuracy=choice.outputs["accuracy"], least=least_accuracy
        )


if __name__ == "__main__":
    compiler.Compiler().compile(breast_cancer, "breast_cancer.yaml")
    print("wrote breast_cancer.yaml: run it with  bin/kfmesh run breast_cancer.yaml --follow")

"""Models: autologged, logged, loaded, registered."""

import mlflow
import numpy as np
import pytest
from mlflow.exceptions import MlflowException
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.tree import DecisionTreeClassifier

# What MLflow 2 and 3 call the name of a model.
NAME = "name" if int(mlflow.__version__.split(".")[0]) >= 3 else "artifact_path"
X, Y = load_iris(return_X_y=True, as_frame=True)


def trained() -> LogisticRegression:
    return LogisticRegression(max_iter=300).fit(X, Y)


def test_autolog_of_scikit_learn(client, experiment):
    mlflow.sklearn.autolog(silent=True)
    with mlflow.start_run() as run:
        model = trained()
        model.score(X, Y)
    got = client.get_run(run.info.run_id)
    assert got.data.params["max_iter"] == "300"
    assert got.data.metrics["training_accuracy_score"] > 0.9
    assert any(key.startswith("LogisticRegression_score") for key in got.data.metrics)
    assert got.data.tags["estimator_name"] == "LogisticRegression"
    assert [t.value for i in got.inputs.dataset_inputs for t in i.tags][:1] == ["train"]
    loaded = mlflow.sklearn.load_model(f"runs:/{run.info.run_id}/model")
    assert (loaded.predict(X) == model.predict(X)).all()


def test_autolog_of_a_search_makes_child_runs(client, experiment):
    mlflow.sklearn.autolog(silent=True, log_models=False)
    with mlflow.start_run() as run:
        GridSearchCV(DecisionTreeClassifier(), {"max_depth": [1, 2, 3]}, cv=3).fit(X, Y)
    children = client.search_runs([experiment], f"tags.mlflow.parentRunId = '{run.info.run_id}'")
    assert sorted(c.data.params["max_depth"] for c in children) == ["1", "2", "3"]
    assert "best_cv_score" in client.get_run(run.info.run_id).data.metrics


def log_model(model, **options):
    """Log a model under the name "model", without looking for long at what it imports."""
    options |= {NAME: "model", "pip_requirements": ["scikit-learn"]}
    return mlflow.sklearn.log_model(model, **options)


def test_a_model_is_logged_and_loaded(experiment):
    model = trained()
    with mlflow.start_run() as run:
        info = log_model(model, input_example=X.head(2))
    for uri in (info.model_uri, f"runs:/{run.info.run_id}/model"):
        assert (mlflow.pyfunc.load_model(uri).predict(X) == model.predict(X)).all()
    assert mlflow.models.get_model_info(info.model_uri).signature is not None


def test_a_logged_model_of_mlflow_3(mlflow_3, client, experiment):
    with mlflow.start_run() as run:
        info = log_model(trained(), params={"c": "1"})
        mlflow.log_metric("accuracy", 0.9, model_id=info.model_id, step=2)
        mlflow.log_metric("accuracy", 0.95, model_id=info.model_id, step=3)
    got = mlflow.get_logged_model(info.model_id)
    assert (got.name, str(got.status), got.source_run_id) == ("model", "READY", run.info.run_id)
    assert got.params["c"] == "1"
    assert {(m.key, m.value) for m in got.metrics} == {("accuracy", 0.95)}
    mlflow.set_logged_model_tags(info.model_id, {"stage": "gold", "x": "y"})
    mlflow.delete_logged_model_tag(info.model_id, "x")
    assert mlflow.get_logged_model(info.model_id).tags["stage"] == "gold"
    assert "x" not in mlflow.get_logged_model(info.model_id).tags
    outputs = client.get_run(run.info.run_id).outputs.model_outputs
    assert [o.model_id for o in outputs] == [info.model_id]


def test_logged_models_are_searched(mlflow_3, client, experiment):
    made = []
    for i in range(4):
        model = client.create_logged_model(
            experiment, name=f"m{i % 2}", params={"n": str(i)}, tags={"odd": str(i % 2)}
        )
        made.append(model.model_id)
        run = client.create_run(experiment)
        client.log_metric(run.info.run_id, "score", i / 10, model_id=model.model_id)
        client.finalize_logged_model(model.model_id, "READY")
    found = lambda **options: [  # noqa: E731
        m.model_id for m in client.search_logged_models([experiment], **options)
    ]
    assert found() == made[::-1]
    assert found(filter_string="name = 'm1'") == [made[3], made[1]]
    assert found(filter_string="metrics.score > 0.15 AND params.n != '3'") == [made[2]]
    assert found(filter_string="tags.odd = '0'", order_by=[{"field_name": "metrics.score"}]) == [
        made[0],
        made[2],
    ]
    first = client.search_logged_models([experiment], max_results=3)
    second = client.search_logged_models([experiment], max_results=3, page_token=first.token)
    assert [m.model_id for m in [*first, *second]] == made[::-1]
    client.delete_logged_model(made[0])
    with pytest.raises(MlflowException, match="not found"):
        client.get_logged_model(made[0])
    assert made[0] not in found()


def test_a_registered_model_lives(client, unique):
    made = client.create_registered_model(unique, tags={"a": "b"}, description="what it is")
    assert (made.name, made.tags, made.description) == (unique, {"a": "b"}, "what it is")
    client.update_registered_model(unique, "better said")
    client.set_registered_model_tag(unique, "c", "d")
    client.delete_registered_model_tag(unique, "a")
    got = client.get_registered_model(unique)
    assert (got.description, got.tags) == ("better said", {"c": "d"})
    client.rename_registered_model(unique, f"{unique}-2")
    found = client.search_registered_models(f"name = '{unique}-2'")
    assert [m.name for m in found] == [f"{unique}-2"]
    client.delete_registered_model(f"{unique}-2")
    with pytest.raises(MlflowException, match="not found") as failed:
        client.get_registered_model(f"{unique}-2")
    assert failed.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_versions_and_aliases_of_a_model(client, experiment, unique):
    model = trained()
    with mlflow.start_run() as run:
        info = log_model(model, registered_model_name=unique)
        log_model(model, registered_model_name=unique)
    assert str(info.registered_model_version) == "1"
    version = client.get_model_version(unique, "1")
    assert (version.run_id, version.status) == (run.info.run_id, "READY")
    client.set_registered_model_alias(unique, "champion", "1")
    client.set_model_version_tag(unique, "1", "checked", "yes")
    client.update_model_version(unique, "1", description="the first")
    got = client.get_model_version_by_alias(unique, "champion")
    assert (got.version, got.tags, got.description) == ("1", {"checked": "yes"}, "the first")
    assert got.aliases == ["champion"]
    for uri in (f"models:/{unique}/2", f"models:/{unique}@champion"):
        assert (mlflow.pyfunc.load_model(uri).predict(X) == model.predict(X)).all()
    found = client.search_model_versions(f"name = '{unique}'", order_by=["version_number ASC"])
    assert [v.version for v in found] == ["1", "2"]
    client.delete_registered_model_alias(unique, "champion")
    with pytest.raises(MlflowException, match="alias"):
        client.get_model_version_by_alias(unique, "champion")
    client.delete_model_version(unique, "1")
    with pytest.raises(MlflowException, match="not found"):
        client.get_model_version(unique, "1")


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_stages_of_a_model(client, experiment, unique):
    with mlflow.start_run():
        for _ in range(2):
            log_model(trained(), registered_model_name=unique)
    client.transition_model_version_stage(unique, "1", "Production")
    assert [v.version for v in client.get_latest_versions(unique, ["Production"])] == ["1"]
    client.transition_model_version_stage(unique, "2", "production", archive_existing_versions=True)
    assert client.get_model_version(unique, "1").current_stage == "Archived"
    assert client.get_model_version(unique, "2").current_stage == "Production"
    assert mlflow.pyfunc.load_model(f"models:/{unique}/Production") is not None
    with pytest.raises(MlflowException, match="Invalid Model Version stage"):
        client.transition_model_version_stage(unique, "1", "Nowhere")


def test_predictions_survive_the_trip(experiment):
    class Doubled(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input):
            return np.asarray(model_input) * 2

    with mlflow.start_run():
        info = mlflow.pyfunc.log_model(python_model=Doubled(), pip_requirements=[], **{NAME: "doubled"})
    loaded = mlflow.pyfunc.load_model(info.model_uri)
    assert loaded.predict(np.array([[1.0, 2.0]])).tolist() == [[2.0, 4.0]]

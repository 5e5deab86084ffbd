"""What a finished run of the breast cancer pipeline has to show."""

import pathlib

from server import Server


def print_report(server: Server, run_id: str, state: str, tasks: list[dict]) -> None:
    """Print metrics, models, failures, where things are, and what to try next."""
    artifacts = [(task, a) for task in tasks for a in task.get("output_artifacts", []) if is_work(task)]
    print_scores([a for _, a in artifacts if a["type"] == "system.Metrics"])
    for _, artifact in artifacts:
        if artifact["type"] == "system.ClassificationMetrics":
            print_confusion_matrix(artifact["metadata"]["confusionMatrix"])
    print_models([(task, a) for task, a in artifacts if a["type"] == "system.Model"])
    if state != "SUCCEEDED":
        print_failures(tasks)
    print_next_steps(server, run_id)


def is_work(task: dict) -> bool:
    """Tell a task that ran something from a DAG, which only passes artifacts on."""
    return task.get("kind") in ("KIND_CONTAINER", "KIND_IMPORTER")


def print_scores(metrics: list[dict]) -> None:
    """Print the scores of all candidates, best first."""
    scores = sorted((a.get("metadata", {}) for a in metrics), key=lambda m: -m.get("accuracy", 0))
    if not scores:
        return
    print(f"\n{'candidate':<22}{'accuracy':>10}{'F1':>10}{'ROC AUC':>10}")
    for score in scores:
        print(
            f"{score['algorithm']:<22}{score['accuracy']:>10.4f}{score['f1']:>10.4f}{score['roc_auc']:>10.4f}"
        )


def print_confusion_matrix(matrix: dict) -> None:
    """Print a confusion matrix: truth in rows, prediction in columns."""
    names = [spec["displayName"] for spec in matrix["annotationSpecs"]]
    print(f"\nconfusion matrix{'predicted ' + names[0]:>24}{'predicted ' + names[1]:>20}")
    for name, row in zip(names, matrix["rows"], strict=True):
        print(f"  {'truly ' + name:<20}{row['row'][0]:>18.0f}{row['row'][1]:>20.0f}")


def print_models(models: list[tuple[dict, dict]]) -> None:
    """Print where the models are."""
    if models:
        print("\nmodels")
    for task, model in models:
        metadata = model.get("metadata", {})
        name = metadata.get("algorithm", model.get("name", ""))
        stage = f" ({metadata['stage']})" if "stage" in metadata else ""
        print(f"  {task['name'] + stage:<20}{name:<22}{nearer(model.get('uri', ''))}")


def nearer(uri: str) -> str:
    """Shorten a path below the current directory."""
    return uri.removeprefix(f"{pathlib.Path.cwd()}/")


def print_failures(tasks: list[dict]) -> None:
    """Print the tasks that failed and the last lines that they wrote."""
    for task in tasks:
        if is_work(task) and task["detail"].get("state") == "FAILED":
            print(f"\n{task['path']} failed: {task.get('message', '')}")
            for line in task.get("log_tail", "").splitlines():
                print(f"  | {line}")


def print_next_steps(server: Server, run_id: str) -> None:
    """Print commands to try while kfmesh is up."""
    print(f"""
try next
  export KFMESH_SERVER={server.grpc_address}
  bin/kfmesh get runs
  bin/kfmesh describe run {run_id}
  bin/kfmesh logs {run_id}
  bin/kfmesh get artifacts
  curl {server.url}/apis/v2beta1/runs/{run_id}
  python -c 'import kfp; print(kfp.Client(host="{server.url}").list_runs())'""")

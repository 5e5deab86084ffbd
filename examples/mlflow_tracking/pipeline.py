"""Train with MLflow inside a component: nothing of kfmesh in the code, its metrics on the run."""

import kfp
from kfp import dsl


@dsl.component(packages_to_install=["mlflow-skinny==3.17.2"])
def train(rate: float, epochs: int) -> float:
    """Log a loss that falls, as any training loop does. MLflow knows where from its environment."""
    import mlflow

    loss = 1.0
    with mlflow.start_run():
        mlflow.log_param("optimizer", "sgd")
        for epoch in range(epochs):
            loss *= 1 - rate
            mlflow.log_metric("loss", loss, step=epoch)
    return loss


@dsl.component
def judge(loss: float, metrics: dsl.Output[dsl.Metrics]):
    """Report as KFP components do: MLflow sees these metrics too."""
    metrics.log_metric("score", 1 - loss)


@dsl.pipeline(name="mlflow-tracking")
def mlflow_tracking(rate: float = 0.5, epochs: int = 5):
    """Train, then judge."""
    judge(loss=train(rate=rate, epochs=epochs).output)


if __name__ == "__main__":
    kfp.Client(host="http://127.0.0.1:8080").create_run_from_pipeline_func(
        mlflow_tracking, arguments={"rate": 0.3}
    )

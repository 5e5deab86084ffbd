"""TrainerClient of the Kubeflow SDK, unmodified."""

from harness.jobs import Jobs
from harness.process import until
from kubeflow.common.types import KubernetesBackendConfig
from kubeflow.trainer import CustomTrainer, TrainerClient

RUNTIMES = "/apis/trainer.kubeflow.org/v1alpha1/namespaces/default/trainingruntimes"


def runtime(name: str) -> dict:
    """A runtime of one node whose image is the host's Python, which runs the function by itself."""
    container = {"name": "node", "image": "python:3", "command": ["python3", "-c", ""]}
    node = {
        "name": "node",
        "template": {
            "metadata": {"labels": {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}},
            "spec": {"template": {"spec": {"containers": [container]}}},
        },
    }
    return {
        "apiVersion": "trainer.kubeflow.org/v1alpha1",
        "kind": "TrainingRuntime",
        "metadata": {"name": name, "labels": {"trainer.kubeflow.org/framework": "torch"}},
        "spec": {"mlPolicy": {"numNodes": 1}, "template": {"spec": {"replicatedJobs": [node]}}},
    }


def test_train_a_function(mesh, kubeconfig, name):
    Jobs(mesh).call("POST", RUNTIMES, runtime(name))
    backend = KubernetesBackendConfig(config_file=str(kubeconfig), namespace="default")
    client = TrainerClient(backend_config=backend)
    assert "torch-distributed" in {found.name for found in client.list_runtimes()}

    def train(word):
        print("hello", word)

    job = client.train(
        runtime=client.get_runtime(name), trainer=CustomTrainer(func=train, func_args={"word": "you"})
    )
    assert client.wait_for_job_status(job, timeout=60, polling_interval=1).status == "Complete"
    assert until("the log", lambda: list(client.get_job_logs(job))) == ["hello you"]
    client.delete_job(job)
    assert job not in {found.name for found in client.list_jobs()}

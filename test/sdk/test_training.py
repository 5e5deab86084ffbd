"""TrainingClient of the Kubeflow Training SDK, unmodified."""

from harness.jobs import Jobs, manifest
from harness.process import until
from kubeflow.training import (
    KubeflowOrgV1PyTorchJob,
    KubeflowOrgV1PyTorchJobSpec,
    KubeflowOrgV1RunPolicy,
    TrainingClient,
)
from kubernetes.client import V1ObjectMeta


def pytorchjob(name: str) -> KubeflowOrgV1PyTorchJob:
    """A job of two replicas that say who they are."""
    specs = manifest("PyTorchJob", name, "echo rank $RANK", Master=1, Worker=1)["spec"]
    return KubeflowOrgV1PyTorchJob(
        api_version="kubeflow.org/v1",
        kind="PyTorchJob",
        metadata=V1ObjectMeta(name=name, namespace="default"),
        spec=KubeflowOrgV1PyTorchJobSpec(
            pytorch_replica_specs=specs["pytorchReplicaSpecs"],
            run_policy=KubeflowOrgV1RunPolicy(clean_pod_policy="None"),
        ),
    )


def test_a_pytorchjob(kubeconfig, name):
    client = TrainingClient(config_file=str(kubeconfig), namespace="default", job_kind="PyTorchJob")
    client.create_job(job=pytorchjob(name))
    client.wait_for_job_conditions(name, timeout=60, polling_interval=1)
    assert client.is_job_succeeded(name)
    logs, _ = client.get_job_logs(name, is_master=True)
    assert list(logs.values()) == ["rank 0\n"]
    assert sorted(client.get_job_pod_names(name)) == [f"{name}-master-0", f"{name}-worker-0"]
    client.delete_job(name)
    assert name not in {found.metadata.name for found in client.list_jobs()}


def test_pods_and_logs_of_a_job_in_the_archive(archiving, archiving_kubeconfig, name):
    client = TrainingClient(config_file=str(archiving_kubeconfig), namespace="default", job_kind="PyTorchJob")
    client.create_job(job=pytorchjob(name))
    client.wait_for_job_conditions(name, timeout=60, polling_interval=1)
    until("nothing to run", lambda: not Jobs(archiving).call("GET", "/kfmesh/v1/workloads").get("workloads"))
    assert client.is_job_succeeded(name)
    logs, _ = client.get_job_logs(name, is_master=False)
    assert sorted(logs.values()) == ["rank 0\n", "rank 1\n"]
    pods = client.get_job_pods(name)
    assert {pod.metadata.name: pod.status.phase for pod in pods} == {
        f"{name}-master-0": "Succeeded",
        f"{name}-worker-0": "Succeeded",
    }

"""TrainingClient of the Kubeflow Training SDK, unmodified."""

from harness.jobs import manifest
from kubeflow.training import (
    KubeflowOrgV1PyTorchJob,
    KubeflowOrgV1PyTorchJobSpec,
    KubeflowOrgV1RunPolicy,
    TrainingClient,
)
from kubernetes.client import V1ObjectMeta


def test_a_pytorchjob(kubeconfig, name):
    client = TrainingClient(config_file=str(kubeconfig), namespace="default", job_kind="PyTorchJob")
    specs = manifest("PyTorchJob", name, "echo rank $RANK", Master=1, Worker=1)["spec"]
    job = KubeflowOrgV1PyTorchJob(
        api_version="kubeflow.org/v1",
        kind="PyTorchJob",
        metadata=V1ObjectMeta(name=name, namespace="default"),
        spec=KubeflowOrgV1PyTorchJobSpec(
            pytorch_replica_specs=specs["pytorchReplicaSpecs"],
            run_policy=KubeflowOrgV1RunPolicy(clean_pod_policy="None"),
        ),
    )
    client.create_job(job=job)
    client.wait_for_job_conditions(name, timeout=60, polling_interval=1)
    assert client.is_job_succeeded(name)
    logs, _ = client.get_job_logs(name, is_master=True)
    assert list(logs.values()) == ["rank 0\n"]
    assert sorted(client.get_job_pod_names(name)) == [f"{name}-master-0", f"{name}-worker-0"]
    client.delete_job(name)
    assert name not in {found.metadata.name for found in client.list_jobs()}

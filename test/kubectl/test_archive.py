"""What kubectl shows of jobs that are in the archive."""

import json

import pytest
from conftest import Kubectl, programs
from harness.jobs import manifest
from harness.mesh import OneProcess
from harness.process import until


@pytest.fixture(scope="module")
def archiving(tmp_path_factory):
    """A kfmesh that archives jobs a moment after their end."""
    own = OneProcess(tmp_path_factory.mktemp("archiving"), "--archive-jobs-after=1ms")
    try:
        yield own.start()
    finally:
        own.stop()


@pytest.mark.parametrize("program", programs())
def test_pods_logs_and_events(archiving, tmp_path, program, name):
    kubectl = Kubectl(program, archiving.url, tmp_path)
    job = manifest("PyTorchJob", name, "echo from $RANK", Master=1, Worker=1)
    kubectl("apply", "-f", "-", stdin=json.dumps(job))
    kubectl("wait", f"pytorchjob/{name}", "--for=condition=Succeeded", "--timeout=60s")
    until("its workload to go", lambda: f"{name}-" not in kubectl("get", "--raw", "/kfmesh/v1/workloads"))
    selector = f"training.kubeflow.org/job-name={name}"
    pods = kubectl("get", "pods", "-l", selector, "--no-headers").splitlines()
    assert [pod.split()[:3] for pod in pods] == [
        [f"{name}-master-0", "0/1", "Completed"],
        [f"{name}-worker-0", "0/1", "Completed"],
    ]
    assert f"pod/{name}-worker-0" in kubectl("get", "all")
    assert kubectl("logs", f"{name}-worker-0") == "from 1\n"
    assert kubectl("logs", "-l", selector, "--prefix").count("from ") == 2
    described = kubectl("describe", "pod", f"{name}-worker-0")
    assert "Exit Code:    0" in described
    assert "Completed" in described[described.index("Events:") :]
    assert "PyTorchJobSucceeded" in kubectl("events", "--for", f"pytorchjob/{name}")
    described = kubectl("describe", "pytorchjob", name)
    assert "PyTorchJobSucceeded" in described[described.index("Events:") :]
    kubectl("wait", f"pod/{name}-worker-0", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=30s")
    kubectl("delete", "pytorchjob", name)
    assert "No resources found" in kubectl("get", "pods", "-l", selector)

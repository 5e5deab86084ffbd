"""Elastic jobs that are given other numbers of replicas while they run."""

import pathlib
import subprocess

import pytest
from harness.jobs import Jobs, Refused, holds, manifest
from harness.process import BIN, until

# Each replica adds its process to a file of its own, and ends once another is there.
SCRIPT = 'echo $$ >> "$OUT/$KFMESH_REPLICA"; while [ ! -e "$OUT/go" ]; do sleep 0.05; done'


def elastic(name: str, out: pathlib.Path, workers: int) -> dict:
    job = manifest("PyTorchJob", name, SCRIPT, env={"OUT": str(out)}, Worker=workers)
    job["spec"]["elasticPolicy"] = {"minReplicas": 1, "maxReplicas": 4}
    return job


def scale(jobs: Jobs, job: dict, workers: int) -> None:
    (specs,) = (name for name in job["spec"] if name.endswith("ReplicaSpecs"))
    jobs.patch(job, {"spec": {specs: {"Worker": {"replicas": workers}}}})


def runs(out: pathlib.Path) -> dict[str, int]:
    """How often each replica has begun."""
    return {file.name: len(file.read_text().split()) for file in sorted(out.glob("*-?"))}


def pods(jobs: Jobs, job: dict) -> set[str]:
    found = jobs.call("GET", "/api/v1/namespaces/default/pods")["items"]
    return {
        pod["metadata"]["name"].removeprefix(job["metadata"]["name"] + "-")
        for pod in found
        if pod["metadata"]["labels"].get("training.kubeflow.org/job-name") == job["metadata"]["name"]
    }


def active(jobs: Jobs, job: dict) -> int:
    return jobs.get(job)["status"].get("replicaStatuses", {}).get("Worker", {}).get("active", 0)


@pytest.fixture
def name(unique) -> str:
    return "s" + "".join(c if c.isalnum() else "-" for c in unique.lower())[-40:].strip("-")


def test_workers_come_and_go(mesh, name, tmp_path):
    """Two workers, then three, then one, then four: the first is one process all the time."""
    jobs, job = Jobs(mesh), elastic(name, tmp_path, 2)

    def kfmesh(*args, status=0):
        done = subprocess.run(
            [BIN / "kfmesh", f"--server={mesh.grpc_address}", *args],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == status, done.stderr
        return done.stdout + done.stderr

    jobs.create(job)
    until("two workers", lambda: active(jobs, job) == 2)
    kfmesh("scale", "job", name, "--replicas", "3")
    until("a third", lambda: runs(tmp_path) == {"worker-0": 1, "worker-1": 1, "worker-2": 1})
    until("three pods", lambda: pods(jobs, job) == {"worker-0", "worker-1", "worker-2"})
    assert "3/3" in until("it to say so", lambda: "3/3" in (s := kfmesh("get", "job", name)) and s)

    kfmesh("scale", "job", name, "--replicas", "1")
    until("one worker", lambda: active(jobs, job) == 1)
    assert pods(jobs, job) == {"worker-0"}
    assert holds(jobs.get(job)) == {"Created", "Running"}

    said = kfmesh("scale", "job", name, "--replicas", "5", status=2)
    assert "spec.pytorchReplicaSpecs[Worker].replicas" in said
    assert "must be from spec.elasticPolicy.minReplicas, 1, to maxReplicas, 4" in said

    scale(jobs, job, 4)
    until("four workers", lambda: active(jobs, job) == 4)
    assert runs(tmp_path) == {"worker-0": 1, "worker-1": 2, "worker-2": 2, "worker-3": 1}

    jobs.patch(job, {"spec": {"runPolicy": {"suspend": True}}})
    until("it to be suspended", lambda: "Suspended" in holds(jobs.get(job)) and active(jobs, job) == 0)
    scale(jobs, job, 3)
    jobs.patch(job, {"spec": {"runPolicy": {"suspend": False}}})
    until("three workers of the next attempt", lambda: active(jobs, job) == 3)
    assert runs(tmp_path) == {"worker-0": 2, "worker-1": 3, "worker-2": 3, "worker-3": 1}
    (tmp_path / "go").touch()
    jobs.wait(job, "Succeeded")


def test_dynamic_workers_of_tensorflow(mesh, name, tmp_path):
    """Workers behind which others stand, in order of types, come and go too."""
    jobs = Jobs(mesh)
    job = manifest("TFJob", name, SCRIPT, env={"OUT": str(tmp_path)}, Worker=1, PS=1)
    job["spec"]["enableDynamicWorker"] = True
    jobs.create(job)
    until("a worker", lambda: active(jobs, job) == 1)
    scale(jobs, job, 3)
    until("three workers", lambda: active(jobs, job) == 3)
    scale(jobs, job, 2)
    until("two workers", lambda: active(jobs, job) == 2)
    assert runs(tmp_path) == {"ps-0": 1, "worker-0": 1, "worker-1": 1, "worker-2": 1}
    (tmp_path / "go").touch()
    jobs.wait(job, "Succeeded")


def test_kill_9_between_wish_and_deed(own_mesh, name, tmp_path):
    """Whatever moment kfmesh dies at, the job has the number it was given, and the first runs on."""
    jobs, job = Jobs(own_mesh), elastic(name, tmp_path, 1)
    jobs.create(job)
    until("a worker", lambda: active(jobs, job) == 1)
    for workers in (3, 1, 4, 2):
        scale(jobs, job, workers)
        own_mesh.kill()
        own_mesh.start()
        until(f"{workers} workers", lambda w=workers: steady(jobs, job) == w)
    assert runs(tmp_path)["worker-0"] == 1
    assert jobs.get(job)["status"].get("startTime")
    (tmp_path / "go").touch()
    jobs.wait(job, "Succeeded")


def steady(jobs: Jobs, job: dict) -> int | None:
    """How many workers run, when kfmesh says."""
    try:
        return active(jobs, job) if len(pods(jobs, job)) == active(jobs, job) else None
    except Refused:
        return None

"""PyTorch: DistributedDataParallel over gloo, checkpoints, torchrun, elastic torchrun, TrainJob."""

import json
import os
import pathlib
import signal
import urllib.error
import urllib.request

import pytest
from harness.jobs import holds
from harness.process import until


def check(said: dict[str, dict], world: int) -> None:
    """All ranks were there, saw one another's gradients, and learnt the same line."""
    assert set(said) == {f"rank-{rank}" for rank in range(world)}
    weights = {json.dumps(found["weights"]) for found in said.values()}
    assert len(weights) == 1, "the ranks disagree"
    for found in said.values():
        assert found["world"] == world
        assert found["sum_of_ranks"] == sum(range(world))
        assert found["epochs"][-1]["loss"] < 0.01


@pytest.mark.parametrize("world", [2, 4])
def test_ddp(runner, world):
    job = runner.manifest("PyTorchJob", "torch", ["python", "ddp.py"], Master=1, Worker=world - 1)
    check(runner.run(job), world)


def test_ddp_by_torchrun(runner):
    job = runner.manifest("PyTorchJob", "torch", ["torchrun", "ddp.py"], Master=1, Worker=1)
    job["spec"]["nprocPerNode"] = "2"
    check(runner.run(job), 4)


def test_ddp_resumes_from_its_checkpoint(runner):
    """A rank dies in the fourth epoch; the job starts anew and goes on with it."""
    worker = {"replicas": 1, "restartPolicy": "ExitCode"}
    job = runner.manifest(
        "PyTorchJob", "torch", ["python", "ddp.py"], env={"CRASH": "1 3 1 139"}, Master=1, Worker=worker
    )
    job["spec"]["runPolicy"] = {"backoffLimit": 2}
    said = runner.run(job)
    check(said, 2)
    for found in said.values():
        assert (found["attempt"], found["first"]) == (2, 3)
        assert [epoch["epoch"] for epoch in found["epochs"]] == [3, 4, 5, 6, 7]


def elastic(runner, workers: int, epochs: int) -> dict:
    """Make a job of two or three agents of torchrun."""
    env = {"EPOCHS": str(epochs), "PAUSE": "0.3"}
    job = runner.manifest("PyTorchJob", "torch", ["torchrun", "ddp.py"], env=env, Worker=workers)
    job["spec"]["elasticPolicy"] = {
        "minReplicas": 2,
        "maxReplicas": 3,
        "maxRestarts": 10,
        "rdzvConf": [{"key": "last_call_timeout", "value": "2"}],
    }
    job["spec"]["nprocPerNode"] = "1"
    return job


def test_elastic_torchrun_loses_a_worker(runner):
    """kill -9 of one of three agents of torchrun: the others go on, and it comes back."""
    job = elastic(runner, workers=3, epochs=20)
    runner.jobs.create(job)
    replica = until(
        "three workers and a checkpoint", lambda: began(runner, job) and pid(runner, "worker", 2), 200
    )
    others = [pid(runner, "worker", index) for index in (0, 1)]
    os.kill(replica, signal.SIGKILL)
    until("the others to meet anew", lambda: len(worlds(runner, job)) > 1, 100)
    assert [pid(runner, "worker", index) for index in (0, 1)] == others, "their agents run on"
    runner.finish(job)
    said = runner.said()
    assert len(said) in (2, 3)
    first = min(found["first"] for found in said.values())
    assert first >= 1, "it went on from its checkpoint"
    assert all(found["epochs"][-1]["epoch"] == 19 for found in said.values())
    assert {found["attempt"] for found in said.values()} == {1}, "it was no new attempt at the job"


def test_elastic_torchrun_scales(runner):
    """Two workers, three, two: torchrun meets anew each time, and the first agent runs on."""
    job = elastic(runner, workers=2, epochs=1000)
    runner.jobs.create(job)
    until("a world of two", lambda: worlds(runner, job)[-1:] == [2], 200)
    first = pid(runner, "worker", 0)
    for workers in (3, 2):
        runner.jobs.patch(job, {"spec": {"pytorchReplicaSpecs": {"Worker": {"replicas": workers}}}})
        until(f"a world of {workers}", lambda w=workers: worlds(runner, job)[-1:] == [w], 200)
    assert pid(runner, "worker", 0) == first, "the first agent of torchrun is the same process"
    assert runner.jobs.get(job)["status"]["replicaStatuses"]["Worker"]["active"] == 2
    assert "Running" in holds(runner.jobs.get(job))
    runner.jobs.delete(job)
    until("its agents to end", lambda: not pathlib.Path(f"/proc/{first}").exists(), 60)


def worlds(runner, job) -> list[int]:
    """The sizes of the worlds that a process of the first worker has been in, in order."""
    name = job["metadata"]["name"]
    url = f"{runner.mesh.url}/api/v1/namespaces/default/pods/{name}-worker-0/log"
    try:
        with urllib.request.urlopen(url) as answer:
            lines = answer.read().decode().splitlines()
    except urllib.error.HTTPError:  # it has not begun
        return []
    return [int(line.split()[3]) for line in lines if line.startswith("rank ") and "begins" in line]


def workload(runner) -> dict:
    with urllib.request.urlopen(f"{runner.mesh.url}/kfmesh/v1/namespaces/default/workloads") as answer:
        all_of_them = json.load(answer)["workloads"]
    return next(w for w in all_of_them if w["metadata"]["name"].startswith(runner.name))


def pid(runner, group: str, index: int) -> int | None:
    for replica in workload(runner)["status"].get("replicas", []):
        if (replica["group"], replica.get("index", 0)) == (group, index):
            return int(replica.get("pid", 0)) or None
    return None


def began(runner, job) -> bool:
    assert "Failed" not in holds(runner.jobs.get(job)), runner.logs()
    checkpoints = list(runner.mesh.data_dir.rglob("checkpoints/last.pt"))
    uid = runner.jobs.get(job)["metadata"]["uid"]
    return any(uid in str(path) for path in checkpoints)


def test_trainjob(runner):
    """The stock runtime torch-distributed, with two nodes."""
    env = [{"name": "OUT", "value": str(runner.out)}]
    trainer = {
        "numNodes": 2,
        "numProcPerNode": 2,
        "image": "frameworks/torch:latest",
        "command": ["torchrun", "ddp.py"],
        "env": env,
    }
    check(runner.trainjob("torch-distributed", trainer), 4)

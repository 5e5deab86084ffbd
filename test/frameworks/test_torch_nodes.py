"""PyTorch over machines that have joined, each with a network of its own."""

import pathlib

import pytest
from frameworks.conftest import Runner
from frameworks.test_torch import check, pid, workload, worlds
from harness.jobs import holds
from harness.network import Network, missing
from harness.nodes import FarHead, Node
from harness.process import until

LACK = missing()
pytestmark = pytest.mark.skipif(bool(LACK), reason=LACK)


@pytest.fixture
def nodes(tmp_path, image_map):
    """Three machines with room for one worker each; their head runs nothing itself."""
    network, nodes = Network(4), []
    try:
        head = FarHead(tmp_path / "head", network.machines[0], f"--image-map={image_map}")
        head.start().cli("cordon", "head")
        flags = (f"--image-map={image_map}", "--fake-gpus=1xH100", "--node-lease=5s")
        try:
            for number in (2, 3, 4):
                nodes.append(Node(head, number, *flags, machine=network.machines[number - 1]).start())
            yield nodes
        finally:
            for node in nodes:
                node.process.stop()
            head.stop()
    finally:
        network.close()


@pytest.fixture
def runner(nodes, name, tmp_path) -> Runner:
    out = tmp_path / "out"
    out.mkdir()
    return Runner(nodes[0].head, name, out)


def a_machine_each(job: dict) -> dict:
    """The job, whose replicas need a GPU each."""
    for spec in job["spec"]["pytorchReplicaSpecs"].values():
        spec["template"]["spec"]["containers"][0]["resources"] = {"limits": {"nvidia.com/gpu": 1}}
    return job


def test_ddp_over_nodes(runner):
    job = runner.manifest("PyTorchJob", "torch", ["python", "ddp.py"], Master=1, Worker=2)
    check(runner.run(a_machine_each(job)), 3)


def test_elastic_torchrun_loses_a_node(runner, nodes):
    """The agents of torchrun on the other machines go on without it, and with it when it is back."""
    env = {"EPOCHS": "1000", "PAUSE": "0.3"}
    job = a_machine_each(runner.manifest("PyTorchJob", "torch", ["torchrun", "ddp.py"], env=env, Worker=3))
    job["spec"]["elasticPolicy"] = {
        "minReplicas": 2,
        "maxReplicas": 3,
        "maxRestarts": 10,
        "rdzvConf": [{"key": "last_call_timeout", "value": "2"}],
    }
    job["spec"]["nprocPerNode"] = "1"
    runner.jobs.create(job)
    until("a world of three", lambda: worlds(runner, job)[-1:] == [3], 100)
    first = pid(runner, "worker", 0)
    where = {r.get("index", 0): r["node"] for r in workload(runner)["status"]["replicas"]}
    lost = next(node for node in nodes if node.name != where[0])
    lost.kill()
    until("a world of two", lambda: worlds(runner, job)[-1:] == [2], 100)
    assert pid(runner, "worker", 0) == first, "the first agent of torchrun is the same process"
    lost.start()
    until("a world of three again", lambda: worlds(runner, job)[-1:] == [3], 100)
    assert pid(runner, "worker", 0) == first, "the first agent of torchrun is the same process"
    assert "Running" in holds(runner.jobs.get(job))
    runner.jobs.delete(job)
    until("its agents to end", lambda: not pathlib.Path(f"/proc/{first}").exists(), 60)

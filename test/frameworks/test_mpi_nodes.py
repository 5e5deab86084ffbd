"""MPI over machines that have joined, each with a network of its own: what mpirun starts meets over it."""

import pytest
from frameworks.conftest import Runner
from frameworks.test_others import check_pi
from harness.network import Network, missing
from harness.nodes import FarHead, Node
from harness.process import until

LACK = missing()
pytestmark = pytest.mark.skipif(bool(LACK), reason=LACK)

MPIRUN = {
    "openmpi": ["mpirun", "--allow-run-as-root", "-n", "2", "python", "pi.py"],
    "mpich": ["mpirun", "-n", "2", "python", "pi.py"],
}
LIBRARIES = {"openmpi": "Open MPI", "mpich": "MPICH"}


@pytest.fixture
def head(tmp_path, image_map):
    """A head that runs nothing itself, and two machines with room for one worker each."""
    network, nodes = Network(3), []
    try:
        head = FarHead(tmp_path / "head", network.machines[0], f"--image-map={image_map}")
        head.start().cli("cordon", "head")
        flags = (f"--image-map={image_map}", "--fake-gpus=1xH100", "--node-lease=15s")
        try:
            for number in (2, 3):
                nodes.append(Node(head, number, *flags, machine=network.machines[number - 1]).start())
            yield head
        finally:
            for node in nodes:
                node.process.stop()
            head.stop()
    finally:
        network.close()


@pytest.mark.parametrize("library", MPIRUN)
def test_mpi_over_two_nodes(head, library, tmp_path, record_versions):
    out = tmp_path / "out"
    out.mkdir()
    runner = Runner(head, "spread", out)
    job = runner.manifest("MPIJob", library, MPIRUN[library], version="v2beta1", Launcher=1, Worker=2)
    if library == "mpich":
        job["spec"]["mpiImplementation"] = "MPICH"
    worker = job["spec"]["mpiReplicaSpecs"]["Worker"]["template"]["spec"]["containers"][0]
    worker["resources"] = {"limits": {"nvidia.com/gpu": 1}}
    runner.jobs.create(job)
    placed = until("the workers to be placed", lambda: workers(head), 60)
    assert sorted(placed) == ["node-2", "node-3"]
    runner.finish(job)
    said = runner.said()
    check_pi(said, 2, LIBRARIES[library])
    assert len({found["network"] for found in said.values()}) == 2, "each rank is on a machine of its own"
    for found in said.values():
        record_versions(found["versions"])


def workers(head: FarHead) -> list[str]:
    """The nodes of the job's workers, once they have any."""
    found = [
        replica.get("node", "")
        for workload in head.workloads()
        for replica in workload["status"]["replicas"]
        if replica["group"] == "worker"
    ]
    return found if found and all(found) else []

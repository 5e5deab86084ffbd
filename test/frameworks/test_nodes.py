"""Frameworks over machines that have joined, each with a network of its own."""

import pathlib

import pytest
from frameworks.test_others import LAUNCH, check, check_mirrored, check_pi, check_trees
from frameworks.test_torch import check as check_line
from frameworks.test_torch import elastic, pid, workload, worlds
from harness.jobs import holds
from harness.process import until


def test_ddp_over_nodes(spread):
    job = spread.manifest("PyTorchJob", "torch", ["python", "ddp.py"], Master=1, Worker=2)
    check_line(spread.run(job), 3)


def test_elastic_torchrun_loses_a_node(spread, nodes):
    """The agents of torchrun on the other machines go on without it, and with it when it is back."""
    job = elastic(spread, workers=3, epochs=1000)
    spread.jobs.create(job)
    until("a world of three", lambda: worlds(spread, job)[-1:] == [3], 100)
    first = pid(spread, "worker", 0)
    where = {r.get("index", 0): r["node"] for r in workload(spread)["status"]["replicas"]}
    lost = next(node for node in nodes if node.name != where[0])
    lost.kill()
    until("a world of two", lambda: worlds(spread, job)[-1:] == [2], 100)
    assert pid(spread, "worker", 0) == first, "the first agent of torchrun is the same process"
    lost.start()
    until("a world of three again", lambda: worlds(spread, job)[-1:] == [3], 100)
    assert pid(spread, "worker", 0) == first, "the first agent of torchrun is the same process"
    assert "Running" in holds(spread.jobs.get(job))
    spread.jobs.delete(job)
    until("its agents to end", lambda: not pathlib.Path(f"/proc/{first}").exists(), 60)


MPIRUN = {
    "openmpi": ["mpirun", "--allow-run-as-root", "-n", "2", "python", "pi.py"],
    "mpich": ["mpirun", "-n", "2", "python", "pi.py"],
}
LIBRARIES = {"openmpi": "Open MPI", "mpich": "MPICH"}


@pytest.mark.parametrize("library", MPIRUN)
def test_mpi_over_nodes(spread, library):
    job = spread.manifest("MPIJob", library, MPIRUN[library], version="v2beta1", Launcher=1, Worker=2)
    if library == "mpich":
        job["spec"]["mpiImplementation"] = "MPICH"
    said = spread.run(job)
    check_pi(said, 2, LIBRARIES[library])
    assert len({found["network"] for found in said.values()}) == 2, "each rank is on a machine of its own"


def test_xgboost_over_nodes(spread):
    job = spread.manifest("XGBoostJob", "xgboost", ["python", "boost.py"], Master=1, Worker=2)
    check_trees(spread.run(job))


def test_jax_over_nodes(spread):
    check(spread.run(spread.manifest("JAXJob", "jax", ["python", "jaxed.py"], Worker=2)), 2)


def test_tensorflow_over_nodes(spread):
    job = spread.manifest("TFJob", "tensorflow", ["python", "mirrored.py"], Worker=2)
    check_mirrored(spread.run(job))


def test_paddle_over_nodes(spread):
    job = spread.manifest("PaddleJob", "paddle", LAUNCH, Worker=2)
    check(spread.run(job), 2)

"""XGBoost, MPI in two implementations, JAX, TensorFlow and PaddlePaddle, each with its own programs."""

import pytest


def check(said: dict[str, dict], world: int) -> None:
    """All ranks were there and have heard of one another."""
    assert set(said) == {f"rank-{rank}" for rank in range(world)}
    for found in said.values():
        assert found["world"] == world
        assert found["sum_of_ranks"] == sum(range(world))


def check_trees(said: dict[str, dict]) -> None:
    check(said, 3)
    assert len({found["trees"] for found in said.values()}) == 1, "all have the same trees"
    for found in said.values():
        assert found["losses"][-1] < found["losses"][0] / 2


def test_xgboost(runner):
    check_trees(
        runner.run(runner.manifest("XGBoostJob", "xgboost", ["python", "boost.py"], Master=1, Worker=2))
    )


def test_xgboost_trainjob(runner):
    env = [{"name": "OUT", "value": str(runner.out)}]
    trainer = {
        "numNodes": 3,
        "image": "frameworks/xgboost:latest",
        "command": ["python", "boost.py"],
        "env": env,
    }
    check_trees(runner.trainjob("xgboost-distributed", trainer))


def check_pi(said: dict[str, dict], world: int, library: str) -> None:
    assert set(said) == {f"rank-{rank}" for rank in range(world)}
    for found in said.values():
        assert found["world"] == world
        assert abs(found["pi"] - 3.14) < 0.05
        assert found["versions"]["library"].startswith(library)


def test_open_mpi(runner):
    """MPIJob v2beta1, no sshd: mpirun reaches the workers by its rsh agent."""
    job = runner.manifest(
        "MPIJob",
        "openmpi",
        ["mpirun", "--allow-run-as-root", "-n", "4", "python", "pi.py"],
        version="v2beta1",
        Launcher=1,
        Worker=2,
    )
    job["spec"]["slotsPerWorker"] = 2
    said = runner.run(job)
    check_pi(said, 4, "Open MPI")
    assert {found["replica"] for found in said.values()} == {"worker-0", "worker-1"}


def test_open_mpi_v1(runner):
    job = runner.manifest(
        "MPIJob",
        "openmpi",
        ["mpirun", "--allow-run-as-root", "-n", "2", "python", "pi.py"],
        Launcher=1,
        Worker=2,
    )
    check_pi(runner.run(job), 2, "Open MPI")


def test_mpich(runner):
    job = runner.manifest(
        "MPIJob", "mpich", ["mpirun", "-n", "2", "python", "pi.py"], version="v2beta1", Launcher=1, Worker=2
    )
    job["spec"]["mpiImplementation"] = "MPICH"
    check_pi(runner.run(job), 2, "MPICH")


def test_jax(runner):
    check(runner.run(runner.manifest("JAXJob", "jax", ["python", "jaxed.py"], Worker=2)), 2)


def test_jax_trainjob(runner):
    env = [{"name": "OUT", "value": str(runner.out)}]
    trainer = {"numNodes": 2, "image": "frameworks/jax:latest", "command": ["python", "jaxed.py"], "env": env}
    check(runner.trainjob("jax-distributed", trainer), 2)


def check_mirrored(said: dict[str, dict]) -> None:
    """Both workers have the weight between those that each would have alone."""
    assert set(said) == {"rank-0", "rank-1"}
    for found in said.values():
        assert (found["world"], found["task_type"], len(found["cluster"]["worker"])) == (2, "worker", 2)
        assert found["weight"] == pytest.approx(1.5, abs=0.01), "the mean of what both want"


def test_tensorflow(runner):
    check_mirrored(runner.run(runner.manifest("TFJob", "tensorflow", ["python", "mirrored.py"], Worker=2)))


LAUNCH = [
    *("python", "-m", "paddle.distributed.launch", "--log_dir", "$(OUT)/log"),
    *("--nproc_per_node", "1", "paddled.py"),
]


def test_paddle(runner):
    check(runner.run(runner.manifest("PaddleJob", "paddle", LAUNCH, Worker=2)), 2)

"""Containers on machines that have joined, one of which is lost (make test-containers)."""

import contextlib
import os
import pathlib
import socket

import pytest
from e2e.test_nodes import MPIRUN, placed, replicas
from harness.jobs import Jobs, manifest
from harness.nodes import Head, Node
from harness.process import until

IMAGE = os.environ.get("KFMESH_TEST_IMAGE", "")

pytestmark = pytest.mark.skipif(not IMAGE, reason="no container engine: make test-containers has one")

# Each run writes a beat, a name of its own and the machine's time, several times a second, and is deaf.
BEAT = (
    "trap '' TERM; run=$(cat /proc/sys/kernel/random/uuid); "
    'while [ ! -e "$OUT/go" ]; do read now rest < /proc/uptime; echo "$run $now" >> "$OUT/beats"; '
    "sleep 0.02; done"
)


@pytest.fixture
def out(tmp_path):
    """The folder that containers see."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture
def head(tmp_path):
    """A head that runs nothing itself."""
    own = Head(tmp_path / "head")
    try:
        own.start().cli("cordon", "head")
        yield own
    finally:
        own.stop()


@pytest.fixture
def nodes(head, out):
    """Two machines that run containers, joined."""
    joined = [Node(head, n, "--runtime=container", f"--container-mounts={out}").start() for n in (2, 3)]
    try:
        yield joined
    finally:
        for node in joined:
            node.thaw()
            node.process.stop()


def runs(out: pathlib.Path) -> list[tuple[float, float]]:
    """The first and the last beat of each run, in order."""
    found: dict[str, list[float]] = {}
    beats = out / "beats"
    for line in beats.read_text().splitlines() if beats.exists() else []:
        run, _, now = line.partition(" ")
        with contextlib.suppress(ValueError):
            found.setdefault(run, []).append(float(now))
    return [(min(times), max(times)) for times in found.values()]


def contained_job(out: pathlib.Path) -> dict:
    """A job of one container."""
    job = manifest("PyTorchJob", "beats", BEAT, env={"OUT": str(out)}, Master=1)
    job["spec"]["pytorchReplicaSpecs"]["Master"]["template"]["spec"]["containers"][0]["image"] = IMAGE
    return job


@pytest.mark.parametrize("lose", [Node.kill, Node.freeze, Node.cut_off])
def test_a_container_is_gone_before_it_starts_elsewhere(head, nodes, out, lose):
    jobs = Jobs(head)
    job = contained_job(out)
    jobs.create(job)
    until("it to run", lambda: runs(out), 60)
    lost = next(node for node in nodes if node.name in placed(head).values())
    lose(lost)
    until("it to run elsewhere", lambda: len(runs(out)) == 2, 60)
    assert lost.name not in replicas(head).values()
    (out / "go").touch()
    jobs.wait(job, "Succeeded")
    first, second = runs(out)
    assert first[1] < second[0], "two runs at once"
    assert "nothing ends" not in head.cli("describe", "job", "beats")


def test_a_container_outlives_its_agent_within_the_lease(head, nodes, out):
    jobs = Jobs(head)
    job = contained_job(out)
    jobs.create(job)
    until("it to run", lambda: runs(out), 60)
    node = next(node for node in nodes if node.name in placed(head).values())
    node.kill()
    node.start()
    (out / "go").touch()
    jobs.wait(job, "Succeeded")
    assert len(runs(out)) == 1


def test_a_machine_is_called_what_others_reach_it_by(head, nodes, out):
    """What the machine's own name resolves to in a container of a job on several."""
    jobs = Jobs(head)
    most = 6 * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 10
    named = 'hostname -i > "$OUT/$KFMESH_REPLICA.address"; hostname > "$OUT/$KFMESH_REPLICA.name"'
    job = manifest("JAXJob", "named", named, env={"OUT": str(out)}, Worker=2)
    (container,) = job["spec"]["jaxReplicaSpecs"]["Worker"]["template"]["spec"]["containers"]
    container |= {"image": IMAGE, "resources": {"requests": {"memory": most}}}
    jobs.create(job)
    jobs.wait(job, "Succeeded")
    where = placed(head)
    assert sorted(where.values()) == ["node-2", "node-3"]
    for replica, node in where.items():
        assert (out / f"{replica}.name").read_text().strip() == socket.gethostname()
        assert (out / f"{replica}.address").read_text().strip() == {
            "node-2": "127.0.0.2",
            "node-3": "127.0.0.3",
        }[node]


def test_mpi_over_containers_of_several_nodes(head, nodes, out):
    """What a launcher starts on a worker runs in the container of that worker, on its node."""
    jobs = Jobs(head)
    most = 6 * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 10
    job = manifest("MPIJob", "spread", MPIRUN, "v1", {"OUT": str(out)}, Launcher=1, Worker=2)
    for spec in job["spec"]["mpiReplicaSpecs"].values():
        spec["template"]["spec"]["containers"][0]["image"] = IMAGE
    worker = job["spec"]["mpiReplicaSpecs"]["Worker"]["template"]["spec"]["containers"][0]
    worker["resources"] = {"requests": {"memory": most}}
    jobs.create(job)
    until("what was started to run", lambda: all((out / f"worker-{i}.pid").exists() for i in range(2)), 60)
    where = placed(head)
    assert sorted(where[f"worker-{i}"] for i in range(2)) == ["node-2", "node-3"]
    hosts = {"node-2": "127.0.0.2", "node-3": "127.0.0.3"}
    heard = [f"worker-{i} at {hosts[where[f'worker-{i}']]}" for i in range(2)]
    assert (out / "heard").read_text().splitlines() == heard
    assert (out / "said").read_text().splitlines() == [f"to spread-worker-{i}" for i in range(2)]
    assert (out / "statuses").read_text().split() == ["7"] * 2
    (out / "go").touch()
    jobs.wait(job, "Succeeded")

"""A network that is broken for real: packets vanish between machines, both ways or one way."""

import itertools

import pytest
from e2e.test_nodes import BEAT, placed, runs
from harness.jobs import Jobs, manifest
from harness.network import Network, missing
from harness.nodes import FarHead, Node
from harness.process import until

LACK = missing()
pytestmark = pytest.mark.skipif(bool(LACK), reason=LACK)

WITHIN_SECONDS = 120  # a connection that went silent is given up after 15 s, and tried again


@pytest.fixture
def network():
    """A head's machine and two others."""
    made = Network(3)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def head(network, tmp_path):
    """A head on a machine of its own, that runs nothing itself."""
    own = FarHead(tmp_path / "head", network.machines[0])
    try:
        own.start().cli("cordon", "head")
        yield own
    finally:
        own.stop()


@pytest.fixture
def nodes(network, head):
    """The other two, joined."""
    joined = [Node(head, n, machine=network.machines[n - 1]) for n in (2, 3)]
    try:
        yield [node.start() for node in joined]
    finally:
        for node in joined:
            node.process.stop()


@pytest.fixture
def job(head, tmp_path):
    """A job that beats, where it beats to, and the jobs that it is one of."""
    out = tmp_path / "out"
    out.mkdir()
    jobs, made = Jobs(head), manifest("PyTorchJob", "beats", BEAT, env={"OUT": str(out)}, Master=1)
    jobs.create(made)
    until("it to run", lambda: runs(out, "master-0"), WITHIN_SECONDS)
    return made, out, jobs


def where(head: FarHead) -> str:
    """Name of the node that the job's present workload is on."""
    return placed(head)["master-0"]


CUTS = {
    "silence": (lambda node, head: node.unplug(), lambda node, head: node.plug()),
    "the-node-is-deaf": (lambda node, head: node.deafen(head), lambda node, head: node.listen()),
    "the-head-is-deaf": (lambda node, head: head.deafen(node), lambda node, head: head.listen()),
}


@pytest.mark.parametrize("cut", CUTS)
def test_what_a_partition_cuts_off_runs_elsewhere_and_nowhere_twice(network, head, nodes, job, cut):
    manifest, out, jobs = job
    lost = where(head)
    machine = network.machines[int(lost[-1]) - 1]
    begin, end = CUTS[cut]
    begin(machine, network.machines[0])
    until("it to run elsewhere", lambda: len(runs(out, "master-0")) == 2, WITHIN_SECONDS)
    until("the head to say where", lambda: where(head) not in ("", lost), WITHIN_SECONDS)
    assert lost not in head.nodes()

    end(machine, network.machines[0])
    until("the node to be back", lambda: lost in head.nodes(), WITHIN_SECONDS)
    (out / "go").touch()
    assert jobs.wait(manifest, "Succeeded")["status"].get("restarts", 0) == 0
    first, second = runs(out, "master-0")
    assert first[1] < second[0], "two runs at once"
    assert "done" in head.cli("logs", "job/beats")


def test_a_partition_that_heals_in_time_costs_nothing(network, head, nodes, job):
    manifest, out, jobs = job
    machine = network.machines[int(where(head)[-1]) - 1]
    machine.unplug()
    seen = runs(out, "master-0")[0][1]
    until("it to go on meanwhile", lambda: runs(out, "master-0")[0][1] > seen, WITHIN_SECONDS)
    machine.plug()
    (out / "go").touch()
    jobs.wait(manifest, "Succeeded", within_seconds=WITHIN_SECONDS)
    assert len(runs(out, "master-0")) == 1
    until("its log, whole", lambda: "done" in head.cli("logs", "job/beats"), WITHIN_SECONDS)


def test_a_line_that_loses_packets(network, head, nodes, job):
    manifest, out, jobs = job
    lossy = ["-m", "statistic", "--mode", "random", "--probability", "0.2"]
    try:
        for machine in network.machines[1:]:
            machine.deafen(network.machines[0], *lossy)
            network.machines[0].deafen(machine, *lossy)
    except AssertionError as refused:
        pytest.skip(f"this kernel's iptables drops nothing at random: {refused}")
    (out / "go").touch()
    jobs.wait(manifest, "Succeeded", within_seconds=WITHIN_SECONDS)
    beats = runs(out, "master-0")
    assert all(before[1] < after[0] for before, after in itertools.pairwise(beats)), "two runs at once"

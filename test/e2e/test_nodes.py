"""Many nodes: jobs over machines that have joined, and what becomes of them when one is lost."""

import json
import pathlib

import pytest
from harness.jobs import Jobs, holds, manifest
from harness.nodes import LEASE_SECONDS, Head, Node
from harness.process import until

# Each run of a replica writes a beat, a name of its own and the time, several times a second.
BEAT = (
    "run=$(cat /proc/sys/kernel/random/uuid); "
    'while [ ! -e "$OUT/go" ]; do echo "$run $(date +%s%N)" >> "$OUT/$KFMESH_REPLICA"; sleep 0.05; done; '
    'echo "done $MASTER_ADDR"'
)


@pytest.fixture
def head(tmp_path):
    """A head with one GPU."""
    own = Head(tmp_path / "head", "--fake-gpus=1xH100")
    try:
        yield own.start()
    finally:
        own.stop()


@pytest.fixture
def nodes(head):
    """Two machines with one GPU each, joined."""
    joined = [Node(head, number, "--fake-gpus=1xH100").start() for number in (2, 3)]
    try:
        yield joined
    finally:
        for node in joined:
            node.process.stop()


def wide_job(out: pathlib.Path, workers: int) -> dict:
    """A job whose replicas need a GPU each, and so as many nodes."""
    job = manifest("PyTorchJob", "wide", BEAT, env={"OUT": str(out)}, Master=1, Worker=workers)
    for spec in job["spec"]["pytorchReplicaSpecs"].values():
        container = spec["template"]["spec"]["containers"][0]
        container["resources"] = {"limits": {"nvidia.com/gpu": 1}}
    return job


def runs(out: pathlib.Path, replica: str) -> list[tuple[int, int]]:
    """The first and the last beat of each run of a replica, in order."""
    found: dict[str, list[int]] = {}
    file = out / replica
    for line in file.read_text().splitlines() if file.exists() else []:
        run, _, time = line.partition(" ")
        if time.isdigit():
            found.setdefault(run, []).append(int(time))
    return [(min(times), max(times)) for times in found.values()]


def replicas(head: Head) -> dict[str, str]:
    """The node of each replica of the job's present workload."""
    listed = json.loads(head.cli("get", "workloads", "-o", "json"))["items"]
    return {f"{r['group']}-{r.get('index', 0)}": r.get("node", "") for r in listed[0]["status"]["replicas"]}


def test_a_job_over_three_nodes_outlives_one(head, nodes, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    jobs = Jobs(head)
    job = wide_job(out, workers=2)
    jobs.create(job)
    names = ("master-0", "worker-0", "worker-1")
    until("all to run", lambda: all(runs(out, name) for name in names), 60)
    assert sorted(replicas(head).values()) == ["head", "node-2", "node-3"]

    lost = nodes[1]
    lost.kill()
    until("the node to be missed", lambda: lost.name not in head.nodes(), 10 * LEASE_SECONDS)
    until("the job to wait", lambda: "Restarting" in holds(jobs.get(job)), 60)
    beats = {name: runs(out, name) for name in names}
    lost.start()
    until("all to run again", lambda: all(len(runs(out, name)) == 2 for name in names), 60)
    for name in names:
        first, second = runs(out, name)
        assert first[1] < second[0], f"two runs of {name} at once"
        assert len(beats[name]) == 1, f"{name} ran anew while its node was missing"

    (out / "go").touch()
    done = jobs.wait(job, "Succeeded")
    assert done["status"].get("restarts", 0) == 0
    log = head.cli("logs", "job/wide", "--all")
    assert log.count("done 127.0.0.") == 3, log


def test_an_agent_that_was_killed_finds_what_it_ran(head, nodes, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    jobs = Jobs(head)
    job = wide_job(out, workers=2)
    jobs.create(job)
    names = ("master-0", "worker-0", "worker-1")
    until("all to run", lambda: all(runs(out, name) for name in names), 60)
    nodes[0].kill()
    nodes[0].start()
    (out / "go").touch()
    jobs.wait(job, "Succeeded")
    assert [len(runs(out, name)) for name in names] == [1, 1, 1]

"""Many nodes: jobs over machines that have joined, and what becomes of them when one is lost."""

import contextlib
import json
import os
import pathlib
import signal

import pytest
from harness.jobs import Jobs, holds, manifest
from harness.nodes import LEASE_SECONDS, Head
from harness.process import until

# Each run of a replica writes a beat, a name of its own and the time, several times a second.
BEAT = (
    "run=$(cat /proc/sys/kernel/random/uuid); "
    'while [ ! -e "$OUT/go" ]; do echo "$run $(date +%s%N)" >> "$OUT/$KFMESH_REPLICA"; sleep 0.05; done; '
    'echo "done $MASTER_ADDR"'
)


def wide_job(out: pathlib.Path, workers: int) -> dict:
    """A job whose replicas need a GPU each, and so as many nodes."""
    more = {"Worker": workers} if workers else {}
    job = manifest("PyTorchJob", "wide", BEAT, env={"OUT": str(out)}, Master=1, **more)
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


def placed(head: Head) -> dict[str, str]:
    """The node of each replica, once all are shown: what has begun may be shown a moment later."""
    return until("every replica to have a node", lambda: all((where := replicas(head)).values()) and where)


def test_a_job_over_three_nodes_outlives_one(head, nodes, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    jobs = Jobs(head)
    job = wide_job(out, workers=2)
    jobs.create(job)
    names = ("master-0", "worker-0", "worker-1")
    until("all to run", lambda: all(runs(out, name) for name in names), 60)
    assert sorted(placed(head).values()) == ["head", "node-2", "node-3"]

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


def test_a_job_that_has_succeeded_does_not_run_anew(head, nodes, tmp_path):
    """Its workers run on, as cleanPodPolicy None lets them, and one of them is lost."""
    out = tmp_path / "out"
    out.mkdir()
    jobs = Jobs(head)
    job = wide_job(out, workers=2)
    for kind, file in {"Master": "well", "Worker": "go"}.items():
        container = job["spec"]["pytorchReplicaSpecs"][kind]["template"]["spec"]["containers"][0]
        beats = BEAT.replace("$OUT/go", f"$OUT/{file}")
        container["command"] = ["sh", "-c", 'echo once >> "$OUT/begun-$KFMESH_REPLICA"; ' + beats]
    jobs.create(job)
    names = ("master-0", "worker-0", "worker-1")
    until("all to run", lambda: all(runs(out, name) for name in names), 60)
    where = placed(head)
    (out / "well").touch()
    jobs.wait(job, "Succeeded")

    lost = next(n for n in nodes if n.name in (where["worker-0"], where["worker-1"]))
    lost.kill()
    until("the node to be missed", lambda: lost.name not in head.nodes(), 10 * LEASE_SECONDS)
    lost.start()
    until("the node to be back", lambda: lost.name in head.nodes(), 60)
    (out / "go").touch()

    def phase() -> str:
        return json.loads(head.cli("get", "workloads", "-o", "json"))["items"][0]["status"]["phase"]

    until("the workload to end", lambda: phase() in ("PHASE_FAILED", "PHASE_STOPPED", "PHASE_SUCCEEDED"), 60)
    assert {name: (out / f"begun-{name}").read_text() for name in names} == dict.fromkeys(names, "once\n")
    assert "Succeeded" in holds(jobs.get(job))
    assert "done 127.0.0." in head.cli("logs", "job/wide", "--replica", "master-0")


def test_a_node_is_drained(head, nodes, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    jobs = Jobs(head)
    job = wide_job(out, workers=1)
    jobs.create(job)
    names = ("master-0", "worker-0")
    until("all to run", lambda: all(runs(out, name) for name in names), 60)
    node = next(name for name in placed(head).values() if name != "head")

    said = head.cli("drain", node, "--reason", "new fans", "--timeout", "50s")
    assert said.splitlines()[0] == f"cordoned node {node}"
    assert said.splitlines()[-1] == f"drained node {node}"
    until("all to run elsewhere", lambda: all(len(runs(out, name)) == 2 for name in names), 60)
    assert node not in placed(head).values()
    for name in names:
        first, second = runs(out, name)
        assert first[1] < second[0], f"two runs of {name} at once"
    (out / "go").touch()
    assert jobs.wait(job, "Succeeded")["status"].get("restarts", 0) == 0


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


@pytest.mark.parametrize("whole", [False, True], ids=["agent", "agent-and-supervisors"])
def test_a_node_that_stands_still_runs_nothing_beside_its_successor(head, nodes, tmp_path, whole):
    out = tmp_path / "out"
    out.mkdir()
    head.cli("cordon", "head")
    jobs = Jobs(head)
    job = wide_job(out, workers=0)
    jobs.create(job)
    until("it to run", lambda: runs(out, "master-0"), 60)
    still = next(node for node in nodes if node.name in placed(head).values())
    stopped = [still.process.pid, *(still.supervisors() if whole else [])]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    until("it to run elsewhere", lambda: len(runs(out, "master-0")) == 2, 60)
    for pid in stopped:
        with contextlib.suppress(ProcessLookupError):  # the kernel has killed it
            os.kill(pid, signal.SIGCONT)
    until("the node to be back", lambda: still.name in head.nodes(), 60)
    (out / "go").touch()
    jobs.wait(job, "Succeeded")
    first, second = runs(out, "master-0")
    assert first[1] < second[0], "two runs at once"


def test_a_supervisor_that_stands_still_counts_as_killed(head, nodes, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    head.cli("cordon", "head")
    jobs = Jobs(head)
    job = wide_job(out, workers=0)
    jobs.create(job)
    until("it to run", lambda: runs(out, "master-0"), 60)
    node = next(node for node in nodes if node.name in placed(head).values())
    for pid in node.supervisors():
        os.kill(pid, signal.SIGSTOP)
    until("it to run again", lambda: len(runs(out, "master-0")) == 2, 60)
    (out / "go").touch()
    jobs.wait(job, "Succeeded")
    first, second = runs(out, "master-0")
    assert first[1] < second[0], "two runs at once"


# What mpirun does: it starts something on each host of the host file by the stand-in for rsh.
MPIRUN = """
agent=$OMPI_MCA_plm_rsh_agent
for host in $(cut -d" " -f1 "$OMPI_MCA_orte_default_hostfile"); do
    echo "to $host" | "$agent" "$host" 'cat; echo "$KFMESH_REPLICA at $KFMESH_MPI_SELF" >&2; exit 7' \\
        >>"$OUT/said" 2>>"$OUT/heard"
    echo $? >>"$OUT/statuses"
done
for host in $(cut -d" " -f1 "$OMPI_MCA_orte_default_hostfile"); do
    "$agent" "$host" 'echo $$ >"$OUT/$KFMESH_REPLICA.pid"; while [ ! -e "$OUT/go" ]; do sleep 0.05; done' &
done
wait
"""


def test_mpi_over_several_nodes(head, nodes, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    jobs = Jobs(head)
    job = manifest("MPIJob", "spread", MPIRUN, "v1", {"OUT": str(out)}, Launcher=1, Worker=3)
    worker = job["spec"]["mpiReplicaSpecs"]["Worker"]["template"]["spec"]["containers"][0]
    worker["resources"] = {"limits": {"nvidia.com/gpu": 1}}
    jobs.create(job)
    pids = [out / f"worker-{i}.pid" for i in range(3)]
    until("what was started to run", lambda: all(p.exists() and p.read_text().strip() for p in pids), 60)
    where = placed(head)
    assert sorted(where[f"worker-{i}"] for i in range(3)) == ["head", "node-2", "node-3"]
    hosts = {"head": "127.0.0.1", "node-2": "127.0.0.2", "node-3": "127.0.0.3"}
    assert (out / "heard").read_text().splitlines() == [
        f"worker-{i} at {hosts[where[f'worker-{i}']]}" for i in range(3)
    ]
    assert (out / "said").read_text().splitlines() == [f"to spread-worker-{i}" for i in range(3)]
    assert (out / "statuses").read_text().split() == ["7"] * 3
    for node in nodes:  # what runs there is the replicas' own, and needs no agent
        node.kill()
    for node in nodes:
        node.start()
    (out / "go").touch()
    jobs.wait(job, "Succeeded")
    for pid in pids:
        until("it to end", lambda pid=pid: not pathlib.Path(f"/proc/{pid.read_text().strip()}").exists(), 30)


# Counts on from its checkpoint, which it writes beside its place and renames.
COUNT = """
file=$KFMESH_CHECKPOINT_DIR/count
n=$(cat "$file" 2>/dev/null || echo 0)
echo "from $n" >>"$OUT/starts"
while [ ! -e "$OUT/go" ]; do
    n=$((n + 1)); echo $n >"$file.part"; mv "$file.part" "$file"; echo $n >"$OUT/count"; sleep 2
done
"""


def test_a_job_goes_on_from_its_checkpoint_on_another_node(head, nodes, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    head.cli("cordon", "head")
    jobs = Jobs(head)
    job = manifest("PyTorchJob", "counts", COUNT, env={"OUT": str(out)}, Master=1)
    container = job["spec"]["pytorchReplicaSpecs"]["Master"]["template"]["spec"]["containers"][0]
    container["resources"] = {"limits": {"nvidia.com/gpu": 1}}
    jobs.create(job)
    until("a checkpoint to be stored", lambda: list((head.artifacts / "kept").rglob("count")), 60)
    first = next(node for node in nodes if node.name in placed(head).values())
    first.kill()
    starts = out / "starts"
    until("it to run elsewhere", lambda: len(starts.read_text().splitlines()) == 2, 60)
    assert first.name not in replicas(head).values()
    assert int(starts.read_text().splitlines()[1].split()[1]) > 0
    (out / "go").touch()
    jobs.wait(job, "Succeeded")
    jobs.delete(job)
    until("nothing to be left of it", lambda: not list((head.artifacts / "kept").rglob("count")), 30)

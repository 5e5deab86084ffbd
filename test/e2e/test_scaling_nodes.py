"""Elastic jobs over machines that have joined: they scale, and lose a node."""

from e2e.test_nodes import BEAT, placed, replicas, runs
from harness.jobs import Jobs, holds, manifest
from harness.nodes import LEASE_SECONDS
from harness.process import until


def test_a_lost_node_costs_only_what_ran_there(head, nodes, tmp_path):
    """Of one worker on each of three nodes one is lost; the others run on, whatever comes and goes."""
    out = tmp_path / "out"
    out.mkdir()
    jobs = Jobs(head)
    job = manifest("PyTorchJob", "wide", BEAT, env={"OUT": str(out)}, Worker=1)
    job["spec"]["elasticPolicy"] = {"minReplicas": 1, "maxReplicas": 3}
    (container,) = job["spec"]["pytorchReplicaSpecs"]["Worker"]["template"]["spec"]["containers"]
    container["resources"] = {"limits": {"nvidia.com/gpu": 1}}
    jobs.create(job)
    until("a worker", lambda: runs(out, "worker-0"), 60)

    def scale(workers: int) -> None:
        jobs.patch(job, {"spec": {"pytorchReplicaSpecs": {"Worker": {"replicas": workers}}}})

    def counts() -> list[int]:
        return [len(runs(out, f"worker-{index}")) for index in range(3)]

    scale(3)
    until("three workers", lambda: counts() == [1, 1, 1], 60)
    where = placed(head)
    assert sorted(where.values()) == ["head", "node-2", "node-3"]

    lost = next(node for node in nodes if node.name != where["worker-0"])
    index = next(n for n in (1, 2) if where[f"worker-{n}"] == lost.name)
    lost.kill()
    until("the node to be missed", lambda: lost.name not in head.nodes(), 10 * LEASE_SECONDS)
    until("its worker to wait", lambda: replicas(head)[f"worker-{index}"] == "", 60)
    assert counts() == [1, 1, 1]
    assert "Running" in holds(jobs.get(job))
    lost.start()
    expected = [1, 1, 1]
    expected[index] = 2
    until("it to be back", lambda: counts() == expected, 60)
    first, second = runs(out, f"worker-{index}")
    assert first[1] < second[0], "two runs at once"

    scale(1)
    head.kill()
    head.start()
    until("two to be gone", lambda: list(replicas(head)) == ["worker-0"], 60)
    scale(3)
    until("three workers again", lambda: counts() == [1, expected[1] + 1, expected[2] + 1], 60)
    (out / "go").touch()
    done = jobs.wait(job, "Succeeded")
    assert done["status"].get("restarts", 0) == 0

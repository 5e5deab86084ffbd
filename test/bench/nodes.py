"""Machines that join: what their agents cost, and how soon what a lost one ran runs elsewhere."""

import pathlib
import statistics
import time
from typing import NamedTuple

from harness.jobs import Jobs, manifest
from harness.nodes import LEASE_SECONDS, Head, Node
from harness.process import until
from table import Table

TRIES = 5
REST_SECONDS = 20
SETTLE_SECONDS = 8

# A replica beats with a name of its own for each run of it.
BEAT = (
    "run=$(cat /proc/sys/kernel/random/uuid); "
    'while :; do echo "$run $(date +%s%N)" >> "$OUT"; sleep 0.01; done'
)


class Rest(NamedTuple):
    """What an agent takes that has nothing to do."""

    megabytes: float
    peak_megabytes: float
    cores: float


def measure_nodes(folder: pathlib.Path, table: Table) -> None:
    """Measure all and add the rows."""
    head = Head(folder / "head").start()
    nodes = [Node(head, number, "--fake-gpus=1xH100").start() for number in (2, 3)]
    try:
        rest = measure_rest(nodes[0])
        table.add("agent of a joined node at rest, resident memory", rest.megabytes, "MB", at_most=40)
        table.add("  at its start, when every package prepares itself", rest.peak_megabytes, "MB")
        table.add("  processor time, of a core", rest.cores * 100, "%", at_most=1)
        lost = [measure_loss(head, nodes, folder / f"beats-{n}", n) for n in range(TRIES)]
        what = "node lost (kill -9 of its agent), to the job running elsewhere"
        table.add(f"{what}, median of {TRIES}", statistics.median(lost), "s", at_most=LEASE_SECONDS + 1)
        table.add("  the slowest", max(lost), "s", at_most=LEASE_SECONDS + 1)
        table.beside("the lease alone", LEASE_SECONDS, "s", statistics.median(lost))
    finally:
        for node in nodes:
            node.process.stop()
        head.stop()


def measure_rest(node: Node) -> Rest:
    """Look at an agent for a while."""
    time.sleep(SETTLE_SECONDS)
    used = node.process.cpu_seconds()
    time.sleep(REST_SECONDS)
    cores = (node.process.cpu_seconds() - used) / REST_SECONDS
    return Rest(node.process.resident_bytes() / 1e6, node.process.peak_bytes() / 1e6, cores)


def measure_loss(head: Head, nodes: list[Node], out: pathlib.Path, n: int) -> float:
    """Seconds from the end of an agent until the job that ran there runs on the other node."""
    jobs = Jobs(head)
    job = manifest("PyTorchJob", f"lost-{n}", BEAT, env={"OUT": str(out)}, Master=1)
    container = job["spec"]["pytorchReplicaSpecs"]["Master"]["template"]["spec"]["containers"][0]
    container["resources"] = {"limits": {"nvidia.com/gpu": 1}}
    jobs.create(job)
    until("the job to run", lambda: len(runs(out)) == 1)
    lost = next(node for node in nodes if node.name in head.cli("describe", "job", f"lost-{n}"))
    killed = time.time_ns()
    lost.kill()
    until("the job to run elsewhere", lambda: len(runs(out)) == 2, every_seconds=0.005)
    again = list(runs(out).values())[1]
    jobs.delete(job)
    lost.start()
    until("the GPU to be free", lambda: "lost-" not in head.cli("get", "workloads"))
    return (again - killed) / 1e9


def runs(out: pathlib.Path) -> dict[str, int]:
    """When each run of the replica began, in order."""
    found: dict[str, int] = {}
    for line in out.read_text().splitlines() if out.exists() else []:
        run, _, at = line.partition(" ")
        if at.isdigit():
            found.setdefault(run, int(at))
    return found

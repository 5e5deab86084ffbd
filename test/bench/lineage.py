"""What was made from what, in a graph of a million edges."""

import json
import statistics
import subprocess
import time
import urllib.request

from harness.mesh import OneProcess
from harness.process import BIN

EDGES = 1_000_000
HOPS = 10
TIMES = 40
MILLISECONDS = 20


def fill_lineage(mesh: OneProcess, edges: int) -> str:
    """Put a graph in, and return the id of an artifact in the middle of one of its runs."""
    command = [BIN / "test" / "fill-lineage", f"--address={mesh.grpc_address}", f"--edges={edges}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def measure_get(mesh: OneProcess, path: str) -> tuple[float, dict]:
    """Median of the milliseconds of a request, and its answer."""
    taken = []
    for _ in range(TIMES):
        started = time.perf_counter()
        with urllib.request.urlopen(f"{mesh.url}/kfmesh/v1/{path}", timeout=60) as answer:
            content = answer.read()
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken), json.loads(content)


def measure_lineage(mesh: OneProcess, artifact: str) -> tuple[float, float, int]:
    """Milliseconds of a walk both ways, of reading its start alone, and how many executions it reached."""
    walk, reached = measure_get(mesh, f"artifacts/{artifact}/lineage?max_hops={HOPS}")
    alone, _ = measure_get(mesh, f"artifacts/{artifact}")
    return walk, alone, len(reached["executions"])

"""Decisions on which jobs run where, in a simulated cluster; no server takes part."""

import pathlib
import re
import subprocess

from table import Table

PROGRAM = pathlib.Path(__file__).parents[2] / "bin" / "test" / "placement.test"
MEASURE = re.compile(r"([0-9.e+]+) (\S+)")

# What Kueue's own test of its scheduler reaches in a simulated cluster: 15,000 workloads in 351 s.
KUEUE_PER_SECOND = 43


def measure_placement(_: pathlib.Path, table: Table) -> None:
    """Decisions on 15,000 jobs, in gangs of up to 32 nodes, on 1,000 nodes of 8 GPUs."""
    found = simulate()
    placed = found["placements/s"]
    table.add("15,000 jobs on 1,000 nodes of 8 GPUs, placements", placed, "/s", at_least=1000)
    table.beside("Kueue, as published, another machine", KUEUE_PER_SECOND, "/s", placed, rate=True)
    table.add("  longest single decision", found["slowest-ms"], "ms")
    table.add("  GPUs in use while jobs wait", found["GPUs-%"], "%", at_least=90)
    table.add("  mean wait, in the simulation", found["mean-wait-min"], "min")
    table.add("  99th percentile of the wait", found["p99-wait-min"], "min")


def simulate() -> dict[str, float]:
    """Run the simulation once, and read its measures by name."""
    command = [str(PROGRAM), "-test.run", "^$", "-test.bench", "Placement", "-test.benchtime", "1x"]
    out = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600).stdout
    line = next(line for line in out.splitlines() if line.startswith("BenchmarkPlacement"))
    return {unit: float(value) for value, unit in MEASURE.findall(line)}

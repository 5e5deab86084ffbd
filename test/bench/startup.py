"""Start and idle memory of `kfmesh up`."""

import pathlib
import statistics
import time

from harness.mesh import OneProcess

STARTS = 5
IDLE_SECONDS = 5


def measure_start(folder: pathlib.Path) -> float:
    """Median seconds from the start of the process with an empty data directory until it is ready."""
    seconds = []
    for i in range(STARTS):
        mesh = OneProcess(folder / f"start-{i}").start()
        seconds.append(mesh.seconds_to_ready)
        mesh.stop()
    return statistics.median(seconds)


def measure_idle_memory(mesh: OneProcess, seconds: float = IDLE_SECONDS) -> float:
    """Resident megabytes of a kfmesh that has had nothing to do for some seconds."""
    time.sleep(seconds)
    return mesh.process.resident_bytes() / 1e6

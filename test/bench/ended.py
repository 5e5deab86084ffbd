"""Training jobs that have ended: what a kfmesh costs that knows many of them."""

import pathlib
import subprocess
import time
from dataclasses import dataclass

from harness.jobs import Jobs
from harness.mesh import OneProcess
from harness.process import BIN, until
from startup import measure_idle_memory
from training import measure_accepted

PAGE = 500
PAGES = 20
ARCHIVED_WITHIN_SECONDS = 600
AT_REST_SECONDS = 150  # Go collects garbage after two minutes without much of it


@dataclass
class Ended:
    """What was measured."""

    seconds_to_ready: float
    megabytes_before: float  # in the process that made them, at rest
    megabytes: float
    anonymous_megabytes: float
    page_milliseconds: float  # 95th percentile
    command_seconds: float


def measure_ended(folder: pathlib.Path, count: int) -> Ended:
    """Make jobs whose deadline is over when they begin, have all archived, and start anew."""
    mesh = OneProcess(folder / "ended", "--archive-jobs-after=1ms").start()
    try:
        measure_accepted(mesh, count, {"activeDeadlineSeconds": 0})
        jobs = Jobs(mesh)
        until(
            "all jobs to be archived",
            lambda: "jobs" not in jobs.call("GET", "/kfmesh/v1/trainingjobs?live=true&page_size=1"),
            ARCHIVED_WITHIN_SECONDS,
            every_seconds=0.2,
        )
        before = measure_idle_memory(mesh, AT_REST_SECONDS)
        mesh.stop()
        mesh.start()
        return Ended(
            mesh.seconds_to_ready,
            before,
            measure_idle_memory(mesh),
            mesh.process.anonymous_bytes() / 1e6,
            pages(jobs),
            command(mesh),
        )
    finally:
        mesh.stop()


def pages(jobs: Jobs) -> float:
    """95th percentile of the milliseconds of a page as kubectl asks for it, one after the other."""
    taken: list[float] = []
    token = ""
    for _ in range(PAGES):
        started = time.perf_counter()
        page = jobs.call("GET", f"{jobs.path('PyTorchJob')}?limit={PAGE}&continue={token}")
        taken.append((time.perf_counter() - started) * 1000)
        token = page["metadata"].get("continue", "")
    return sorted(taken)[int(len(taken) * 0.95)]


def command(mesh: OneProcess) -> float:
    """Seconds of `kfmesh get jobs`."""
    started = time.perf_counter()
    subprocess.run(
        [BIN / "kfmesh", f"--server={mesh.grpc_address}", "get", "jobs"], check=True, capture_output=True
    )
    return time.perf_counter() - started

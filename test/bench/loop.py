"""One run of many steps: a loop over items that need no work."""

import json
import os
import subprocess
import time
from dataclasses import dataclass

from chains import noop
from client import Client, await_true
from harness.api import Api
from harness.mesh import OneProcess
from harness.steps import compiled
from kfp import dsl


@dataclass
class Loop:
    """What a loop took."""

    tasks_per_second: float
    peak_megabytes: float  # of kfmesh, until the run had ended
    cpu_milliseconds: float  # of kfmesh, a task; what steps and their supervisors use is not in it
    get_seconds: float  # until the kfp client had the finished run with all its tasks


def noop_loop(items: int):
    """A pipeline of one loop, whose body does nothing."""

    @dsl.pipeline(name=f"loop-{items}")
    def loop():
        with dsl.ParallelFor(list(range(items))):
            noop().set_caching_options(False)

    return loop


def measure_loop(mesh: OneProcess, items: int) -> Loop:
    """Run one loop on a kfmesh that has done nothing yet."""
    body = json.dumps({"display_name": "loop", "pipeline_spec": compiled(noop_loop(items))}).encode()
    client = Client(mesh)
    used = mesh.process.cpu_seconds()
    started = time.monotonic()
    run_id = client.create(body)
    await_true("the loop to end", lambda: client.state(run_id) not in ("PENDING", "RUNNING"))
    took = time.monotonic() - started
    used = mesh.process.cpu_seconds() - used
    peak = mesh.process.peak_bytes()
    return Loop(items / took, peak / 1e6, used / items * 1000, seconds_to_get(mesh, run_id, items))


def seconds_to_get(mesh: OneProcess, run_id: str, items: int) -> float:
    """Seconds that the kfp client takes to read a run, which must have succeeded in all its steps."""
    api = Api(mesh)
    started = time.monotonic()
    run = api.kfp.get_run(run_id)
    took = time.monotonic() - started
    assert run.state == "SUCCEEDED", run.error
    steps = [task for task in run.run_details.task_details if task.display_name == "noop"]
    assert len(steps) == items, f"{len(steps)} of {items} steps are in the answer"
    return took


def measure_xargs(items: int) -> float:
    """How many `true` a second xargs starts, one for each processor at a time."""
    processors = len(os.sched_getaffinity(0))
    lines = "".join(f"{i}\n" for i in range(items))
    started = time.monotonic()
    subprocess.run(["xargs", "-n1", f"-P{processors}", "true"], input=lines, text=True, check=True)
    return items / (time.monotonic() - started)

"""Chains of steps: what a step costs beyond the work in it."""

import json
import os
import statistics
import time

from harness.api import Api
from harness.mesh import OneProcess
from harness.steps import compiled
from kfp import dsl

RUNS = 5
SPAWNS = 300


@dsl.container_component
def noop():
    """Do nothing."""
    return dsl.ContainerSpec(image="alpine:3.20", command=["true"])


@dsl.component(base_image="python:3.11")
def add(a: int, b: int) -> int:
    """Add."""
    return a + b


def noop_chain(steps: int):
    """A pipeline of steps that do nothing, one after the other."""

    @dsl.pipeline(name=f"noop-{steps}")
    def chain():
        before = None
        for _ in range(steps):
            step = noop()
            step.set_caching_options(False)
            if before:
                step.after(before)
            before = step

    return chain


def python_chain(steps: int):
    """A pipeline of additions, each of the result of the one before."""

    @dsl.pipeline(name=f"python-{steps}")
    def chain(number: int = 1) -> int:
        for _ in range(steps):
            step = add(a=number, b=1)
            step.set_caching_options(False)
            number = step.output
        return number

    return chain


def seconds(api: Api, pipeline) -> float:
    """Seconds from the request that makes a run until the word that it has ended.

    The pipeline is compiled before: that is the SDK's time.
    """
    body = json.dumps({"display_name": pipeline.name, "pipeline_spec": compiled(pipeline)})
    started = time.monotonic()
    run_id = api.request("POST", "/apis/v2beta1/runs", data=body).json()["run_id"]
    with api.request("GET", f"/kfmesh/v1/runs/{run_id}:watch", stream=True) as response:
        for _ in response.iter_lines():
            pass
    took = time.monotonic() - started
    outcome = api.outcome(run_id)
    assert outcome.state == "SUCCEEDED", outcome.explain()
    return took


def measure_noop(mesh: OneProcess, chain) -> tuple[float, float]:
    """Median milliseconds a step of a chain of no-ops, and of starting the same program bare."""
    api = Api(mesh)
    steps = len(chain.pipeline_spec.root.dag.tasks)
    seconds(api, chain)
    a_step = statistics.median(seconds(api, chain) for _ in range(RUNS)) / steps
    return a_step * 1000, bare_milliseconds()


def bare_milliseconds() -> float:
    """Median milliseconds of fork, exec and wait for `true`."""
    taken = []
    for _ in range(SPAWNS):
        started = time.perf_counter()
        os.waitpid(os.posix_spawn("/bin/true", ["true"], os.environ), 0)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1000


def measure_python(mesh: OneProcess, chain) -> float:
    """Median seconds of a chain of lightweight components once its environment is there."""
    api = Api(mesh)
    seconds(api, chain)
    return statistics.median(seconds(api, chain) for _ in range(RUNS))

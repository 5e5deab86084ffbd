"""The pipelines of a storm, and the lines that their steps append."""

import dataclasses
import random
from collections.abc import Callable

from harness.steps import PYTHON, SHELL, compiled
from kfp import dsl

CHAIN = 4
FAN = 6

# Half of the time before the line and half after it, so that kills hit both.
STEP = 'sleep "$2"; echo "$1" >> "$0"; sleep "$2"; printf %s "$1" > "$3"'
# Fails once: the folder tells the attempts apart.
FLAKY = 'if mkdir "$0.$2"; then echo "$1 first" >> "$0"; exit 1; fi; echo "$1 second" >> "$0"'


@dsl.container_component
def step(file: str, text: str, seconds: float, value: dsl.OutputPath(str)):
    """Append a line, slowly, and return it."""
    return dsl.ContainerSpec(image=SHELL, command=["sh", "-ec", STEP], args=[file, text, seconds, value])


@dsl.container_component
def flaky(file: str, text: str, unique: str):
    """Append a line and fail; append another when tried again."""
    return dsl.ContainerSpec(image=SHELL, command=["sh", "-ec", FLAKY], args=[file, text, unique])


@dsl.component(base_image=PYTHON)
def component(file: str, text: str, seconds: float) -> str:
    """Append a line, slowly, and return it: in Python, and so most often in a fork."""
    import time

    time.sleep(seconds)
    with open(file, "a") as lines:
        lines.write(text + "\n")
    time.sleep(seconds)
    return text


@dsl.pipeline(name="chaos-chain")
def chain(file: str, run: str, seconds: float):
    """Steps one after the other, each of which passes on what it was given."""
    text = f"{run} 0"
    for i in range(CHAIN):
        task = step(file=file, text=text, seconds=seconds).set_caching_options(False)
        text = f"{task.outputs['value']}{i + 1}"


@dsl.pipeline(name="chaos-fan")
def fan(file: str, run: str, seconds: float):
    """A loop, a few items at a time, and a step after it."""
    with dsl.ParallelFor([str(i) for i in range(FAN)], parallelism=3) as item:
        inside = step(file=file, text=f"{run} item {item}", seconds=seconds).set_caching_options(False)
    after = step(file=file, text=f"{run} after", seconds=seconds).set_caching_options(False)
    after.after(inside)


@dsl.pipeline(name="chaos-exit")
def exit_handler(file: str, run: str, seconds: float):
    """A step that is tried twice, a condition on an output, and an exit task."""
    last = step(file=file, text=f"{run} exit", seconds=seconds).set_caching_options(False)
    with dsl.ExitHandler(last):
        tried = flaky(file=file, text=f"{run} flaky", unique=run).set_caching_options(False)
        tried.set_retry(num_retries=2, backoff_duration="0s")
        said = step(file=file, text=f"{run} said", seconds=seconds).after(tried).set_caching_options(False)
        with dsl.If(said.outputs["value"] != ""):
            step(file=file, text=f"{run} held", seconds=seconds).set_caching_options(False)
        with dsl.Else():
            step(file=file, text=f"{run} did not hold", seconds=seconds).set_caching_options(False)


@dsl.pipeline(name="chaos-components")
def components(file: str, run: str, seconds: float):
    """Components of the SDK, two of them at once, and one that reads what they return."""
    left = component(file=file, text=f"{run} left", seconds=seconds).set_caching_options(False)
    right = component(file=file, text=f"{run} right", seconds=seconds).set_caching_options(False)
    component(file=file, text=f"{left.output}, {right.output}", seconds=seconds).set_caching_options(False)


def chain_lines(run: str) -> list[str]:
    """What a chain appends: each text is that of the step before and a digit more."""
    return [f"{run} " + "".join(str(j) for j in range(i + 1)) for i in range(CHAIN)]


def fan_lines(run: str) -> list[str]:
    """What a fan appends."""
    return [f"{run} item {i}" for i in range(FAN)] + [f"{run} after"]


def exit_lines(run: str) -> list[str]:
    """What an exit handler appends."""
    return [f"{run} {what}" for what in ("flaky first", "flaky second", "said", "held", "exit")]


def components_lines(run: str) -> list[str]:
    """What components append."""
    return [f"{run} left", f"{run} right", f"{run} left, {run} right"]


@dataclasses.dataclass(frozen=True)
class Shape:
    """A compiled pipeline and what one run of it must leave behind."""

    spec: dict
    lines: Callable[[str], list[str]]


@dataclasses.dataclass(frozen=True)
class Planned:
    """A run to be made."""

    name: str
    shape: Shape
    seconds: float  # that each step sleeps, twice

    @property
    def lines(self) -> list[str]:
        """What its steps must append, each once."""
        return self.shape.lines(self.name)


def plan(rng: random.Random, runs: int) -> list[Planned]:
    """Draw the runs of a storm."""
    shapes = [
        Shape(compiled(pipeline), lines)
        for pipeline, lines in (
            (chain, chain_lines),
            (fan, fan_lines),
            (exit_handler, exit_lines),
            (components, components_lines),
        )
    ]
    return [Planned(f"run-{i:04d}", rng.choice(shapes), round(rng.uniform(0, 0.4), 3)) for i in range(runs)]

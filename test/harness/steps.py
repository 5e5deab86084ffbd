"""Components for tests: container components, so that they cost milliseconds, and a few lightweight ones."""

from google.protobuf import json_format
from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Output

SHELL = "alpine:3.20"
PYTHON = "python:3.11"


@dsl.container_component
def shell(script: str):
    """Run a script."""
    return dsl.ContainerSpec(image=SHELL, command=["sh", "-ec"], args=[script])


@dsl.container_component
def echo(text: str, output: dsl.OutputPath(str)):
    """Return a text."""
    return dsl.ContainerSpec(image=SHELL, command=["sh", "-ec", 'printf %s "$0" > "$1"'], args=[text, output])


@dsl.container_component
def mark(file: str, text: str):
    """Append a line to a file outside kfmesh: the side effect that tests count."""
    return dsl.ContainerSpec(image=SHELL, command=["sh", "-ec", 'echo "$1" >> "$0"'], args=[file, text])


@dsl.container_component
def mark_slowly(file: str, text: str, seconds: float):
    """Append a line, sleep, append another."""
    script = 'echo "begin $1" >> "$0"; sleep "$2"; echo "end $1" >> "$0"'
    return dsl.ContainerSpec(image=SHELL, command=["sh", "-ec", script], args=[file, text, seconds])


@dsl.container_component
def write(text: str, data: Output[Dataset]):
    """Write a text to an artifact."""
    return dsl.ContainerSpec(
        image=SHELL,
        command=["sh", "-ec", 'mkdir -p "$(dirname "$1")"; printf %s "$0" > "$1"'],
        args=[text, data.path],
    )


@dsl.container_component
def copy(source: Input[Dataset], target: Output[Dataset]):
    """Copy an artifact to another."""
    return dsl.ContainerSpec(
        image=SHELL,
        command=["sh", "-ec", 'mkdir -p "$(dirname "$1")"; cp "$0" "$1"'],
        args=[source.path, target.path],
    )


@dsl.container_component
def read(source: Input[Artifact], text: dsl.OutputPath(str)):
    """Return the content of an artifact."""
    return dsl.ContainerSpec(image=SHELL, command=["sh", "-ec", 'cat "$0" > "$1"'], args=[source.path, text])


@dsl.component(base_image=PYTHON)
def plus_one(number: int) -> int:
    """Add one."""
    return number + 1


def compiled(pipeline) -> dict:
    """Return the IR of a pipeline function."""
    return json_format.MessageToDict(pipeline.pipeline_spec)

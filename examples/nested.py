"""Pipelines as components of pipelines, two levels deep."""

from typing import List

import kfp
from kfp import dsl
from kfp.dsl import Dataset, Input, Output


@dsl.component(base_image="python:3.11")
def write(words: List[str], text: Output[Dataset]):
    """Write words to a file, one a line."""
    with open(text.path, "w") as file:
        file.write("\n".join(words))
    text.metadata["words"] = len(words)


@dsl.component(base_image="python:3.11")
def shout(text: Input[Dataset], louder: Output[Dataset]):
    """Put a text in capitals."""
    with open(text.path) as source, open(louder.path, "w") as target:
        target.write(source.read().upper())


@dsl.component(base_image="python:3.11")
def count(text: Input[Dataset], letter: str) -> int:
    """Count a letter."""
    with open(text.path) as file:
        return file.read().count(letter)


@dsl.pipeline(name="loud")
def loud(words: List[str]) -> Dataset:
    """Write words in capitals."""
    return shout(text=write(words=words).outputs["text"]).outputs["louder"]


@dsl.pipeline(name="loud-count")
def loud_count(words: List[str], letter: str) -> int:
    """Count a capital in loud words."""
    return count(text=loud(words=words).output, letter=letter).output


@dsl.pipeline(name="nested")
def nested(words: List[str] = ["etcd", "node", "lease"]) -> int:  # noqa: B006 - a pipeline's default is data
    """Count the Es of three words."""
    return loud_count(words=words, letter="E").output


if __name__ == "__main__":
    kfp.Client(host="http://127.0.0.1:8080").create_run_from_pipeline_func(nested)

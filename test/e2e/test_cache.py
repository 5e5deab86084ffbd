"""Caching: what was made before is used again, and only then."""

import pathlib

from harness.steps import echo, mark, read
from kfp import dsl
from kfp.dsl import Dataset, Output


@dsl.container_component
def make(file: str, text: str, data: Output[Dataset]):
    """Write an artifact, and leave a mark that it was really done."""
    script = 'echo made >> "$0"; mkdir -p "$(dirname "$2")"; printf %s "$1" > "$2"'
    return dsl.ContainerSpec(image="alpine:3.20", command=["sh", "-ec", script], args=[file, text, data.path])


@dsl.pipeline(name="cached")
def cached(file: str, text: str = "data"):
    """Make something and read it."""
    read(source=make(file=file, text=text).outputs["data"])


def test_a_second_run_reuses_the_first(api, marks):
    first = api.run(cached, {"file": str(marks)})
    second = api.run(cached, {"file": str(marks)})
    assert marks.read_text() == "made\n"
    for name in ("make", "read"):
        assert second.task(name)["cached_from_run_id"] == first.run_id
    assert second.output("read", "text") == "data"
    assert second.artifact("make", "data")["uri"] == first.artifact("make", "data")["uri"]


def test_other_inputs_are_not_reused(api, marks):
    api.run(cached, {"file": str(marks), "text": "one"})
    second = api.run(cached, {"file": str(marks), "text": "two"})
    assert marks.read_text() == "made\nmade\n"
    assert second.output("read", "text") == "two"


def test_caching_can_be_turned_off(api, marks):
    for _ in range(2):
        api.run(cached, {"file": str(marks)}, enable_caching=False)
    assert marks.read_text() == "made\nmade\n"


def test_a_failed_task_is_not_reused(api, marks):
    @dsl.container_component
    def fail(file: str):
        return dsl.ContainerSpec(
            image="alpine:3.20", command=["sh", "-ec", 'echo failed >> "$0"; exit 1'], args=[file]
        )

    @dsl.pipeline(name="cached-failure")
    def failing(file: str):
        mark(file=file, text="tried").set_caching_options(False)
        fail(file=file)

    for _ in range(2):
        api.run(failing, {"file": str(marks)}, expect="FAILED")
    assert marks.read_text().count("failed") == 2


def test_a_lost_artifact_is_made_again(api, marks):
    first = api.run(cached, {"file": str(marks)})
    pathlib.Path(first.artifact("make", "data")["uri"]).unlink()
    second = api.run(cached, {"file": str(marks)})
    assert marks.read_text() == "made\nmade\n"
    assert second.output("read", "text") == "data"


def test_equal_steps_that_end_together(api):
    @dsl.pipeline(name="equal-steps")
    def equal(text: str = "the same"):
        with dsl.ParallelFor(list("abcdefgh")):
            echo(text=text)

    outcome = api.run(equal)
    assert [t["detail"]["state"] for t in outcome.named("echo")] == ["SUCCEEDED"] * 8

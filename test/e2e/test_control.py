"""Conditions, loops, exit handlers, importers and retries."""

import json
from typing import List

import pytest
from harness.steps import PYTHON, echo, mark, mark_slowly, plus_one, read, shell, write
from kfp import dsl
from kfp.dsl import Dataset


@dsl.pipeline(name="branches")
def branches(text: str) -> str:
    """Take one of three ways."""
    said = echo(text=text)
    with dsl.If(said.output == "one"):
        first = echo(text="first")
    with dsl.Elif(said.output == "two"):
        second = echo(text="second")
    with dsl.Else():
        third = echo(text="third")
    chosen = dsl.OneOf(first.output, second.output, third.output)
    return echo(text=chosen).output


@pytest.mark.parametrize(("text", "taken"), [("one", "first"), ("two", "second"), ("it's neither", "third")])
def test_exactly_one_branch_runs(api, text, taken):
    outcome = api.run(branches, {"text": text})
    assert outcome.output("echo-5", "output") == taken
    states = [outcome.task_state(f"echo-{i}") for i in (2, 3, 4) if outcome.named(f"echo-{i}")]
    assert states.count("SUCCEEDED") == 1


def test_what_depends_on_a_skipped_branch_is_skipped(api, marks):
    @dsl.pipeline(name="skipped")
    def skipped(file: str, go: bool = False):
        with dsl.If(go == True):  # noqa: E712 - builds an expression
            inside = mark(file=file, text="inside")
        mark(file=file, text="beside")
        del inside

    outcome = api.run(skipped, {"file": str(marks)})
    assert marks.read_text() == "beside\n"
    assert outcome.state == "SUCCEEDED"


def test_a_loop_runs_every_item_in_order(api):
    @dsl.component(base_image=PYTHON)
    def gather(numbers: list) -> list:
        return numbers

    @dsl.pipeline(name="loop")
    def loop(items: List[int]):
        with dsl.ParallelFor(items) as item:
            number = plus_one(number=item)
        gather(numbers=dsl.Collected(number.output))

    outcome = api.run(loop, {"items": [3, 1, 2]})
    assert outcome.output("gather") == [4, 2, 3]


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_loop_keeps_its_limit(api, marks, limit):
    @dsl.pipeline(name=f"limit-{limit}")
    def limited(file: str):
        with dsl.ParallelFor(list("abcdef"), parallelism=limit) as item:
            mark_slowly(file=file, text=item, seconds=0.3)

    api.run(limited, {"file": str(marks)})
    lines = marks.read_text().split("\n")[:-1]
    assert len(lines) == 12
    assert busiest(lines) == limit


def test_an_unlimited_loop_runs_at_once(api, marks):
    @dsl.pipeline(name="unlimited")
    def unlimited(file: str):
        with dsl.ParallelFor(list("abcdefgh")) as item:
            mark_slowly(file=file, text=item, seconds=1.5)

    api.run(unlimited, {"file": str(marks)})
    assert busiest(marks.read_text().split("\n")[:-1]) == 8


def busiest(lines: list[str]) -> int:
    """The largest number of steps between their begin and their end."""
    running = most = 0
    for line in lines:
        running += 1 if line.startswith("begin") else -1
        most = max(most, running)
    assert running == 0
    return most


def test_loops_in_loops_over_computed_items(api, marks):
    @dsl.component(base_image=PYTHON)
    def items() -> List[List[str]]:
        return [["a", "b"], ["c"]]

    @dsl.pipeline(name="nested-loops")
    def nested_loops(file: str):
        with dsl.ParallelFor(items().output) as row, dsl.ParallelFor(row) as cell:
            mark(file=file, text=cell)

    api.run(nested_loops, {"file": str(marks)})
    assert sorted(marks.read_text().split()) == ["a", "b", "c"]


def test_an_empty_loop_succeeds(api, marks):
    @dsl.pipeline(name="empty-loop")
    def empty_loop(file: str, items: list = []):  # noqa: B006
        with dsl.ParallelFor(items) as item:
            mark(file=file, text=item)

    api.run(empty_loop, {"file": str(marks), "items": []})
    assert marks.read_text() == ""


def test_loop_artifacts_are_collected(api):
    @dsl.component(base_image=PYTHON)
    def join(parts: dsl.Input[List[Dataset]]) -> str:
        texts = []
        for part in parts:
            with open(part.path) as file:
                texts.append(file.read())
        return "+".join(texts)

    @dsl.pipeline(name="collected-artifacts")
    def collected():
        with dsl.ParallelFor(["x", "y", "z"]) as item:
            part = write(text=item)
        join(parts=dsl.Collected(part.outputs["data"]))

    assert api.run(collected).output("join") == "x+y+z"


@pytest.mark.parametrize(("script", "state"), [("true", "SUCCEEDED"), ("exit 3", "FAILED")])
def test_an_exit_handler_always_runs(api, script, state):
    @dsl.component(base_image=PYTHON)
    def last(status: dsl.PipelineTaskFinalStatus) -> dict:
        return {"state": status.state, "error": status.error_message or ""}

    @dsl.pipeline(name="exit")
    def guarded(script: str):
        with dsl.ExitHandler(last()):
            shell(script=script)

    outcome = api.run(guarded, {"script": script}, expect=state)
    told = outcome.output("last")
    assert (told["state"] == "FAILED") == (state == "FAILED")
    if state == "FAILED":
        assert "3" in told["error"]


def test_ignored_failures_do_not_stop_what_follows(api, marks):
    @dsl.pipeline(name="ignored")
    def ignored(file: str):
        fails = shell(script="exit 1")
        mark(file=file, text="after").after(fails).ignore_upstream_failure()

    api.run(ignored, {"file": str(marks)}, expect="FAILED")
    assert marks.read_text() == "after\n"


def test_an_importer_makes_an_artifact(api, tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("1,2,3")

    @dsl.pipeline(name="imports")
    def imports(uri: str):
        imported = dsl.importer(artifact_uri=uri, artifact_class=Dataset, metadata={"origin": "a test"})
        read(source=imported.output)

    outcome = api.run(imports, {"uri": str(table)})
    assert outcome.output("read", "text") == "1,2,3"
    artifact = outcome.artifact("importer", "artifact")
    assert artifact["uri"] == str(table)
    assert artifact["metadata"]["origin"] == "a test"


@pytest.mark.parametrize(("failures", "state", "attempts"), [(2, "SUCCEEDED", 3), (9, "FAILED", 4)])
def test_retries(api, marks, failures, state, attempts):
    @dsl.container_component
    def attempt(script: str, file: str, failures: int):
        return dsl.ContainerSpec(image="alpine:3.20", command=["sh", "-ec"], args=[script, file, failures])

    @dsl.pipeline(name="retries")
    def retries(file: str, failures: int):
        script = 'echo attempt >> "$0"; [ "$(wc -l < "$0")" -gt "$1" ]'
        task = attempt(script=script, file=file, failures=failures)
        task.set_retry(num_retries=3, backoff_duration="0s")

    outcome = api.run(retries, {"file": str(marks), "failures": failures}, expect=state)
    assert marks.read_text().count("attempt") == attempts
    assert outcome.task("attempt")["attempts"] == attempts


def test_a_failure_lets_other_branches_end(api, marks):
    @dsl.pipeline(name="siblings")
    def siblings(file: str):
        fails = shell(script="exit 1")
        mark(file=file, text="not reached").after(fails)
        first = mark_slowly(file=file, text="sibling", seconds=0.5)
        mark(file=file, text="after sibling").after(first)

    outcome = api.run(siblings, {"file": str(marks)}, expect="FAILED")
    lines = marks.read_text().splitlines()
    assert "not reached" not in lines
    assert "end sibling" in lines, json.dumps(lines) + outcome.explain()

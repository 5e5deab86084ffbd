"""How tasks are put together: loops over artifacts, branches, exit tasks, optional inputs."""

from typing import List, NamedTuple, Optional

import pytest
from harness.steps import PYTHON, SHELL, echo, mark, read, shell, write
from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Output


@dsl.pipeline(name="split")
def split(texts: List[str]) -> List[Dataset]:
    """Make one artifact of each text."""
    with dsl.ParallelFor(texts) as text:
        made = write(text=text)
    return dsl.Collected(made.outputs["data"])


@dsl.component(base_image=PYTHON)
def shape(values: list) -> list:
    """Return what it was given."""
    return values


@dsl.component(base_image=PYTHON)
def contents(data: Input[List[Dataset]]) -> list:
    """Read artifacts in their order."""
    texts = []
    for artifact in data:
        with open(artifact.path) as file:
            texts.append(file.read())
    return texts


def test_a_loop_runs_over_artifacts(api):
    @dsl.pipeline(name="artifact-loop")
    def artifact_loop(texts: list):
        with dsl.ParallelFor(split(texts=texts).output) as part:
            said = read(source=part)
        shape(values=dsl.Collected(said.outputs["text"]))

    assert api.run(artifact_loop, {"texts": ["b", "a", "c"]}).output("shape") == ["b", "a", "c"]


def test_what_loops_in_loops_collect(api):
    @dsl.pipeline(name="nested-collected")
    def nested_collected():
        with dsl.ParallelFor(["a", "b"]) as outer, dsl.ParallelFor(["x", "y"]) as inner:
            said = echo(text=f"{outer}{inner}")
            data = write(text=f"{outer}{inner}")
        shape(values=dsl.Collected(said.outputs["output"]))
        contents(data=dsl.Collected(data.outputs["data"]))

    outcome = api.run(nested_collected)
    assert outcome.output("shape") == [["ax", "ay"], ["bx", "by"]], "a list for each round of the outer loop"
    assert outcome.output("contents") == ["ax", "ay", "bx", "by"], "artifacts are in one list"


def test_a_nested_pipeline_collects_for_its_caller(api):
    @dsl.pipeline(name="inner")
    def inner(items: List[str]) -> List[str]:
        with dsl.ParallelFor(items) as item:
            said = echo(text=item)
        return dsl.Collected(said.outputs["output"])

    @dsl.pipeline(name="collected-outside")
    def collected_outside():
        shape(values=inner(items=["p", "q"]).output)

    assert api.run(collected_outside).output("shape") == ["p", "q"]


@pytest.mark.parametrize(("coin", "side"), [("heads", "H"), ("tails", "T")])
def test_one_of_artifacts_leaves_a_nested_pipeline(api, coin, side):
    @dsl.pipeline(name="toss")
    def toss(coin: str) -> NamedTuple("Side", [("data", Dataset), ("text", str)]):
        with dsl.If(coin == "heads"):
            heads, h = write(text="H"), echo(text="H")
        with dsl.Else():
            tails, t = write(text="T"), echo(text="T")
        sides = NamedTuple("Side", [("data", Dataset), ("text", str)])
        return sides(
            data=dsl.OneOf(heads.outputs["data"], tails.outputs["data"]),
            text=dsl.OneOf(h.outputs["output"], t.outputs["output"]),
        )

    @dsl.pipeline(name="one-of")
    def one_of(coin: str):
        made = toss(coin=coin)
        read(source=made.outputs["data"])
        echo(text=made.outputs["text"])

    outcome = api.run(one_of, {"coin": coin})
    assert outcome.output("read", "text") == side
    assert [t["output_parameters"]["output"] for t in outcome.named("echo") if t["path"] == "echo"] == [side]


@pytest.mark.parametrize(
    ("script", "state", "message"), [("true", "COMPLETE", ""), ("exit 3", "FAILED", "exit status 3")]
)
def test_a_pipeline_is_an_exit_task(api, marks, script, state, message):
    @dsl.component(base_image=PYTHON)
    def tell(status: dict) -> list:
        return [status["state"], status["pipelineTaskName"], status["error"].get("message", "")]

    @dsl.pipeline(name="clean-up")
    def clean_up(file: str, status: dsl.PipelineTaskFinalStatus):
        tell(status=status)
        mark(file=file, text="cleaned")

    @dsl.pipeline(name="exit-pipeline")
    def exit_pipeline(file: str, script: str):
        done = clean_up(file=file)
        with dsl.ExitHandler(done, name="guarded"):
            shell(script=script)

    outcome = api.run(
        exit_pipeline,
        {"file": str(marks), "script": script},
        expect="SUCCEEDED" if script == "true" else "FAILED",
    )
    said = outcome.output("tell")
    assert said[:2] == [state, "exit-handler-1"]
    assert message in said[2]
    assert marks.read_text() == "cleaned\n"


def test_loops_and_branches_inside_an_exit_handler(api, marks):
    @dsl.pipeline(name="busy-handler")
    def busy_handler(file: str):
        end = mark(file=file, text="end")
        with dsl.ExitHandler(end), dsl.ParallelFor(["a", "b"]) as item, dsl.If(item == "a"):
            mark(file=file, text=item)

    api.run(busy_handler, {"file": str(marks)})
    assert marks.read_text().split() == ["a", "end"]


def test_what_is_optional_may_be_left_out_at_every_level(api):
    @dsl.component(base_image=PYTHON)
    def describe(
        text: Optional[str] = None,
        number: int = 7,
        many: Optional[list] = None,
        data: Optional[Input[Artifact]] = None,
    ) -> str:
        return f"{text} {number} {many} {data}"

    @dsl.pipeline(name="inner")
    def inner(text: Optional[str] = None, number: int = 8, many: Optional[list] = None) -> str:
        return describe(text=text, number=number, many=many).output

    @dsl.pipeline(name="middle")
    def middle(text: Optional[str] = None, number: int = 9) -> str:
        return inner(text=text, number=number).output

    @dsl.pipeline(name="optional")
    def optional(given: Optional[str] = None):
        middle().set_display_name("bare")
        middle(text=given, number=1)
        inner(text="said", many=["x"])

    said = {t["path"]: t["output_parameters"]["Output"] for t in api.run(optional).named("describe")}
    assert said == {
        "middle/inner/describe": "None 9 None None",
        "middle-2/inner/describe": "None 1 None None",
        "inner/describe": "said 8 ['x'] None",
    }


def test_text_in_parameters_refers_to_other_parameters(api):
    @dsl.pipeline(name="inner")
    def inner(text: str):
        echo(text=f"<{text}>")

    @dsl.pipeline(name="references")
    def references(name: str):
        said = echo(text=f"Hello {name}")
        inner(text=f"{said.outputs['output']} and {name}")
        with dsl.ParallelFor([{"k": "v"}]) as row, dsl.ParallelFor(["x"]) as cell:
            echo(text=f"{row.k}/{cell}/{name}")

    outcome = api.run(references, {"name": "{{$}} & co"})
    assert {t["output_parameters"]["output"] for t in outcome.named("echo") + outcome.named("echo-2")} == {
        "Hello {{$}} & co",
        "<Hello {{$}} & co and {{$}} & co>",
        "v/x/{{$}} & co",
    }


def test_display_names(api):
    @dsl.pipeline(name="named")
    def named():
        echo(text="a").set_display_name("Say: a")

    assert api.run(named).task("echo")["detail"]["display_name"] == "Say: a"


def test_an_ignored_failure_gives_defaults(api):
    @dsl.container_component
    def fail(out: dsl.OutputPath(str), data: Output[Dataset]):
        return dsl.ContainerSpec(image=SHELL, command=["false"])

    @dsl.component(base_image=PYTHON)
    def after(text: str = "nothing") -> str:
        return text

    @dsl.pipeline(name="ignored")
    def ignored():
        after(text=fail().outputs["out"]).ignore_upstream_failure()

    outcome = api.run(ignored, expect="FAILED")
    assert outcome.output("after") == "nothing"

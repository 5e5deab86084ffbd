"""Parameters and artifacts between tasks, through nested pipelines."""

import pathlib
from typing import NamedTuple

from harness.steps import PYTHON, copy, echo, plus_one, read, write
from kfp import dsl
from kfp.dsl import Dataset, Input, Model, Output


def test_parameters_of_every_type(api):
    @dsl.component(base_image=PYTHON)
    def describe(text: str, whole: int, real: float, yes: bool, many: list, record: dict) -> NamedTuple(
        "Out", [("types", str), ("many", list), ("record", dict), ("yes", bool), ("real", float)]
    ):
        from collections import namedtuple

        types = " ".join(type(v).__name__ for v in (text, whole, real, yes, many, record))
        return namedtuple("Out", "types many record yes real")(types, many, record, yes, real)

    @dsl.pipeline(name="types")
    def types(
        text: str,
        whole: int = 3,
        real: float = 0.25,
        yes: bool = True,
        many: list = [1, "two", [3.5], {"four": 4}],  # noqa: B006
        record: dict = {"a": {"b": [True, 1]}},  # noqa: B006
    ):
        describe(text=text, whole=whole, real=real, yes=yes, many=many, record=record)

    outputs = api.run(types, {"text": 'it\'s "quoted" $HOME `x` \n ünï'}).task("describe")[
        "output_parameters"
    ]
    assert outputs["types"] == "str int float bool list dict"
    assert outputs["many"] == [1, "two", [3.5], {"four": 4}]
    assert outputs["record"] == {"a": {"b": [True, 1]}}
    assert outputs["yes"] is True
    assert outputs["real"] == 0.25


def test_parameters_flow_from_task_to_task(api):
    @dsl.pipeline(name="chain")
    def chain(number: int = 1) -> int:
        first = plus_one(number=number)
        second = plus_one(number=first.output)
        return plus_one(number=second.output).output

    outcome = api.run(chain, {"number": 39})
    assert outcome.output("plus-one-3") == 42


def test_texts_reach_a_command_as_they_are(api):
    awkward = "a b  c 'quotes' \"more\" $HOME `date` {{$}} \\n ünï %s"

    @dsl.pipeline(name="texts")
    def texts(text: str) -> str:
        return echo(text=text).output

    assert api.run(texts, {"text": awkward}).output("echo", "output") == awkward


def test_artifacts_flow_and_keep_their_metadata(api):
    @dsl.component(base_image=PYTHON)
    def train(data: Input[Dataset], model: Output[Model]) -> int:
        with open(data.path) as source, open(model.path, "w") as target:
            content = source.read()
            target.write(content.upper())
        model.metadata["letters"] = len(content)
        model.metadata["framework"] = "none"
        return len(content)

    @dsl.pipeline(name="artifacts")
    def artifacts():
        data = write(text="some data")
        model = train(data=copy(source=data.outputs["data"]).outputs["target"])
        read(source=model.outputs["model"])

    outcome = api.run(artifacts)
    assert outcome.output("read", "text") == "SOME DATA"
    model = outcome.artifact("train", "model")
    assert model["type"] == "system.Model"
    assert model["metadata"]["letters"] == 9
    assert pathlib.Path(model["uri"]).read_text() == "SOME DATA", (
        "the uri is a plain path with a local bucket"
    )


def test_directories_are_artifacts_too(api):
    @dsl.component(base_image=PYTHON)
    def fill(folder: Output[Dataset]):
        import os

        os.makedirs(folder.path)
        for name in ("a", "b"):
            with open(os.path.join(folder.path, name), "w") as file:
                file.write(name)

    @dsl.component(base_image=PYTHON)
    def names(folder: Input[Dataset]) -> list:
        import os

        return sorted(os.listdir(folder.path))

    @dsl.pipeline(name="directories")
    def directories():
        names(folder=fill().outputs["folder"])

    assert api.run(directories).output("names") == ["a", "b"]


def test_nested_pipelines_take_and_give(api):
    @dsl.pipeline(name="inner")
    def inner(number: int, text: str = "from the inner default") -> NamedTuple(
        "Out", [("number", int), ("data", Dataset)]
    ):
        made = write(text=text)
        outputs = NamedTuple("Out", [("number", int), ("data", Dataset)])
        return outputs(plus_one(number=number).output, made.outputs["data"])

    @dsl.pipeline(name="middle")
    def middle(number: int) -> NamedTuple("Out", [("number", int), ("data", Dataset)]):
        made = inner(number=number)
        outputs = NamedTuple("Out", [("number", int), ("data", Dataset)])
        return outputs(made.outputs["number"], made.outputs["data"])

    @dsl.pipeline(name="outer")
    def outer():
        made = middle(number=40)
        plus_one(number=made.outputs["number"]).set_display_name("last")
        read(source=made.outputs["data"])

    outcome = api.run(outer)
    assert outcome.output("read", "text") == "from the inner default"
    assert sorted(t["output_parameters"]["Output"] for t in outcome.named("plus-one")) == [41, 42]


def test_environment_and_pipeline_placeholders(api):
    @dsl.container_component
    def tell(name: str, text: dsl.OutputPath(str)):
        return dsl.ContainerSpec(
            image="alpine:3.20",
            command=["sh", "-ec", 'printf "%s|%s" "$0" "$COLOUR" > "$1"'],
            args=[name, text],
        )

    @dsl.pipeline(name="placeholders")
    def placeholders():
        tell(name=dsl.PIPELINE_JOB_NAME_PLACEHOLDER).set_env_variable("COLOUR", "green")

    outcome = api.run(placeholders, run_name="a run with a name")
    assert outcome.output("tell", "text") == "a run with a name|green"

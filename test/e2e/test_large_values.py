"""Parameters that no argument and no stored value can hold."""

from typing import NamedTuple

from harness.api import Api
from harness.process import until
from harness.steps import PYTHON, mark
from kfp import dsl

TEXT_BYTES = 1_000_000
PIECES = 5
PIECE_BYTES = 80_000


@dsl.component(base_image=PYTHON)
def make(size: int, pieces: int, piece_size: int) -> NamedTuple("Made", [("text", str), ("pieces", list)]):
    from collections import namedtuple

    pieces_made = [chr(ord("a") + i) * piece_size for i in range(pieces)]
    return namedtuple("Made", "text pieces")("é" * (size // 2), pieces_made)


@dsl.component(base_image=PYTHON)
def measure(text: str) -> int:
    return len(text)


@dsl.component(base_image=PYTHON)
def twice(text: str) -> str:
    return text + text


@dsl.component(base_image=PYTHON)
def count(texts: list) -> list:
    return [[text[0], len(text)] for text in texts]


@dsl.component(base_image=PYTHON)
def wait(file: str, seconds: float) -> str:
    import time

    with open(file, "a") as marks:
        print("waits", file=marks, flush=True)
    time.sleep(seconds)
    return "waited"


@dsl.pipeline(name="large")
def large(file: str, seconds: float = 0.0) -> str:
    """Hand a text of a megabyte on, and run a loop over a list of 400 KB."""
    made = make(size=TEXT_BYTES, pieces=PIECES, piece_size=PIECE_BYTES)
    pause = wait(file=file, seconds=seconds).after(made).set_caching_options(False)
    measure(text=made.outputs["text"]).after(pause)
    with dsl.If(made.outputs["text"] != "small", "large-enough"):
        mark(file=file, text="the condition holds").set_caching_options(False)
    with dsl.If(made.outputs["text"] == "small", "small"):
        mark(file=file, text="the condition does not hold").set_caching_options(False)
    with dsl.ParallelFor(made.outputs["pieces"]) as piece:
        doubled = twice(text=piece).after(pause)
    count(texts=dsl.Collected(doubled.output))
    return made.outputs["text"]


def check(api: Api, run_id: str, marks) -> list[dict]:
    """Check what became of a run of large, and return its tasks with their whole values."""
    outcome = api.outcome(run_id)
    assert outcome.state == "SUCCEEDED", outcome.explain()
    assert [line for line in marks.read_text().splitlines() if "condition" in line] == ["the condition holds"]
    assert outcome.output("measure") == TEXT_BYTES // 2
    assert outcome.output("count") == [[chr(ord("a") + i), 2 * PIECE_BYTES] for i in range(PIECES)]
    tasks = api.get(f"/kfmesh/v1/runs/{run_id}/tasks", whole_values=True)["tasks"]
    made = next(task for task in tasks if task.get("name") == "make")
    assert "large_outputs" not in made
    assert made["output_parameters"]["text"] == "é" * (TEXT_BYTES // 2)
    assert [len(piece) for piece in made["output_parameters"]["pieces"]] == [PIECE_BYTES] * PIECES
    return tasks


def test_large_values_flow_and_are_reused(own_mesh, marks):
    api = Api(own_mesh)
    run_id = api.submit(large, {"file": str(marks)})
    check(api, run_id, marks)
    brief = {task.get("name"): task for task in api.tasks(run_id)}
    assert {value["name"] for value in brief["make"]["large_outputs"]} == {"text", "pieces"}
    assert len(brief["make"]["output_parameters"]["text"]) < 1000
    assert brief["measure"]["large_inputs"][0]["bytes"] > str(TEXT_BYTES)
    assert not list((own_mesh.data_dir / "blobs" / "handover").glob("*"))

    marks.write_text("")
    again = api.submit(large, {"file": str(marks)})
    tasks = check(api, again, marks)
    reused = {task["name"] for task in tasks if task.get("cached_from_run_id") == run_id}
    assert reused == {"make", "measure", "twice", "count"}

    # Its values are its own: the run that made them may go.
    api.kfp.delete_run(run_id)
    removed = own_mesh.data_dir / "blobs" / "values" / run_id
    for value in removed.glob("*"):
        value.unlink()
    marks.write_text("the condition holds\n")
    check(api, again, marks)


def test_large_values_survive_kill_9(own_mesh, marks):
    api = Api(own_mesh)
    run_id = api.submit(large, {"file": str(marks), "seconds": 1.5})
    until("the values are made", lambda: "waits" in marks.read_text())
    own_mesh.kill()
    own_mesh.start()
    until("the loop runs", lambda: any(t.get("name") == "twice" for t in Api(own_mesh).tasks(run_id)))
    own_mesh.kill()
    own_mesh.start()
    check(Api(own_mesh), run_id, marks)
    assert marks.read_text().count("waits") == 1


def test_large_values_flow_between_services(shape, marks):
    api = Api(shape)
    check(api, api.submit(large, {"file": str(marks)}), marks)


def test_a_command_writes_a_large_value(api):
    @dsl.container_component
    def fill(text: dsl.OutputPath(str), size: int):
        return dsl.ContainerSpec(
            image="alpine:3.20",
            command=["sh", "-ec", 'mkdir -p "$(dirname "$0")" && head -c "$1" /dev/zero | tr "\\0" x > "$0"'],
            args=[text, size],
        )

    @dsl.pipeline(name="filled")
    def filled():
        measure(text=fill(size=300_000).outputs["text"])

    assert api.run(filled).output("measure") == 300_000


def test_a_large_value_in_a_command_is_refused(api):
    @dsl.container_component
    def show(text: str):
        return dsl.ContainerSpec(image="alpine:3.20", command=["sh", "-ec", "true"], args=["--text", text])

    @dsl.pipeline(name="shown")
    def shown():
        show(text=make(size=200_000, pieces=0, piece_size=0).outputs["text"])

    message = api.run(shown, expect="FAILED").task("show")["message"]
    assert all(part in message for part in ("args[1]", "an argument of 195 KiB", "artifact")), message

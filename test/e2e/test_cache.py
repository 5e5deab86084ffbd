"""Caching: what was made before is used again, and only then."""

import json
import pathlib
import subprocess

from harness.api import Api
from harness.mesh import OneProcess
from harness.process import BIN, environment, until
from harness.steps import echo, mark, read
from kfp import dsl
from kfp.dsl import Dataset, Input, Model, Output


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


@dsl.component(base_image="python:3.11")
def clean(data: Output[Dataset], rows: int, salt: int):
    """Make a folder of so many files, whatever the salt."""
    import pathlib

    data.metadata["rows"] = rows
    folder = pathlib.Path(data.path)
    folder.mkdir()
    for i in range(rows):
        (folder / f"part-{i}").write_text(str(i))


@dsl.component(base_image="python:3.11")
def train(data: Input[Dataset], model: Output[Model]) -> int:
    """Count the parts of a dataset; the model is metadata alone."""
    import pathlib

    model.metadata["kind"] = "none"
    return len(list(pathlib.Path(data.path).iterdir()))


@dsl.pipeline(name="content")
def content(rows: int, salt: int):
    """Make a dataset and use it."""
    train(data=clean(rows=rows, salt=salt).outputs["data"])


def test_content_counts_and_not_the_name(api):
    """A dataset that was made anew and is the same is the same to who reads it."""
    first = api.run(content, {"rows": 3, "salt": 1})
    second = api.run(content, {"rows": 3, "salt": 2})
    assert "cached_from_run_id" not in second.task("clean")
    assert second.task("train")["cached_from_run_id"] == first.run_id
    third = api.run(content, {"rows": 4, "salt": 3})
    assert "cached_from_run_id" not in third.task("train")
    assert third.output("train") == 4
    fourth = api.run(content, {"rows": 4, "salt": 3})
    for name in ("clean", "train"):
        assert fourth.task(name)["cached_from_run_id"] == third.run_id


def test_an_overwritten_artifact_is_made_again(api, marks):
    first = api.run(cached, {"file": str(marks), "text": "true"})
    pathlib.Path(first.artifact("make", "data")["uri"]).write_text("false")
    second = api.run(cached, {"file": str(marks), "text": "true"})
    assert marks.read_text() == "made\nmade\n"
    assert second.output("read", "text") == "true"


@dsl.pipeline(name="import-and-read")
def import_and_read(uri: str):
    """Read what is at a place."""
    read(source=dsl.importer(artifact_uri=uri, artifact_class=Dataset).output)


def test_an_imported_file_may_change(api, tmp_path):
    data = tmp_path / "data.csv"
    for text, reused in (("one", False), ("one", True), ("two", False)):
        data.write_text(text)
        outcome = api.run(import_and_read, {"uri": str(data)})
        assert outcome.output("read", "text") == text
        assert ("cached_from_run_id" in outcome.task("read")) == reused


def test_the_kfp_api_tells_what_was_reused(api, marks):
    first = api.run(cached, {"file": str(marks)})
    second = api.run(cached, {"file": str(marks)})
    reused = {t.display_name: t.executor_detail for t in second.run.run_details.task_details}
    assert reused["make"].pre_caching_check_job == first.run_id


def kfmesh(api, *arguments: str, status: int = 0, answer: str = "") -> str:
    done = subprocess.run(
        [str(BIN / "kfmesh"), *arguments, f"--server={api.mesh.grpc_address}"],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        input=answer,
        timeout=60,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def test_entries_can_be_listed_and_forgotten(own_mesh, marks):
    api = Api(own_mesh)
    first = api.run(cached, {"file": str(marks)})
    entries = json.loads(kfmesh(api, "cache", "list", "-o", "json", "--run", first.run_id))["items"]
    assert {e["task_path"] for e in entries} == {"make", "read"}
    made = next(e for e in entries if e["task_path"] == "make")
    assert made["artifact_uris"] == [first.artifact("make", "data")["uri"]]
    assert first.run_id in kfmesh(api, "cache", "describe", made["key"][:8])
    assert kfmesh(api, "cache", "clear", "--task", "make") == "forgot 1 cache entry\n"
    second = api.run(cached, {"file": str(marks)})
    assert marks.read_text() == "made\nmade\n"
    assert second.task("read")["cached_from_run_id"] == first.run_id

    kfmesh(api, "cache", "clear", status=2, answer="no\n")
    assert kfmesh(api, "cache", "clear", answer="y\n") == "forgot 2 cache entries\n"
    assert json.loads(kfmesh(api, "cache", "list", "-o", "json")) == {"items": []}


def test_a_deleted_run_still_serves_while_its_artifacts_are_there(own_mesh, marks):
    api = Api(own_mesh)
    first = api.run(cached, {"file": str(marks)})
    api.kfp.delete_run(first.run_id)
    second = api.run(cached, {"file": str(marks)})
    assert second.task("make")["cached_from_run_id"] == first.run_id
    assert marks.read_text() == "made\n"
    api.kfp.delete_run(second.run_id)
    kfmesh(api, "gc")
    third = api.run(cached, {"file": str(marks)})
    assert "cached_from_run_id" not in third.task("make")
    assert marks.read_text() == "made\nmade\n"


def test_entries_expire(tmp_path, marks):
    mesh = OneProcess(tmp_path / "own", "--cache-ttl=2s")
    try:
        api = Api(mesh.start())
        first = api.run(cached, {"file": str(marks)})
        second = api.run(cached, {"file": str(marks)})
        assert second.task("make")["cached_from_run_id"] == first.run_id
        until("the entries to expire", lambda: "expired" in kfmesh(api, "cache", "list"))
        third = api.run(cached, {"file": str(marks)})
        assert "cached_from_run_id" not in third.task("make")
    finally:
        mesh.stop()

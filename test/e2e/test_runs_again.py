"""Clones of runs, runs with very large parameters, runs that go with their artifacts, and what is counted."""

import re
import subprocess
from pathlib import Path

import pytest
import requests
from harness.api import Api
from harness.process import BIN, environment, until
from harness.steps import copy, echo, mark, shell, write
from kfp import dsl
from kfp_server_api import ApiException


@pytest.fixture
def kfmesh(mesh):
    """Run the CLI against the shared kfmesh."""

    def run(*arguments: str) -> subprocess.CompletedProcess:
        env = environment(KFMESH_SERVER=mesh.grpc_address)
        return subprocess.run(
            [BIN / "kfmesh", *arguments], capture_output=True, text=True, env=env, timeout=120, check=False
        )

    return run


@dsl.pipeline(name="says")
def says(text: str = "hello") -> str:
    """Return its parameter."""
    return echo(text=text).set_caching_options(False).output


def test_a_clone_is_like_its_original_but_for_what_is_asked(api, kfmesh):
    original = api.run(says, {"text": "one"}, experiment_name="clones", run_name="the original")
    cloned = kfmesh("clone", original.run_id, "-o", "name")
    assert cloned.returncode == 0, cloned.stderr
    clone = api.outcome(cloned.stdout.split("/")[-1].strip())
    assert clone.output("echo", "output") == "one"
    assert clone.run.experiment_id == original.run.experiment_id
    assert "the original" in clone.run.display_name
    changed = kfmesh("clone", original.run_id, "-p", "text=two", "--name", "changed", "--follow")
    assert changed.returncode == 0, changed.stderr
    described = kfmesh("describe", "run", "changed").stdout
    assert re.search(r"output parameters\n.*two", described), described


def test_the_cli_retries(api, kfmesh, tmp_path):
    @dsl.pipeline(name="once-more")
    def once_more(wanted: str):
        shell(script=f"test -e {wanted}").set_caching_options(False)

    wanted = tmp_path / "wanted"
    run_id = api.run(once_more, {"wanted": str(wanted)}, expect="FAILED").run_id
    assert kfmesh("retry", run_id, "--follow").returncode == 1
    wanted.touch()
    retried = kfmesh("retry", run_id, "--follow")
    assert retried.returncode == 0, retried.stderr
    assert "attempt 3" in kfmesh("describe", "run", run_id).stdout
    refused = kfmesh("retry", run_id)
    assert refused.returncode != 0
    assert "nothing to retry" in refused.stderr


def test_a_loop_over_ten_megabytes(own_mesh, marks):
    @dsl.pipeline(name="large")
    def large(items: list, file: str):
        with dsl.ParallelFor(items, parallelism=2) as item, dsl.If(item != "nothing"):
            mark(file=file, text="once").set_caching_options(False)

    api = Api(own_mesh)
    items = [chr(ord("a") + i) * (1 << 20) for i in range(10)]
    outcome = api.run(large, {"items": items, "file": str(marks)})
    assert marks.read_text().splitlines() == ["once"] * len(items)
    assert outcome.run.runtime_config.parameters["items"] == items
    root = next(t for t in outcome.tasks if not t.get("path"))
    assert "its inputs take" in root["warnings"][0]


def test_artifacts_go_with_their_run_but_for_what_others_reuse(api):
    @dsl.pipeline(name="makes")
    def makes(text: str, more: str):
        made = write(text=text)
        made.set_caching_options(True)
        copy(source=made.outputs["data"]).set_caching_options(False)
        write(text=more).set_caching_options(False)

    first = api.run(makes, {"text": "shared", "more": "mine"})
    second = api.run(makes, {"text": "shared", "more": "other"})
    shared = Path(first.artifact("write", "data")["uri"])
    assert second.task("write")["cached_from_run_id"] == first.run_id
    mine = Path(first.artifact("write-2", "data")["uri"])
    assert shared.exists()
    assert mine.exists()

    def delete(run_id: str) -> requests.Response:
        return api.request("DELETE", f"/apis/v2beta1/runs/{run_id}", params={"delete_artifacts": "true"})

    assert delete(first.run_id).ok
    with pytest.raises(ApiException) as gone:
        api.kfp.get_run(first.run_id)
    assert gone.value.status == 404
    until("its own artifacts to go", lambda: not mine.exists())
    assert shared.read_text() == "shared"
    assert Path(second.artifact("write-2", "data")["uri"]).exists()
    assert delete(second.run_id).ok
    until("the others to go", lambda: not Path(second.artifact("write-2", "data")["uri"]).exists())


def test_artifacts_elsewhere_are_left_alone(api, tmp_path):
    outcome = api.run(says, {"text": "x"}, pipeline_root=str(tmp_path))
    refused = api.request(
        "DELETE", f"/apis/v2beta1/runs/{outcome.run_id}", params={"delete_artifacts": "true"}
    )
    assert refused.status_code == 400
    assert str(tmp_path) in refused.text


def test_runs_and_tasks_are_counted(api):
    def count(pattern: str) -> float:
        page = api.request("GET", "/metrics").text
        return sum(float(value) for value in re.findall(rf"^{pattern} (\S+)$", page, re.MULTILINE))

    ended = r'kfmesh_runs_ended_total\{.*state="SUCCEEDED".*\}'
    before = count(ended)
    api.run(says, {"text": "counted"})
    until("the run to be counted", lambda: count(ended) > before)
    assert count(r'kfmesh_tasks_ended_total\{.*state="SUCCEEDED".*\}') >= 1
    assert count(r"kfmesh_task_launch_seconds_count\{.*\}") >= 1
    assert count(r"kfmesh_run_duration_seconds_count\{.*\}") >= 1

"""Housekeeping: what nothing refers to goes, and what a run uses stays, whatever happens meanwhile."""

import json
import os
import pathlib
import subprocess
import time
import uuid

import pytest
from harness.api import Api
from harness.mesh import OneProcess
from harness.process import BIN, environment, until
from harness.split import Split
from harness.steps import SHELL, read, write
from kfp import dsl
from kfp.dsl import Dataset, Input

LONG_AGO = 40 * 24 * 3600


@dsl.container_component
def read_when_told(source: Input[Dataset], go: str, text: dsl.OutputPath(str)):
    """Wait for a file, then read an artifact."""
    script = 'while ! [ -e "$1" ]; do sleep 0.05; done; cat "$0" > "$2"'
    return dsl.ContainerSpec(image=SHELL, command=["sh", "-ec", script], args=[source.path, go, text])


@dsl.pipeline(name="stored")
def stored(text: str):
    """Make an artifact and read it."""
    read(source=write(text=text).outputs["data"])


@dsl.pipeline(name="stored")
def stored_slowly(text: str, go: str):
    """Make an artifact and read it when told."""
    late = read_when_told(source=write(text=text).outputs["data"], go=go)
    late.set_caching_options(False)


def kfmesh(mesh, *arguments: str) -> subprocess.CompletedProcess:
    """Run a command of the command line, which must succeed."""
    done = subprocess.run(
        [str(BIN / "kfmesh"), *arguments, f"--server={mesh.grpc_address}"],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done


def collect(mesh, *arguments: str) -> list[dict]:
    """Collect garbage and return what went."""
    answer = json.loads(kfmesh(mesh, "gc", "-o", "json", *arguments).stdout)
    assert answer["count"] == len(answer["items"])
    return answer["items"]


def kinds(items: list[dict]) -> list[str]:
    return sorted(item["kind"] for item in items)


def age(path: pathlib.Path) -> None:
    """Make a file look as if it was written long ago."""
    then = time.time() - LONG_AGO
    os.utime(path, (then, then))


def test_nothing_goes_while_everything_is_referred_to(own_mesh):
    api = Api(own_mesh)
    api.run(stored, {"text": "kept"})
    assert collect(own_mesh) == []
    assert kfmesh(own_mesh, "gc").stdout == "removed nothing\n"


@pytest.mark.parametrize("shape", [OneProcess, Split], ids=["one-process", "split"])
def test_what_a_deleted_run_left_goes(shape, tmp_path):
    mesh = shape(tmp_path / "own")
    try:
        deleted_run_leaves_nothing(mesh.start())
    finally:
        mesh.stop()


def deleted_run_leaves_nothing(mesh):
    api = Api(mesh)
    gone, kept = api.run(stored, {"text": "gone"}), api.run(stored, {"text": "kept"})
    api.kfp.delete_run(gone.run_id)
    would_go = collect(mesh, "--dry-run")
    assert pathlib.Path(gone.artifact("write", "data")["uri"]).exists()
    went = collect(mesh)
    assert kinds(would_go) == kinds(went) == ["artifact", "cache-entry"]
    assert [i["name"] for i in would_go] == [i["name"] for i in went]
    assert not pathlib.Path(gone.artifact("write", "data")["uri"]).exists()
    assert pathlib.Path(kept.artifact("write", "data")["uri"]).read_text() == "kept"
    assert collect(mesh) == []


def test_what_a_live_run_reads_stays(own_mesh, tmp_path):
    """The artifact is of a run that was deleted, and reused by one that is still to read it."""
    api, go = Api(own_mesh), tmp_path / "go"
    first = api.run(stored, {"text": "precious"})
    live = api.submit(stored_slowly, {"text": "precious", "go": str(go)})
    until("the reader to wait", lambda: any(t.get("name") == "read-when-told" for t in api.tasks(live)))
    api.kfp.delete_run(first.run_id)
    collect(own_mesh)
    assert pathlib.Path(first.artifact("write", "data")["uri"]).exists()
    go.touch()
    outcome = api.outcome(live)
    assert outcome.task("write")["cached_from_run_id"] == first.run_id
    assert outcome.output("read-when-told", "text") == "precious"

    # The run that used it has finished, and the artifact stays for as long as that run is there.
    collect(own_mesh)
    assert pathlib.Path(first.artifact("write", "data")["uri"]).exists()
    api.kfp.delete_run(live)
    collect(own_mesh)
    assert not pathlib.Path(first.artifact("write", "data")["uri"]).exists()


def test_collecting_beside_runs_breaks_none(own_mesh):
    """Runs reuse what a collection would remove at that moment: they make it anew, or it stays."""
    api = Api(own_mesh)
    first = api.run(stored, {"text": "contested"})
    for _ in range(6):
        live = [api.submit(stored, {"text": "contested"}) for _ in range(4)]
        api.kfp.delete_run(first.run_id)
        collect(own_mesh)
        outcomes = [api.outcome(run) for run in live]
        for outcome in outcomes:
            assert outcome.state == "SUCCEEDED", outcome.explain()
            assert pathlib.Path(outcome.artifact("write", "data")["uri"]).read_text() == "contested"
        first = outcomes[0]
        for outcome in outcomes[1:]:
            api.kfp.delete_run(outcome.run_id)


def test_kill_9_amid_a_collection(own_mesh):
    api = Api(own_mesh)
    kept = api.run(stored, {"text": "kept"})
    gone = [api.submit(stored, {"text": str(i)}) for i in range(30)]
    places = [pathlib.Path(api.outcome(run).artifact("write", "data")["uri"]) for run in gone]
    for run in gone:
        api.kfp.delete_run(run)
    collecting = subprocess.Popen(
        [str(BIN / "kfmesh"), "gc", f"--server={own_mesh.grpc_address}"],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    collecting.stdout.readline()
    own_mesh.kill()
    collecting.communicate(timeout=30)
    own_mesh.start()
    collect(own_mesh)
    assert not any(place.exists() for place in places)
    assert pathlib.Path(kept.artifact("write", "data")["uri"]).read_text() == "kept"
    again = Api(own_mesh).run(stored, {"text": "kept"})
    assert again.task("write")["cached_from_run_id"] == kept.run_id


def test_runs_are_kept_as_long_as_told(tmp_path):
    mesh = OneProcess(tmp_path / "own", "--retain-runs=1s", "--collect-interval=1s")
    try:
        api = Api(mesh.start())
        outcome = api.run(stored, {"text": "short-lived"})
        place = pathlib.Path(outcome.artifact("write", "data")["uri"])
        until("the run to go by itself", lambda: not api.kfp.list_runs().runs and not place.exists())
    finally:
        mesh.stop()


def test_the_newest_runs_of_an_experiment_are_kept(tmp_path):
    mesh = OneProcess(tmp_path / "own", "--retain-runs-count=2")
    try:
        api = Api(mesh.start())
        runs = [api.run(stored, {"text": "x"}, experiment_name="many").run_id for _ in range(4)]
        other = api.run(stored, {"text": "x"}, experiment_name="few").run_id
        collect(mesh)
        assert {r.run_id for r in api.kfp.list_runs().runs} == {*runs[2:], other}
    finally:
        mesh.stop()


def test_specs_nobody_refers_to_go(own_mesh):
    api = Api(own_mesh)
    kept = api.run(stored, {"text": "kept"})
    gone = api.submit(stored_slowly, {"text": "x", "go": "/dev/null"})
    api.outcome(gone)
    specs = own_mesh.data_dir / "blobs" / "specs"
    assert len(list(specs.iterdir())) == 2
    for spec in specs.iterdir():
        age(spec)
    api.kfp.delete_run(gone)
    assert "spec" in kinds(collect(own_mesh))
    assert len(list(specs.iterdir())) == 1
    assert api.kfp.get_run(kept.run_id).pipeline_spec["pipelineInfo"]["name"] == "stored"
    api.run(stored_slowly, {"text": "x", "go": "/dev/null"})


@dsl.component(base_image="python:3.11", packages_to_install=[])
def lightweight(go: str) -> str:
    """Wait for a file, then import something."""
    import pathlib
    import time

    while not pathlib.Path(go).exists():
        time.sleep(0.05)
    import kfp

    return kfp.__version__


@dsl.pipeline(name="with-environment")
def with_environment(go: str):
    """One step with a Python environment."""
    lightweight(go=go).set_caching_options(False)


def test_environments_are_kept_while_in_use(tmp_path):
    mesh = OneProcess(tmp_path / "own", "--retain-environments=24h")
    go = tmp_path / "go"
    try:
        api = Api(mesh.start())
        go.touch()
        api.run(with_environment, {"go": str(go)})
        go.unlink()
        environments = mesh.data_dir / "agent" / "envs"
        for ready in environments.glob("*/ready"):
            age(ready)
        live = api.submit(with_environment, {"go": str(go)})
        until(
            "the step to run",
            lambda: any(
                t.get("detail", {}).get("state") == "RUNNING" and t.get("name") == "lightweight"
                for t in api.tasks(live)
            ),
        )
        assert "environment" not in kinds(collect(mesh))
        go.touch()
        outcome = api.outcome(live)
        assert outcome.state == "SUCCEEDED", outcome.explain()
        for ready in environments.glob("*/ready"):
            age(ready)
        assert "environment" in kinds(collect(mesh))
        assert not list(environments.glob("*/ready"))
        api.run(with_environment, {"go": str(go)})
    finally:
        mesh.stop()


def test_what_workloads_left_behind_goes(own_mesh, tmp_path):
    """Nobody knows the workload; one that lives, and one that is about to, keep theirs."""
    api, go = Api(own_mesh), tmp_path / "go"
    live = api.submit(stored_slowly, {"text": "x", "go": str(go)})
    workloads = own_mesh.data_dir / "agent" / "workloads"
    until("the reader to wait", lambda: any(t.get("name") == "read-when-told" for t in api.tasks(live)))
    left, young = (workloads / f"{uuid.uuid4()}.main-0" for _ in range(2))
    for folder in (left, young):
        folder.mkdir()
        (folder / "log").write_text("what it wrote")
    age(left / "log")
    age(left)
    assert [item["name"] for item in collect(own_mesh) if item["kind"] == "workload"] == [str(left)]
    assert young.exists()
    assert not left.exists()
    go.touch()
    assert api.outcome(live).output("read-when-told", "text") == "x"


@pytest.mark.parametrize("arguments", [["--dry"], ["extra"], ["-o", "xml"]])
def test_wrong_usage(own_mesh, arguments):
    done = subprocess.run(
        [str(BIN / "kfmesh"), "gc", *arguments, f"--server={own_mesh.grpc_address}"],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "--help" in done.stderr or "is none of" in done.stderr

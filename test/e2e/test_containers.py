"""Pipelines whose steps run as containers of a real engine (make test-containers)."""

import collections
import os
import subprocess

import pytest
from harness.api import Api
from harness.jobs import Jobs, manifest
from harness.mesh import OneProcess
from harness.process import BIN, until
from kfp import dsl

IMAGE = os.environ.get("KFMESH_TEST_IMAGE", "")

pytestmark = pytest.mark.skipif(not IMAGE, reason="no container engine: make test-containers has one")

SHELL = ["sh", "-c"]


@dsl.container_component
def greet(who: str, greeting: dsl.OutputPath(str), page: dsl.Output[dsl.Dataset]):
    """Write an output parameter and an output artifact."""
    return dsl.ContainerSpec(
        image=IMAGE,
        command=[
            *SHELL,
            'mkdir -p "$(dirname "$1")"; printf "hello %s" "$0" > "$1"; echo "$0, $COLOR" > "$2"; cat "$2"',
        ],
        args=[who, greeting, page.path],
    )


@dsl.container_component
def read(greeting: str, page: dsl.Input[dsl.Dataset], said: dsl.OutputPath(str)):
    """Read both back."""
    return dsl.ContainerSpec(
        image=IMAGE,
        command=[*SHELL, 'mkdir -p "$(dirname "$2")"; printf "%s / %s" "$0" "$(cat "$1")" > "$2"'],
        args=[greeting, page.path, said],
    )


@dsl.container_component
def mark_slowly(file: str, text: str):
    """Append a line, take a moment, append another."""
    return dsl.ContainerSpec(
        image=IMAGE,
        command=[*SHELL, 'echo "begin $1" >> "$0"; sleep 0.3; echo "end $1" >> "$0"'],
        args=[file, text],
    )


@dsl.container_component
def use_memory():
    """Use all there is."""
    return dsl.ContainerSpec(image=IMAGE, command=["tail", "/dev/zero"], args=[])


@dsl.container_component
def never_ends(file: str):
    """Sleep until it is told to stop."""
    script = 'trap "echo told >> $0; exit 1" TERM; echo up >> "$0"; while :; do sleep 0.05; done'
    return dsl.ContainerSpec(image=IMAGE, command=[*SHELL, script], args=[file])


@dsl.container_component
def say_much(text: dsl.OutputPath(str)):
    """Write a parameter that no argument can hold."""
    script = 'mkdir -p "$(dirname "$0")"; yes kfmesh | head -c 300000 | tr "\\n" " " > "$0"'
    return dsl.ContainerSpec(image=IMAGE, command=[*SHELL, script], args=[text])


@pytest.fixture
def contained(tmp_path):
    """A kfmesh that runs containers, which may see the test's own folder."""
    mesh = OneProcess(tmp_path / "own", KFMESH_RUNTIME="container", KFMESH_CONTAINER_MOUNTS=str(tmp_path))
    try:
        yield mesh.start()
    finally:
        mesh.stop()


def cli(mesh, *arguments: str) -> str:
    """What a command of the CLI prints."""
    return subprocess.run(
        [BIN / "kfmesh", *arguments, "--server", mesh.grpc_address],
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def test_parameters_and_artifacts_pass_through_containers(contained):
    @dsl.pipeline(name="contained")
    def pipeline(who: str = "you"):
        first = greet(who=who)
        read(greeting=first.outputs["greeting"], page=first.outputs["page"])

    api = Api(contained)
    outcome = api.run(pipeline, {"who": "me"})
    assert outcome.output("read", "said") == "hello me / me, blue"
    assert "me, blue" in api.logs(outcome.run_id, "greet")


def test_artifacts_elsewhere_are_there_in_containers(contained, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "data").write_text("imported")

    @dsl.pipeline(name="contained-elsewhere")
    def pipeline(uri: str):
        data = dsl.importer(artifact_uri=uri, artifact_class=dsl.Dataset)
        read(greeting="hi", page=data.output)
        first = greet(who="me")
        read(greeting="ho", page=first.outputs["page"])

    outcome = Api(contained).run(
        pipeline, {"uri": str(elsewhere / "data")}, pipeline_root=str(elsewhere / "root")
    )
    assert outcome.output("read", "said") == "hi / imported"
    assert outcome.output("read-2", "said") == "ho / me, blue"


def test_a_large_parameter_of_a_container(contained):
    """It decides a condition; as an argument it is refused with its place and size."""

    @dsl.pipeline(name="contained-large")
    def pipeline():
        said = say_much()
        with dsl.If(said.output != "little", "much"):
            greet(who="me")
        page = greet(who="you").outputs["page"]
        read(greeting=said.output, page=page)

    outcome = Api(contained).run(pipeline, expect="FAILED")
    assert outcome.task_state("greet") == "SUCCEEDED"
    assert "args[0]" in outcome.task("read")["message"]
    assert "292 KiB" in outcome.task("read")["message"]


def test_a_loop_of_containers(contained):
    @dsl.pipeline(name="contained-loop")
    def pipeline():
        with dsl.ParallelFor(["a", "b", "c", "d", "e"], parallelism=3) as item:
            greet(who=item)

    outcome = Api(contained).run(pipeline)
    assert len(outcome.named("greet")) == 5


def test_too_much_memory_is_said_so(contained):
    @dsl.pipeline(name="contained-memory")
    def pipeline():
        use_memory().set_memory_limit("32Mi")

    outcome = Api(contained).run(pipeline, expect="FAILED")
    assert "more memory than its limit of 32 MiB" in outcome.explain()


def test_cancel_stops_a_container(contained, marks):
    @dsl.pipeline(name="contained-endless")
    def pipeline(file: str):
        never_ends(file=file)

    api = Api(contained)
    run_id = api.submit(pipeline, {"file": str(marks)})
    until("the container to run", lambda: "up" in marks.read_text())
    cli(contained, "cancel", run_id)
    assert api.outcome(run_id).state == "CANCELED"
    until("the container to be told", lambda: "told" in marks.read_text())


def test_an_image_that_cannot_be_had_fails_its_task(contained):
    @dsl.container_component
    def absent():
        return dsl.ContainerSpec(image="kfmesh.test/absent:1", command=["true"], args=[])

    @dsl.pipeline(name="contained-absent")
    def pipeline():
        absent()

    outcome = Api(contained).run(pipeline, expect="FAILED")
    assert "pull kfmesh.test/absent:1" in outcome.explain()


def test_the_node_shows_its_engine(contained):
    api = Api(contained)
    node = until("the node", lambda: api.get("/kfmesh/v1/nodes").get("nodes"))[0]
    assert node["status"]["runtimes"] == ["container"]
    engine = node["status"]["container_engine"]
    assert engine.split()[0] in ("Docker", "Podman")
    assert engine in cli(contained, "describe", "node", node["metadata"]["name"])
    assert engine in cli(contained, "doctor")


@pytest.mark.parametrize("after", [1, 3, 6, 9])
def test_containers_survive_kill_9(contained, marks, after):
    @dsl.pipeline(name="contained-chain")
    def pipeline(file: str):
        before = None
        for i in range(4):
            step = mark_slowly(file=file, text=f"step-{i}").set_caching_options(False)
            if before:
                step.after(before)
            before = step
        with dsl.ParallelFor(["x", "y", "z"]) as item:
            mark_slowly(file=file, text=item).set_caching_options(False)

    run_id = Api(contained).submit(pipeline, {"file": str(marks)})
    until(f"{after} lines", lambda: len(marks.read_text().splitlines()) >= after, every_seconds=0.001)
    contained.kill()
    contained.start()
    outcome = Api(contained).outcome(run_id)
    assert outcome.state == "SUCCEEDED", outcome.explain()
    texts = [f"step-{i}" for i in range(4)] + ["x", "y", "z"]
    expected = collections.Counter(f"{what} {text}" for what in ("begin", "end") for text in texts)
    assert collections.Counter(marks.read_text().splitlines()) == expected


def pod_job(out) -> dict:
    """A job of a container with two that come before it and one beside it."""

    def step(name: str) -> list[str]:
        return [*SHELL, f'echo "{name} begins" >> {out}/marks; sleep 0.5; echo "{name} ends" >> {out}/marks']

    job = manifest("PyTorchJob", "pod", f"until [ -e {out}/go ]; do sleep 0.05; done; echo main", Master=1)
    pod = job["spec"]["pytorchReplicaSpecs"]["Master"]["template"]["spec"]
    pod["containers"][0] |= {
        "image": IMAGE,
        "readinessProbe": {"exec": {"command": [*SHELL, f"test -e {out}/ok"]}, "periodSeconds": 1},
    }
    pod["initContainers"] = [
        {"name": "first", "image": IMAGE, "command": step("first")},
        {
            "name": "side",
            "image": IMAGE,
            "command": [*SHELL, "echo beside; exec sleep 600"],
            "restartPolicy": "Always",
        },
        {"name": "second", "image": IMAGE, "command": step("second")},
    ]
    return job


@pytest.mark.parametrize("after", [1, 3, 4])
def test_a_pod_survives_kill_9(contained, tmp_path, after):
    marks = tmp_path / "marks"
    marks.touch()
    jobs = Jobs(contained)
    job = pod_job(tmp_path)
    jobs.create(job)
    until(f"{after} lines", lambda: len(marks.read_text().splitlines()) >= after, every_seconds=0.005)
    contained.kill()
    contained.start()
    until("both to end", lambda: "second ends" in marks.read_text())
    until("it to run, not ready", lambda: "not ready" in cli(contained, "describe", "job", "pod"))
    (tmp_path / "ok").touch()
    until("it to be ready", lambda: "not ready" not in cli(contained, "describe", "job", "pod"))
    (tmp_path / "go").touch()
    jobs.wait(job, "Succeeded")
    assert marks.read_text().splitlines() == ["first begins", "first ends", "second begins", "second ends"]
    assert cli(contained, "logs", "job/pod") == "main\n"
    assert cli(contained, "logs", "job/pod", "-c", "side") == "beside\n"
    jobs.delete(job)

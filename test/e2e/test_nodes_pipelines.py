"""Pipelines whose steps run on machines that have joined, beside none of the artifacts."""

import contextlib
import hashlib
import os
import pathlib
import uuid

import pytest
from harness.api import Api
from harness.nodes import Head, Joinable, Node, SplitHead
from harness.process import until
from harness.steps import PYTHON
from kfp import dsl, kubernetes
from kfp.dsl import Dataset, Input, Metrics, Model, Output

LARGE_TEXT_BYTES = 3_000_000


@dsl.component(base_image=PYTHON)
def make(size: int, data: Output[Dataset], folder: Output[Model], metrics: Output[Metrics]) -> str:
    import os

    with open(data.path, "w") as file:
        file.write("x" * size)
    data.metadata["seen_at"] = data.path
    os.makedirs(os.path.join(folder.path, "deep", "empty"))
    for name in ("a", "deep/b"):
        with open(os.path.join(folder.path, name), "w") as file:
            file.write(name)
    metrics.log_metric("size", size)
    print("made on", os.environ["KFMESH_WORKLOAD"])
    return data.path


@dsl.component(base_image=PYTHON)
def read(
    data: Input[Dataset], folder: Input[Model], metrics: Input[Metrics], text: str, marks: str, go: str = ""
) -> str:
    import os
    import time

    with open(marks, "a") as file:
        print(os.getpid(), file=file, flush=True)
    while go and not os.path.exists(go):
        time.sleep(0.05)
    with open(data.path) as file:
        size = len(file.read())
    found = []
    for name in ("a", "deep/b"):
        with open(os.path.join(folder.path, name)) as file:
            found.append(file.read())
    return f"{size} {found} {metrics.metadata['size']} {len(text)} {data.path}"


@dsl.component(base_image=PYTHON)
def long(size: int) -> str:
    return "é" * (size // 2)


@dsl.component(base_image=PYTHON)
def measure(text: str) -> int:
    return len(text)


def on(task, node: str):
    """Have a task run on a node, and not be reused."""
    kubernetes.add_node_selector(task, label_key="kfmesh.dev/node", label_value=node)
    return task.set_caching_options(False)


@dsl.pipeline(name="spread")
def spread(marks: str, size: int = 5, go: str = ""):
    made = on(make(size=size), "node-2")
    text = on(long(size=LARGE_TEXT_BYTES), "node-3")
    inputs = {
        "data": made.outputs["data"],
        "folder": made.outputs["folder"],
        "metrics": made.outputs["metrics"],
        "text": text.output,
        "marks": marks,
    }
    on(read(go=go, **inputs), "node-3")
    on(read(**inputs), "head")
    on(measure(text=text.output), "node-2")


@pytest.fixture(params=[Head, SplitHead], ids=["one-process", "split"])
def head(request, tmp_path):
    own = request.param(tmp_path / "head")
    try:
        yield own.start()
    finally:
        own.stop()


@pytest.fixture
def nodes(head):
    """Two machines, joined."""
    joined = [Node(head, number).start() for number in (2, 3)]
    try:
        yield joined
    finally:
        for node in joined:
            node.process.stop()


def artifacts(head: Joinable) -> list[pathlib.Path]:
    """The files in the head's object store that tasks have made."""
    return sorted(p for p in (head.artifacts / "artifacts").rglob("*") if p.is_file())


def check(head: Joinable, api: Api, run_id: str) -> None:
    """Check what became of a run of spread."""
    outcome = api.outcome(run_id)
    assert outcome.state == "SUCCEEDED", outcome.explain()
    read_by = {
        t["name"]: t["output_parameters"]["Output"] for t in outcome.named("read") + outcome.named("read-2")
    }
    for text in read_by.values():
        assert text.startswith(f"5 ['a', 'deep/b'] 5 {LARGE_TEXT_BYTES // 2} "), text
    assert read_by["read-2"].split()[-1].startswith(str(head.artifacts))
    assert read_by["read"].split()[-1] == read_by["read-2"].split()[-1], (
        "the place is called what the head calls it"
    )
    assert outcome.output("measure") == LARGE_TEXT_BYTES // 2
    made = next(p for p in artifacts(head) if p.name == "data")
    assert made.read_text() == "xxxxx"
    assert sorted(
        str(p.relative_to(made.parent)) for p in made.parent.rglob("*") if p.is_file() and "folder" in str(p)
    ) == [
        "folder/a",
        "folder/deep/b",
    ]
    assert outcome.output("make") == str(made)


def test_steps_hand_artifacts_from_node_to_node(head, nodes, tmp_path):
    api, marks = Api(head), tmp_path / "marks"
    run_id = api.submit(spread, {"marks": str(marks)})
    check(head, api, run_id)
    assert "made on" in head.cli("logs", run_id, "--task", "make")


def test_an_agent_that_is_killed_amid_a_step_loses_nothing(head, nodes, tmp_path):
    api, marks, go = Api(head), tmp_path / "marks", tmp_path / "go"
    run_id = api.submit(spread, {"marks": str(marks), "go": str(go)})
    until("the readers to run", lambda: marks.exists() and len(marks.read_text().split()) == 2, 120)
    for node in nodes:
        node.kill()
    go.touch()
    for node in nodes:
        node.start()
    check(head, api, run_id)
    assert len(marks.read_text().split()) == 2, "a step ran twice"


def test_a_head_that_is_away_when_a_step_ends_gets_what_it_made(head, nodes, tmp_path):
    @dsl.component(base_image=PYTHON)
    def write(marks: str, go: str, data: Output[Dataset]):
        import os
        import time

        with open(marks, "a") as file:
            print("begun", file=file, flush=True)
        while not os.path.exists(go):
            time.sleep(0.05)
        with open(data.path, "w") as file:
            file.write("made while the head was away")
        with open(marks, "a") as file:
            print("ended", file=file, flush=True)

    @dsl.pipeline(name="away")
    def away(marks: str, go: str):
        on(write(marks=marks, go=go), "node-2")

    api, marks, go = Api(head), tmp_path / "marks", tmp_path / "go"
    run_id = api.submit(away, {"marks": str(marks), "go": str(go)})
    until("the step to run", marks.exists, 60)
    head.kill()
    go.touch()
    until("the step to end", lambda: "ended" in marks.read_text(), 30)
    head.start()
    outcome = api.outcome(run_id)
    assert outcome.state == "SUCCEEDED", outcome.explain()
    assert marks.read_text().split() == ["begun", "ended"]
    assert [p.read_text() for p in artifacts(head) if p.name == "data"] == ["made while the head was away"]


def test_a_program_in_an_artifact_can_be_run_elsewhere(head, nodes):
    @dsl.component(base_image=PYTHON)
    def build(tool: Output[Model]):
        import os

        os.makedirs(os.path.join(tool.path, "bin"))
        program = os.path.join(tool.path, "bin", "tool")
        with open(program, "w") as file:
            file.write("#!/bin/sh\necho it runs\n")
        os.chmod(program, 0o700)

    @dsl.component(base_image=PYTHON)
    def use(tool: Input[Model]) -> str:
        import subprocess

        return subprocess.run([tool.path + "/bin/tool"], check=True, capture_output=True, text=True).stdout

    @dsl.pipeline(name="tools")
    def tools():
        made = on(build(), "node-2")
        on(use(tool=made.outputs["tool"]), "node-3")

    assert Api(head).run(tools).output("use") == "it runs\n"


def holding(folder: pathlib.Path, text: bytes) -> list[pathlib.Path]:
    """Files below a folder that hold a text; what its agent removes meanwhile holds none."""
    found = []
    for where, _, names in os.walk(folder):
        for file in (pathlib.Path(where, name) for name in names):
            with contextlib.suppress(FileNotFoundError):
                if file.is_file() and text in file.read_bytes():
                    found.append(file)
    return found


def test_a_step_has_its_secrets_where_it_runs(head, nodes):
    @dsl.component(base_image=PYTHON)
    def use() -> str:
        import hashlib
        import os

        with open("/etc/kfmesh-test-secret/password") as file:
            assert file.read() == os.environ["PASSWORD"]
        return hashlib.sha256(os.environ["PASSWORD"].encode()).hexdigest()

    @dsl.pipeline(name="secretive")
    def secretive(name: str):
        task = on(use(), "node-2")
        kubernetes.use_secret_as_env(task, secret_name=name, secret_key_to_env={"password": "PASSWORD"})
        kubernetes.use_secret_as_volume(task, secret_name=name, mount_path="/etc/kfmesh-test-secret")

    value = uuid.uuid4().hex
    head.cli("create", "secret", "generic", "login", "--from-literal", f"password={value}")
    outcome = Api(head).run(secretive, {"name": "login"})
    assert outcome.output("use") == hashlib.sha256(value.encode()).hexdigest()
    assert not holding(nodes[0].folder, value.encode()), "the node keeps the secret"


def test_what_is_cached_is_reused_wherever_it_was_made(head, nodes):
    @dsl.component(base_image=PYTHON)
    def write(data: Output[Dataset]):
        with open(data.path, "w") as file:
            file.write("same")

    @dsl.component(base_image=PYTHON)
    def use(data: Input[Dataset]) -> str:
        return open(data.path).read()

    def pipeline(first: str, second: str):
        @dsl.pipeline(name="reused")
        def reused():
            made = write()
            kubernetes.add_node_selector(made, label_key="kfmesh.dev/node", label_value=first)
            used = use(data=made.outputs["data"])
            kubernetes.add_node_selector(used, label_key="kfmesh.dev/node", label_value=second)

        return reused

    api = Api(head)
    first = api.run(pipeline("node-2", "node-3"))
    assert first.output("use") == "same"
    again = api.run(pipeline("head", "node-2"))
    assert again.output("use") == "same"
    reused = [again.task(name).get("cached_from_run_id") for name in ("write", "use")]
    assert reused == [first.run_id, first.run_id]

"""Bad input is refused with the path of the field and what would be right; nothing partial is stored."""

import copy
import io
import json
import tarfile
import zipfile

import pytest
from harness.steps import compiled, echo, plus_one
from kfp import dsl


@dsl.pipeline(name="good")
def good(number: int, text: str = "x") -> int:
    """Need a number."""
    echo(text=text)
    return plus_one(number=number).output


GOOD = compiled(good)


def changed(change) -> dict:
    """A copy of the good spec with one thing wrong."""
    spec = copy.deepcopy(GOOD)
    change(spec)
    return spec


def tasks(spec: dict) -> dict:
    return spec["root"]["dag"]["tasks"]


def unknown_component(spec):
    tasks(spec)["echo"]["componentRef"]["name"] = "comp-nowhere"


def unknown_executor(spec):
    spec["components"]["comp-echo"]["executorLabel"] = "exec-nowhere"


def cycle(spec):
    tasks(spec)["echo"]["dependentTasks"] = ["plus-one"]
    tasks(spec)["plus-one"]["dependentTasks"] = ["echo"]


def unknown_dependency(spec):
    tasks(spec)["echo"]["dependentTasks"] = ["nobody"]


def schema_version(spec):
    spec["schemaVersion"] = "9.9.9"


def no_name(spec):
    del spec["pipelineInfo"]["name"]


def no_root(spec):
    del spec["root"]


def unknown_input(spec):
    tasks(spec)["echo"]["inputs"]["parameters"]["text"] = {"componentInputParameter": "nowhere"}


def bad_condition(spec):
    tasks(spec)["echo"]["triggerPolicy"] = {"condition": "inputs.parameter_values['text' =="}


SPECS = [
    (unknown_component, "root.dag.tasks.echo.componentRef", "comp-nowhere"),
    (unknown_executor, "components.comp-echo.executorLabel", "exec-nowhere"),
    (cycle, "root.dag.tasks", "circle"),
    (unknown_dependency, "root.dag.tasks.echo.dependentTasks", "nobody"),
    (schema_version, "schemaVersion", "2.1.0"),
    (no_name, "pipelineInfo.name", "name"),
    (no_root, "root", "dag"),
    (unknown_input, "root.dag.tasks.echo.inputs.parameters.text", "nowhere"),
    (bad_condition, "root.dag.tasks.echo.triggerPolicy.condition", ""),
]


def upload(api, name: str, content: bytes, file_name: str = "pipeline.yaml"):
    return api.request(
        "POST",
        "/apis/v2beta1/pipelines/upload",
        params={"name": name},
        files={"uploadfile": (file_name, content)},
    )


def assert_refused(response, *parts: str) -> None:
    assert response.status_code == 400, f"{response.status_code} {response.text}"
    for part in parts:
        assert part in response.text, f"{part!r} is not in {response.text}"


def assert_not_stored(api, name: str) -> None:
    assert api.request("GET", f"/apis/v2beta1/pipelines/names/{name}").status_code == 404


@pytest.mark.parametrize(("change", "path", "says"), SPECS, ids=[c.__name__ for c, _, _ in SPECS])
def test_a_wrong_spec_is_refused_as_upload_and_as_run(api, unique, change, path, says):
    spec = changed(change)
    assert_refused(upload(api, unique, json.dumps(spec).encode()), path, says)
    assert_not_stored(api, unique)
    run = {"display_name": unique, "pipeline_spec": spec, "runtime_config": {"parameters": {"number": 1}}}
    assert_refused(api.request("POST", "/apis/v2beta1/runs", json=run), path, says)


def alias_bomb() -> bytes:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    return "\n".join(lines).encode()


def archive_of(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def zip_of(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


FILES = [
    ("not-yaml", lambda: b"a: [1, 2", "pipeline.yaml", ""),
    ("not-ir", lambda: b"apiVersion: v1\nkind: Pod\n", "pipeline.yaml", "pipelineInfo"),
    ("empty", lambda: b"", "pipeline.yaml", ""),
    ("a-list", lambda: b"[1, 2, 3]", "pipeline.yaml", ""),
    ("binary", lambda: bytes(range(256)), "pipeline.yaml", ""),
    ("alias-bomb", alias_bomb, "pipeline.yaml", "alias"),
    ("deep", lambda: b"[" * 100_000, "pipeline.yaml", ""),
    ("tar-escapes", lambda: archive_of({"../../pipeline.yaml": json.dumps(GOOD).encode()}), "p.tar.gz", ".."),
    ("zip-escapes", lambda: zip_of({"../pipeline.yaml": json.dumps(GOOD).encode()}), "p.zip", ".."),
    ("tar-bomb", lambda: archive_of({"pipeline.yaml": b"#" * (64 << 20)}), "p.tar.gz", "32"),
    ("zip-bomb", lambda: zip_of({"pipeline.yaml": b"#" * (64 << 20)}), "p.zip", "32"),
    ("no-pipeline-inside", lambda: zip_of({"readme.txt": b"hello"}), "p.zip", "yaml"),
]


@pytest.mark.parametrize(("content", "file_name", "says"), [f[1:] for f in FILES], ids=[f[0] for f in FILES])
def test_a_wrong_file_is_refused(api, unique, content, file_name, says):
    assert_refused(upload(api, unique, content(), file_name), says)
    assert_not_stored(api, unique)


def test_more_than_32_mb_is_refused(api, unique):
    response = upload(api, unique, b"# " + b"x" * (33 << 20))
    assert response.status_code in (400, 413), response.text
    assert "32" in response.text
    assert_not_stored(api, unique)


PARAMETERS = [
    ("missing", {}, "number"),
    ("extra", {"number": 1, "colour": "red"}, "colour"),
    ("mistyped", {"number": "one"}, "number"),
    ("fraction", {"number": 1.5}, "number"),
    ("text-as-list", {"number": 1, "text": ["x"]}, "text"),
]


@pytest.mark.parametrize(("given", "field"), [p[1:] for p in PARAMETERS], ids=[p[0] for p in PARAMETERS])
def test_wrong_parameters_are_refused(api, unique, given, field):
    run = {"display_name": unique, "pipeline_spec": GOOD, "runtime_config": {"parameters": given}}
    assert_refused(api.request("POST", "/apis/v2beta1/runs", json=run), f"runtime_config.parameters.{field}")
    wanted = json.dumps(
        {"predicates": [{"operation": "EQUALS", "key": "display_name", "stringValue": unique}]}
    )
    assert not api.kfp.list_runs(filter=wanted).runs, "nothing partial is stored"


REQUESTS = [
    ("no-body", "POST", "/apis/v2beta1/runs", {"data": ""}, 400, ""),
    ("not-json", "POST", "/apis/v2beta1/runs", {"data": "{"}, 400, ""),
    ("unknown-field", "POST", "/apis/v2beta1/runs", {"json": {"colour": "red"}}, 400, "colour"),
    ("no-source", "POST", "/apis/v2beta1/runs", {"json": {"display_name": "x"}}, 400, "pipeline"),
    ("negative-page", "GET", "/apis/v2beta1/runs?page_size=-1", {}, 400, "page_size"),
    ("bad-token", "GET", "/apis/v2beta1/runs?page_token=nonsense", {}, 400, "page_token"),
    ("bad-filter", "GET", "/apis/v2beta1/runs?filter=%7B", {}, 400, "filter"),
    ("bad-sort", "GET", "/apis/v2beta1/runs?sort_by=colour", {}, 400, "colour"),
    ("no-such-run", "GET", "/apis/v2beta1/runs/nowhere", {}, 404, "nowhere"),
    ("no-such-pipeline", "GET", "/apis/v2beta1/pipelines/nowhere", {}, 404, "nowhere"),
    ("no-such-experiment", "GET", "/apis/v2beta1/experiments/nowhere", {}, 404, "nowhere"),
    ("no-such-path", "GET", "/apis/v2beta1/nonsense", {}, 404, ""),
]


@pytest.mark.parametrize(
    ("method", "path", "arguments", "status", "says"), [r[1:] for r in REQUESTS], ids=[r[0] for r in REQUESTS]
)
def test_wrong_requests_are_answered_in_json(api, method, path, arguments, status, says):
    response = api.request(method, path, **arguments)
    assert response.status_code == status, response.text
    assert isinstance(response.json(), dict)
    assert says in response.text


def test_a_run_of_a_pipeline_that_is_not_there(api):
    run = {"display_name": "x", "pipeline_version_reference": {"pipeline_id": "nowhere"}}
    response = api.request("POST", "/apis/v2beta1/runs", json=run)
    assert response.status_code in (400, 404)
    assert "nowhere" in response.text

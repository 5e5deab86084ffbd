"""Uploads in every form that KFP takes them, and what is refused."""

import io
import json
import tarfile
import zipfile

import kfp_server_api
import pytest
import yaml
from harness.steps import compiled, echo
from kfp import dsl


@dsl.pipeline(name="uploaded")
def uploaded(text: str = "x") -> str:
    """Return its parameter."""
    return echo(text=text).output


def as_yaml() -> bytes:
    return yaml.safe_dump(compiled(uploaded)).encode()


def as_json() -> bytes:
    return json.dumps(compiled(uploaded)).encode()


def as_zip(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in (members or {"pipeline.yaml": as_yaml()}).items():
            archive.writestr(name, content)
    return buffer.getvalue()


def as_tar_gz() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo("pipeline.yaml")
        member.size = len(as_yaml())
        archive.addfile(member, io.BytesIO(as_yaml()))
    return buffer.getvalue()


FORMS = {
    "p.yaml": as_yaml,
    "p.yml": as_yaml,
    "p.json": as_json,
    "p.zip": as_zip,
    "p.tar.gz": as_tar_gz,
    "p.tgz": as_tar_gz,
    "no-extension": as_tar_gz,
}


def upload(
    api, content: bytes, file_name: str = "p.yaml", call: str = "upload", field: str = "uploadfile", **query
):
    files = {field: (file_name, content, "application/octet-stream")}
    return api.request("POST", f"/apis/v2beta1/pipelines/{call}", params=query, files=files)


@pytest.mark.parametrize("file_name", FORMS)
def test_every_form_is_taken(api, tmp_path, file_name, unique):
    file = tmp_path / file_name
    file.write_bytes(FORMS[file_name]())
    client = kfp_server_api.PipelineUploadServiceApi(
        kfp_server_api.ApiClient(kfp_server_api.Configuration(host=api.url))
    )
    pipeline = client.upload_pipeline(str(file), name=unique)
    (version,) = api.kfp.list_pipeline_versions(pipeline.pipeline_id).pipeline_versions
    assert version.pipeline_spec["pipelineInfo"]["name"] == "uploaded"
    second = client.upload_pipeline_version(str(file), name=f"{unique}-2", pipelineid=pipeline.pipeline_id)
    assert second.pipeline_spec == version.pipeline_spec


def test_what_the_query_says(api, unique):
    assert upload(api, as_yaml(), f"{unique}.yaml").json()["name"] == unique
    source = {"name": f"{unique}-s", "code_source_url": "https://c"}
    pipeline = upload(api, as_yaml(), **source).json()
    (version,) = api.kfp.list_pipeline_versions(pipeline["pipeline_id"]).pipeline_versions
    assert version.code_source_url == "https://c"
    shown = upload(api, as_yaml(), display_name=f"Shown {unique}").json()
    assert shown["name"] == shown["display_name"] == f"Shown {unique}"


def test_the_sdk_uploads_functions(api, unique):
    pipeline = api.kfp.upload_pipeline_from_pipeline_func(uploaded, pipeline_name=unique, description="d")
    version = api.kfp.upload_pipeline_version_from_pipeline_func(
        uploaded, f"{unique}-2", pipeline_name=unique, description="e"
    )
    assert version.pipeline_id == pipeline.pipeline_id
    got = api.kfp.get_pipeline_version(pipeline.pipeline_id, version.pipeline_version_id)
    assert got.description == "e"


@pytest.mark.parametrize(
    ("content", "query", "mention"),
    [
        (b"", {}, "empty"),
        (b"\x00\x01\x02", {}, ""),
        (b"- a list", {}, "mapping"),
        (b"pipelineInfo: {name: x}", {}, "schemaVersion"),
        (as_zip()[:40], {"file_name": "p.zip"}, "zip"),
        (as_zip(**{"a.txt": b"x"}), {"file_name": "p.zip"}, "yaml"),
        (as_yaml(), {"tags": "red"}, "tags"),
        (as_yaml(), {"field": "file"}, "uploadfile"),
        (as_yaml(), {"call": "upload_version"}, "pipelineid"),
        (as_yaml(), {"namespace": "Not A Namespace"}, "namespace"),
        (as_yaml(), {"name": "x" * 300}, "name"),
    ],
)
def test_refusals_have_the_form_of_uploads(api, content, query, mention, unique):
    query.setdefault("name", unique)
    answer = upload(api, content, **query)
    assert answer.status_code == 400, answer.text
    error = answer.json()
    assert set(error) == {"error_message", "error_details"}
    assert mention in error["error_details"]


def test_a_version_of_no_pipeline(api, unique):
    assert upload(api, as_yaml(), call="upload_version", pipelineid="none", name=unique).status_code == 404


def test_a_taken_name(api, unique):
    assert upload(api, as_yaml(), name=unique).ok
    answer = upload(api, as_yaml(), name=unique)
    assert answer.status_code == 409
    assert unique in answer.json()["error_details"]

"""Pipelines, versions and experiments, as the kfp client keeps them."""

import json

import pytest
from harness.steps import echo
from kfp import compiler, dsl
from kfp_server_api import ApiException


@dsl.pipeline(name="stored")
def stored(text: str = "as uploaded") -> str:
    """Return its parameter."""
    return echo(text=text).output


@pytest.fixture
def package(tmp_path) -> str:
    file = tmp_path / "stored.yaml"
    compiler.Compiler().compile(stored, str(file))
    return str(file)


def test_upload_get_list_delete(api, package, unique):
    pipeline = api.kfp.upload_pipeline(package, pipeline_name=unique, description="a test's")
    assert api.kfp.get_pipeline(pipeline.pipeline_id).display_name == unique
    assert api.kfp.get_pipeline(pipeline.pipeline_id).description == "a test's"
    assert api.kfp.get_pipeline_id(unique) == pipeline.pipeline_id

    versions = api.kfp.list_pipeline_versions(pipeline.pipeline_id).pipeline_versions
    assert [v.display_name for v in versions] == [unique]
    assert versions[0].pipeline_spec["pipelineInfo"]["name"] == "stored"

    with pytest.raises(ApiException) as refused:
        api.kfp.delete_pipeline(pipeline.pipeline_id)
    assert refused.value.status in (400, 409)
    api.kfp.delete_pipeline_version(pipeline.pipeline_id, versions[0].pipeline_version_id)
    api.kfp.delete_pipeline(pipeline.pipeline_id)
    with pytest.raises(ApiException) as gone:
        api.kfp.get_pipeline(pipeline.pipeline_id)
    assert gone.value.status == 404


def test_a_name_is_taken_once(api, package, unique):
    api.kfp.upload_pipeline(package, pipeline_name=unique)
    with pytest.raises(ApiException) as refused:
        api.kfp.upload_pipeline(package, pipeline_name=unique)
    assert refused.value.status == 409
    assert unique in refused.value.body


def test_versions_and_the_newest_runs(api, package, tmp_path, unique):
    pipeline = api.kfp.upload_pipeline(package, pipeline_name=unique)

    @dsl.pipeline(name="stored")
    def newer(text: str = "newer") -> str:
        return echo(text=text).output

    newer_package = str(tmp_path / "newer.yaml")
    compiler.Compiler().compile(newer, newer_package)
    version = api.kfp.upload_pipeline_version(newer_package, f"{unique}-2", pipeline_id=pipeline.pipeline_id)
    assert version.display_name == f"{unique}-2"

    experiment = api.kfp.create_experiment(f"{unique}-e")
    reference = {"pipeline_id": pipeline.pipeline_id}
    newest = api.request(
        "POST", "/apis/v2beta1/runs", json={"display_name": "x", "pipeline_version_reference": reference}
    )
    outcome = api.outcome(newest.json()["run_id"])
    assert outcome.output("echo", "output") == "newer", outcome.explain()

    first = api.kfp.list_pipeline_versions(pipeline.pipeline_id, sort_by="created_at asc").pipeline_versions[
        0
    ]
    chosen = api.kfp.run_pipeline(
        experiment.experiment_id,
        "first",
        pipeline_id=pipeline.pipeline_id,
        version_id=first.pipeline_version_id,
        params={"text": "given"},
    )
    assert api.outcome(chosen.run_id).output("echo", "output") == "given"


def test_list_pages_sorts_and_filters(api, package, unique):
    for i in range(5):
        api.kfp.upload_pipeline(package, pipeline_name=f"{unique}-{i}")
    wanted = json.dumps({"predicates": [{"operation": "IS_SUBSTRING", "key": "name", "stringValue": unique}]})
    names, token = [], ""
    while True:
        page = api.kfp.list_pipelines(page_token=token, page_size=2, sort_by="name desc", filter=wanted)
        assert page.total_size == 5
        names += [p.display_name for p in page.pipelines]
        token = page.next_page_token
        if not token:
            break
    assert names == [f"{unique}-{i}" for i in reversed(range(5))]


def test_experiments(api, unique):
    made = api.kfp.create_experiment(unique, description="a test's")
    assert api.kfp.create_experiment(unique).experiment_id == made.experiment_id, (
        "the SDK finds the one of that name"
    )
    assert api.kfp.get_experiment(experiment_name=unique).experiment_id == made.experiment_id
    assert unique in [e.display_name for e in api.kfp.list_experiments(page_size=100).experiments]

    api.kfp.archive_experiment(made.experiment_id)
    assert api.kfp.get_experiment(made.experiment_id).storage_state == "ARCHIVED"
    api.kfp.unarchive_experiment(made.experiment_id)
    assert api.kfp.get_experiment(made.experiment_id).storage_state == "AVAILABLE"

    api.kfp.delete_experiment(made.experiment_id)
    assert api.request("GET", f"/apis/v2beta1/experiments/{made.experiment_id}").status_code == 404

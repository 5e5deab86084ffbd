"""Every public method of kfp.Client."""

import datetime
import inspect

import kfp
import pytest
from harness.api import Api
from harness.steps import echo
from harness.walk import Walk
from kfp import compiler, dsl

# What needs no server.
LOCAL = {"set_user_namespace", "get_user_namespace"}


@dsl.pipeline(name="client-probe")
def probe(text: str = "x") -> str:
    """Return its parameter."""
    return echo(text=text).output


@pytest.fixture
def package(tmp_path) -> str:
    file = str(tmp_path / "probe.yaml")
    compiler.Compiler().compile(probe, file)
    return file


def test_every_method(api, package, unique):
    walk = Walk(api.kfp)
    assert walk.get_kfp_healthz().multi_user is False
    experiment = experiments(walk, unique)
    pipeline_id, version_id = pipelines(walk, package, unique)
    runs(walk, experiment, package, pipeline_id, version_id, unique)
    recurring_runs(walk, experiment, package, unique)
    walk.archive_experiment(experiment)
    walk.unarchive_experiment(experiment)
    walk.delete_experiment(experiment)
    for version in walk.list_pipeline_versions(pipeline_id).pipeline_versions:
        walk.delete_pipeline_version(pipeline_id, version.pipeline_version_id)
    walk.delete_pipeline(pipeline_id)
    there_is = {name for name, _ in inspect.getmembers(kfp.Client, inspect.isfunction) if name[0] != "_"}
    assert there_is - walk.called == LOCAL


def experiments(walk, unique) -> str:
    made = walk.create_experiment(unique, description="a test's", namespace="default")
    assert (
        walk.get_experiment(experiment_name=unique, namespace="default").experiment_id == made.experiment_id
    )
    assert walk.list_experiments(page_size=100, sort_by="created_at desc").experiments
    return made.experiment_id


def pipelines(walk, package, unique) -> tuple[str, str]:
    pipeline = walk.upload_pipeline(package, unique, description="d", namespace="default")
    assert walk.get_pipeline_id(unique) == pipeline.pipeline_id
    assert walk.get_pipeline(pipeline.pipeline_id).description == "d"
    version = walk.upload_pipeline_version(package, f"{unique}-2", pipeline_name=unique)
    walk.upload_pipeline_version_from_pipeline_func(probe, f"{unique}-3", pipeline_id=pipeline.pipeline_id)
    other = walk.upload_pipeline_from_pipeline_func(probe, f"{unique}-other")
    assert {p.pipeline_id for p in walk.list_pipelines(page_size=2, sort_by="created_at desc").pipelines} == {
        pipeline.pipeline_id,
        other.pipeline_id,
    }
    got = walk.get_pipeline_version(pipeline.pipeline_id, version.pipeline_version_id)
    assert got.display_name == f"{unique}-2"
    return pipeline.pipeline_id, version.pipeline_version_id


def runs(walk, experiment, package, pipeline_id, version_id, unique):
    stored = walk.run_pipeline(experiment, unique, pipeline_id=pipeline_id, version_id=version_id)
    filed = walk.run_pipeline(experiment, unique, pipeline_package_path=package, params={"text": "y"})
    packed = walk.create_run_from_pipeline_package(package, {"text": "z"}, experiment_id=experiment)
    funced = walk.create_run_from_pipeline_func(
        probe, arguments={"text": "f"}, experiment_name=unique, enable_caching=False
    )
    ids = [run.run_id for run in (stored, filed, packed, funced)]
    for run_id in ids:
        ended = walk.wait_for_run_completion(run_id, timeout=60, sleep_duration=0.05)
        assert ended.state == "SUCCEEDED"
    assert funced.wait_for_run_completion(timeout=datetime.timedelta(seconds=60)).run_id == funced.run_id
    assert [r.run_id for r in walk.list_runs(experiment_id=experiment, sort_by="created_at asc").runs] == ids
    assert walk.list_runs(namespace="default", page_size=1).runs
    walk.archive_run(ids[0])
    assert walk.get_run(ids[0]).storage_state == "ARCHIVED"
    walk.unarchive_run(ids[0])
    walk.terminate_run(ids[0])
    for run_id in ids:
        walk.delete_run(run_id)


def recurring_runs(walk, experiment, package, unique):
    made = walk.create_recurring_run(
        experiment, unique, pipeline_package_path=package, interval_second=3600, enabled=False
    )
    recurring_run_id = made.recurring_run_id
    assert made.status == "DISABLED"
    walk.enable_recurring_run(recurring_run_id)
    assert walk.get_recurring_run(recurring_run_id).status == "ENABLED"
    walk.disable_recurring_run(recurring_run_id)
    with pytest.warns(DeprecationWarning, match="deprecated"):
        walk.enable_job(recurring_run_id)
    with pytest.warns(DeprecationWarning, match="deprecated"):
        walk.disable_job(recurring_run_id)
    listed = walk.list_recurring_runs(experiment_id=experiment).recurring_runs
    assert [r.status for r in listed] == ["DISABLED"]
    walk.delete_recurring_run(recurring_run_id)
    again = walk.create_recurring_run(
        experiment, unique, pipeline_package_path=package, cron_expression="@daily", max_concurrency=3
    )
    with pytest.warns(DeprecationWarning, match="deprecated"):
        walk.delete_job(again.recurring_run_id)
    assert walk.list_recurring_runs(experiment_id=experiment).recurring_runs is None


def test_a_client_with_a_namespace(mesh, package, unique):
    """A namespace other than Kubeflow's own is kept apart."""
    client = kfp.Client(host=mesh.url, namespace="team-a")
    made = client.create_experiment(unique, namespace="team-b")
    assert made.namespace == "team-b"
    assert client.create_experiment(unique, namespace="team-a").experiment_id != made.experiment_id
    run = client.create_run_from_pipeline_package(package, experiment_id=made.experiment_id)
    assert Api(mesh).finished(run.run_id).state == "SUCCEEDED"
    assert [r.run_id for r in client.list_runs(namespace="team-b").runs] == [run.run_id]

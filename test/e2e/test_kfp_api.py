"""Every call of the client that is generated from KFP's API, and what is not there."""

import base64
import inspect
import json

import kfp_server_api
import pytest
from harness.process import until
from harness.steps import compiled, echo, shell, write
from harness.walk import Walk
from kfp import dsl
from kfp_server_api import ApiException

ABSENT = {
    "dummy_filter_service_get_filter": "there is only to have the filter's type in KFP's document",
    "report_service_report_scheduled_workflow": "KFP's own Kubernetes controllers call it",
    "report_service_report_workflow": "KFP's own Kubernetes controllers call it",
    "visualization_service_create_visualization_v1": "of KFP v1",
}


@dsl.pipeline(name="api-probe")
def probe(text: str = "hello") -> str:
    """Write an artifact and return a parameter."""
    write(text=text)
    return echo(text=text).output


@dsl.pipeline(name="api-endless")
def endless():
    """Wait to be stopped."""
    shell(script="sleep 600")


@pytest.fixture
def services(api):
    """The generated services, as one object."""

    class Services:
        pass

    client = kfp_server_api.ApiClient(kfp_server_api.Configuration(host=api.url))
    for _, service in inspect.getmembers(kfp_server_api.api, inspect.isclass):
        for name, method in inspect.getmembers(service(client), inspect.ismethod):
            if not name.startswith("_") and not name.endswith("_with_http_info"):
                setattr(Services, name, staticmethod(method))
    return Services


@pytest.fixture
def package(tmp_path):
    """The probe as a file."""
    file = tmp_path / "probe.json"
    file.write_text(json.dumps(compiled(probe)))
    return file


def test_every_generated_call(api, services, package, unique):
    walk = Walk(services)
    experiments(walk, unique)
    pipeline_id, version_id = pipelines(walk, package, unique)
    runs(api, walk, pipeline_id, version_id, unique)
    recurring_runs(walk, pipeline_id, unique)
    assert walk.healthz_service_get_healthz().multi_user is False
    assert walk.auth_service_authorize(namespace="default", resources="VIEWERS", verb="CREATE") == {}
    walk.pipeline_service_delete_pipeline_version(pipeline_id, version_id)
    walk.pipeline_service_delete_pipeline(pipeline_id, cascade=True)
    there_is = {name for name in vars(services) if not name.startswith("_")}
    assert there_is - walk.called == set(ABSENT)


def experiments(walk, unique):
    made = walk.experiment_service_create_experiment({"display_name": unique, "description": "a test's"})
    assert walk.experiment_service_get_experiment(made.experiment_id).description == "a test's"
    assert walk.experiment_service_list_experiments(page_size=1).experiments
    walk.experiment_service_archive_experiment(made.experiment_id)
    walk.experiment_service_unarchive_experiment(made.experiment_id)
    walk.experiment_service_delete_experiment(made.experiment_id)


def pipelines(walk, package, unique):
    uploaded = walk.upload_pipeline(
        str(package), name=f"{unique}-u", display_name="Probe", tags='{"team":"vision"}'
    )
    assert uploaded.display_name == "Probe"
    assert uploaded.tags == {"team": "vision"}
    (first,) = walk.pipeline_service_list_pipeline_versions(uploaded.pipeline_id).pipeline_versions
    assert first.tags == {"team": "vision"}
    version = walk.upload_pipeline_version(
        str(package),
        name=f"{unique}-v",
        pipelineid=uploaded.pipeline_id,
        display_name="Second",
        description="d",
        tags='{"a":"b"}',
    )
    assert (version.display_name, version.tags) == ("Second", {"a": "b"})
    assert walk.pipeline_service_list_pipelines(page_size=1).pipelines
    assert walk.pipeline_service_get_pipeline_by_name(f"{unique}-u").pipeline_id == uploaded.pipeline_id

    bare = walk.pipeline_service_create_pipeline({"display_name": f"{unique}-c", "description": "bare"})
    spec = json.loads(package.read_text())
    added = walk.pipeline_service_create_pipeline_version(
        bare.pipeline_id, {"display_name": "one", "pipeline_id": bare.pipeline_id, "pipeline_spec": spec}
    )
    assert added.pipeline_spec["pipelineInfo"]["name"] == "api-probe"
    both = walk.pipeline_service_create_pipeline_and_version(
        {
            "pipeline": {"display_name": f"{unique}-b"},
            "pipeline_version": {"display_name": "v", "pipeline_spec": spec},
        }
    )
    assert walk.pipeline_service_get_pipeline(both.pipeline_id).display_name == f"{unique}-b"
    got = walk.pipeline_service_get_pipeline_version(bare.pipeline_id, added.pipeline_version_id)
    assert got.pipeline_spec == added.pipeline_spec

    renamed = walk.pipeline_service_update_pipeline(
        both.pipeline_id, {"display_name": "New", "tags": {"x": "1"}}
    )
    assert (renamed.display_name, renamed.tags) == ("New", {"x": "1"})
    cleared = walk.pipeline_service_update_pipeline(both.pipeline_id, {"tags": {}})
    assert (cleared.display_name, cleared.tags) == ("New", None)
    changed = walk.pipeline_service_update_pipeline_version(
        bare.pipeline_id, added.pipeline_version_id, {"display_name": "uno"}
    )
    assert changed.display_name == "uno"
    return bare.pipeline_id, added.pipeline_version_id


def runs(api, walk, pipeline_id, version_id, unique):
    reference = {"pipeline_id": pipeline_id, "pipeline_version_id": version_id}
    run = walk.run_service_create_run({"display_name": unique, "pipeline_version_reference": reference})
    assert run.state == "PENDING"
    api.finished(run.run_id)
    got = walk.run_service_get_run(run.run_id)
    assert got.state == "SUCCEEDED"
    assert {d.display_name for d in got.run_details.task_details} >= {"echo", "write"}
    assert walk.run_service_list_runs(page_size=1).runs
    walk.run_service_archive_run(run.run_id)
    walk.run_service_unarchive_run(run.run_id)
    stopped = walk.run_service_create_run({"display_name": unique, "pipeline_spec": compiled(endless)})
    walk.run_service_terminate_run(stopped.run_id)
    api.finished(stopped.run_id)
    walk.run_service_retry_run(stopped.run_id)
    until("the run to go on", lambda: walk.run_service_get_run(stopped.run_id).state == "RUNNING")
    walk.run_service_delete_run(stopped.run_id)
    walk.run_service_delete_run(run.run_id)


def recurring_runs(walk, pipeline_id, unique):
    made = walk.recurring_run_service_create_recurring_run(
        {
            "display_name": unique,
            "pipeline_version_reference": {"pipeline_id": pipeline_id},
            "trigger": {"periodic_schedule": {"interval_second": 3600}},
            "mode": "DISABLE",
        }
    )
    assert made.status == "DISABLED"
    walk.recurring_run_service_enable_recurring_run(made.recurring_run_id)
    walk.recurring_run_service_disable_recurring_run(made.recurring_run_id)
    assert walk.recurring_run_service_get_recurring_run(made.recurring_run_id).mode == "DISABLE"
    assert walk.recurring_run_service_list_recurring_runs().recurring_runs
    walk.recurring_run_service_delete_recurring_run(made.recurring_run_id)


@pytest.mark.parametrize("name", ["a/b", "a b", "a:b", "ä%c", "a+b?c#d"])
def test_any_name_can_be_asked_for(api, services, unique, name):
    made = api.kfp.upload_pipeline_from_pipeline_func(probe, pipeline_name=f"{unique}{name}")
    assert services.pipeline_service_get_pipeline_by_name(made.name).pipeline_id == made.pipeline_id
    assert api.kfp.get_pipeline_id(made.name) == made.pipeline_id


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/apis/v2beta1/filters"),
        ("POST", "/apis/v2beta1/workflows"),
        ("POST", "/apis/v2beta1/visualizations/default"),
        ("GET", "/apis/v1beta1/runs"),
    ],
)
def test_what_is_absent_says_so(api, method, path):
    answer = api.request(method, path, json={} if method == "POST" else None)
    assert answer.status_code == 404
    assert answer.json()["code"] == 5
    assert "/openapi.json" in answer.json()["message"]


def test_v1_clients_find_health(api):
    assert api.get("/apis/v1beta1/healthz")["multi_user"] is False


def test_artifacts_are_read_by_task_and_name(api):
    outcome = api.run(probe, {"text": "some content"})
    task = outcome.task("write")
    for node in (task["detail"]["task_id"], task["path"], task["name"]):
        path = f"/apis/v2beta1/runs/{outcome.run_id}/nodes/{node}/artifacts/data:read"
        assert base64.b64decode(api.get(path)["data"]) == b"some content"
    for path, mention in {
        f"/apis/v2beta1/runs/{outcome.run_id}/nodes/write/artifacts/none:read": "none",
        f"/apis/v2beta1/runs/{outcome.run_id}/nodes/none/artifacts/data:read": "none",
        f"/apis/v2beta1/runs/{outcome.run_id}/nodes/write/artifacts/data": ":read",
        "/apis/v2beta1/runs/none/nodes/write/artifacts/data:read": "none",
    }.items():
        answer = api.request("GET", path)
        assert answer.status_code == 404, path
        assert mention in answer.json()["message"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/runs/none", None, 404, 5),
        ("GET", "/experiments/none", None, 404, 5),
        ("GET", "/pipelines/none", None, 404, 5),
        ("GET", "/pipelines/none/versions", None, 404, 5),
        ("GET", "/pipelines/names/none", None, 404, 5),
        ("GET", "/recurringruns/none", None, 404, 5),
        ("PATCH", "/pipelines/none", {"display_name": "x"}, 404, 5),
        ("POST", "/recurringruns/none:enable", {}, 404, 5),
        ("DELETE", "/recurringruns/none", None, 404, 5),
        ("POST", "/runs/none:retry", {}, 404, 5),
        ("POST", "/runs", {"display_name": "x"}, 400, 3),
        ("POST", "/runs", {"colour": "red"}, 400, 3),
        ("POST", "/runs", [], 400, 3),
        ("POST", "/experiments", {"display_name": " "}, 400, 3),
        ("POST", "/recurringruns", {"display_name": "x"}, 400, 3),
        ("POST", "/pipelines/create", {"pipeline": {"display_name": "x"}}, 400, 3),
        ("GET", "/runs?page_size=-1", None, 400, 3),
        ("GET", "/runs?page_token=x", None, 400, 3),
        ("GET", "/runs?sort_by=colour", None, 400, 3),
        ("GET", "/runs?filter=x", None, 400, 3),
        ("PUT", "/runs", {}, 405, 12),
    ],
)
def test_errors_have_one_shape(api, method, path, body, status, code):
    answer = api.request(method, "/apis/v2beta1" + path, json=body)
    assert answer.status_code == status, answer.text
    error = answer.json()
    assert error["code"] == code
    assert error["message"]


def test_errors_reach_the_generated_client(services):
    with pytest.raises(ApiException) as refused:
        services.run_service_get_run("none")
    assert refused.value.status == 404
    assert json.loads(refused.value.body)["code"] == 5

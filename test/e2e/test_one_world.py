"""A pipeline run is a run of experiment tracking, and its tasks are runs nested in it."""

import json

import pytest
from harness.process import ROOT


@pytest.fixture(scope="module")
def outcome(api):
    import sys

    sys.path.insert(0, str(ROOT / "examples"))
    from mlflow_tracking.pipeline import mlflow_tracking

    run = api.submit(mlflow_tracking, {"rate": 0.5, "epochs": 3})
    api.finished(run, within_seconds=400)  # MLflow is installed once
    done = api.outcome(run)
    assert done.state == "SUCCEEDED", done.explain()
    return done


def tracked(api, **query):
    return api.get("/api/2.0/mlflow/runs/get", **query)["run"]


def values(pairs) -> dict:
    return {p["key"]: p["value"] for p in pairs}


def nested(api, outcome) -> dict:
    parent = outcome.run_id.replace("-", "")
    experiment = tracked(api, run_id=parent)["info"]["experiment_id"]
    found = api.request(
        "POST",
        "/api/2.0/mlflow/runs/search",
        json={"experiment_ids": [experiment], "filter": f"tags.`mlflow.parentRunId` = '{parent}'"},
    ).json()["runs"]
    return {r["info"]["run_name"]: r for r in found}


@pytest.mark.timeout(500)
def test_run_is_tracked_with_its_tasks(api, outcome):
    runs = nested(api, outcome)
    assert set(runs) == {"train", "judge"}
    assert all(r["info"]["status"] == "FINISHED" for r in runs.values())
    assert values(runs["train"]["data"]["params"]) == {"rate": "0.5", "epochs": "3", "optimizer": "sgd"}
    assert values(runs["train"]["data"]["metrics"])["loss"] == 0.125
    assert values(runs["judge"]["data"]["metrics"])["score"] == 0.875


def test_what_a_step_logged_is_on_the_run(api, outcome):
    logged = outcome.artifact("train", "mlflow_metrics")
    assert logged["type"] == "system.Metrics"
    assert logged["metadata"] == {"loss": 0.125}


def test_parent_run_ends_with_the_run(api, outcome):
    """Its state is told by an event, which comes a moment after."""
    import time

    parent = outcome.run_id.replace("-", "")
    until = time.monotonic() + 20
    while tracked(api, run_id=parent)["info"]["status"] != "FINISHED":
        assert time.monotonic() < until
    assert values(tracked(api, run_id=parent)["data"]["params"]) == {"rate": "0.5", "epochs": "3"}


def test_reused_task_is_tracked_as_finished(api, outcome):
    from mlflow_tracking.pipeline import mlflow_tracking

    again = api.outcome(api.submit(mlflow_tracking, {"rate": 0.5, "epochs": 3}))
    assert again.state == "SUCCEEDED", again.explain()
    runs = nested(api, again)
    assert runs["train"]["info"]["status"] == "FINISHED"
    assert values(runs["train"]["data"]["tags"])["kfmesh.cached"] == "true"
    assert values(runs["train"]["data"]["metrics"]) == {"loss": 0.125}
    assert values(runs["judge"]["data"]["metrics"])["score"] == 0.875
    logged = again.artifact("train", "mlflow_metrics")
    assert logged["artifact_id"] == outcome.artifact("train", "mlflow_metrics")["artifact_id"]


def test_model_of_a_task_can_be_registered(api, kfmesh):
    from kfp import dsl

    @dsl.container_component
    def fit(text: str, model: dsl.Output[dsl.Model]):
        return dsl.ContainerSpec(
            image="alpine",
            command=["sh", "-c", 'mkdir -p "$(dirname "$1")"; echo "$0" > "$1"'],
            args=[text, model.path],
        )

    @dsl.pipeline(name="fit-and-register")
    def pipeline(text: str = "weights", note: str = "none"):
        fit(text=text).set_caching_options(False)

    done = api.outcome(api.submit(pipeline, {"note": "given"}))
    assert done.state == "SUCCEEDED", done.explain()
    parent = tracked(api, run_id=done.run_id.replace("-", ""))
    assert values(parent["data"]["params"]) == {"text": "weights", "note": "given"}
    run = nested(api, done)["fit"]
    (made,) = run["outputs"]["model_outputs"]
    model = api.get(f"/api/2.0/mlflow/logged-models/{made['model_id']}")["model"]["info"]
    assert model["status"] == "LOGGED_MODEL_READY"
    assert model["artifact_uri"] == done.artifact("fit", "model")["uri"]
    name = f"fitted-{done.run_id}"
    api.request("POST", "/api/2.0/mlflow/registered-models/create", json={"name": name})
    version = api.request(
        "POST",
        "/api/2.0/mlflow/model-versions/create",
        json={"name": name, "source": f"models:/{made['model_id']}"},
    ).json()["model_version"]
    assert version["run_id"] == run["info"]["run_id"]

    drawn = kfmesh("lineage", name, "--up")
    assert drawn.returncode == 0, drawn.stderr
    assert "made from" in drawn.stdout
    assert "fit" in drawn.stdout
    printed = kfmesh("lineage", name, "-o", "json")
    assert printed.returncode == 0, printed.stderr
    reached = json.loads(printed.stdout)
    assert [e["name"] for e in reached["executions"]] == ["fit"]
    execution = reached["executions"][0]["execution_id"]
    walked = api.get(f"/kfmesh/v1/executions/{execution}/lineage", direction="DIRECTION_DOWN")
    assert [a["uri"] for a in walked["artifacts"]] == [model["artifact_uri"]]
    missing = api.request("GET", "/kfmesh/v1/executions/123456789/lineage")
    assert missing.status_code == 404


def test_openlineage_events_join_the_graph(api):
    """Out of order and twice, as clients send them."""
    import uuid

    run = str(uuid.uuid4())
    base = {
        "producer": "https://example.com",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json",
    }
    job = {"namespace": "spark", "name": f"etl-{run}"}
    raw, clean = ({"namespace": "s3://lake", "name": f"{name}-{run}"} for name in ("raw", "clean"))
    base |= {"run": {"runId": run}, "job": job}
    start = base | {"eventType": "START", "eventTime": "2026-01-02T03:04:05Z"}
    end = base | {"eventType": "COMPLETE", "eventTime": "2026-01-02T03:05:05Z"}
    for event in [end | {"outputs": [clean]}, start | {"inputs": [raw]}, start, end]:
        assert api.request("POST", "/api/v1/lineage", json=event).status_code == 201
    listed = api.get("/kfmesh/v1/artifacts", page_size=200, order_by="create_time desc")["artifacts"]
    model = next(a for a in listed if a["name"] == clean["name"])
    graph = api.get(f"/kfmesh/v1/artifacts/{model['artifact_id']}/lineage", direction="DIRECTION_UP")
    assert {a["name"] for a in graph["artifacts"]} == {raw["name"], clean["name"]}
    execution = graph["executions"][0]
    assert execution["state"] == "STATE_COMPLETE"
    assert execution["start_time"] == "2026-01-02T03:04:05Z"
    for node in [f"job:spark:{job['name']}", f"dataset:s3://lake:{raw['name']}"]:
        nodes = {n["id"]: n for n in api.get("/api/v1/lineage", nodeId=node)["graph"]}
        assert set(nodes) == {
            f"job:spark:{job['name']}",
            *(f"dataset:{d['namespace']}:{d['name']}" for d in (raw, clean)),
        }
        job_node = nodes[f"job:spark:{job['name']}"]
        assert job_node["data"]["latestRun"]["state"] == "COMPLETED"
        assert [e["origin"] for e in job_node["inEdges"]] == [f"dataset:s3://lake:{raw['name']}"]

"""What must be refused: MLflow's limits, with a message that says what was wrong."""

import math
import uuid

import pytest
from mlflow.entities import Metric, Param
from mlflow.exceptions import MlflowException
from rest import API, Rest, good, refusal

INVALID = "INVALID_PARAMETER_VALUE"
ABSENT = "RESOURCE_DOES_NOT_EXIST"


def test_a_parameter_does_not_change(client, rest, run_id):
    client.log_param(run_id, "depth", "3")
    body = {"run_id": run_id, "key": "depth", "value": "4"}
    rest.refused(400, INVALID, "runs/log-parameter", body, "depth", "3", "4")
    batch = {
        "run_id": run_id,
        "params": [{"key": "new", "value": "x"}, {"key": "depth", "value": "4"}],
        "metrics": [{"key": "m", "value": 1, "timestamp": 1, "step": 0}],
    }
    rest.refused(400, INVALID, "runs/log-batch", batch, "depth", "3", "4")
    assert client.get_run(run_id).data.params["depth"] == "3"


def test_a_refused_batch_leaves_nothing(kfmesh_only, client, rest, run_id):
    client.log_param(run_id, "depth", "3")
    batch = {
        "run_id": run_id,
        "params": [{"key": "new", "value": "x"}, {"key": "depth", "value": "4"}],
        "metrics": [{"key": "m", "value": 1, "timestamp": 1, "step": 0}],
        "tags": [{"key": "t", "value": "x"}],
    }
    rest.refused(400, INVALID, "runs/log-batch", batch)
    got = client.get_run(run_id).data
    assert (got.params, got.metrics) == ({"depth": "3"}, {})
    assert "t" not in got.tags


def test_a_batch_that_repeats_a_parameter(rest, run_id):
    params = [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]
    rest.refused(400, INVALID, "runs/log-batch", {"run_id": run_id, "params": params}, "a")


def metrics(count: int) -> list[dict]:
    return [{"key": "m", "value": i, "timestamp": i, "step": i} for i in range(count)]


def pairs(count: int) -> list[dict]:
    return [{"key": f"k{i}", "value": "v"} for i in range(count)]


@pytest.mark.parametrize(
    ("batch", "parts"),
    [
        ({"metrics": metrics(1001)}, ["1000", "1001"]),
        ({"params": pairs(101)}, ["100", "101"]),
        ({"tags": pairs(101)}, ["100", "101"]),
        ({"metrics": metrics(901), "params": pairs(50), "tags": pairs(50)}, ["1000"]),
    ],
    ids=["metrics", "params", "tags", "together"],
)
def test_batches_have_limits(client, rest, run_id, batch, parts):
    rest.refused(400, INVALID, "runs/log-batch", {"run_id": run_id, **batch}, *parts)
    got = client.get_run(run_id).data
    assert (got.metrics, got.params) == ({}, {})


PATHS = ["../up", "a/../b", "/abs", "./a", "a//b", "a/", ".", ".."]
KEYS = [*PATHS, "semi;colon", "new\nline", "", "💥", "a" * 251]


@pytest.mark.parametrize("key", KEYS, ids=range(len(KEYS)))
def test_keys_are_no_paths_and_not_too_long(rest, run_id, key):
    rest.refused(
        400, INVALID, "runs/log-metric", {"run_id": run_id, "key": key, "value": 1, "timestamp": 1, "step": 0}
    )
    rest.refused(400, INVALID, "runs/log-parameter", {"run_id": run_id, "key": key, "value": "1"})
    rest.refused(400, INVALID, "runs/set-tag", {"run_id": run_id, "key": key, "value": "1"})
    batch = {"run_id": run_id, "metrics": [{"key": key, "value": 1, "timestamp": 1, "step": 0}]}
    rest.refused(400, INVALID, "runs/log-batch", batch)


def test_a_message_says_where_in_a_batch_it_went_wrong(rest, run_id):
    bad = {"key": "bad;", "value": 1, "timestamp": 1, "step": 0}
    batch = {"run_id": run_id, "metrics": [*metrics(2), bad]}
    rest.refused(400, INVALID, "runs/log-batch", batch, "bad;", "metrics[2]")


def test_long_values_are_cut_as_mlflow_cuts_them(client, rest, run_id):
    rest.post("runs/log-parameter", {"run_id": run_id, "key": "p", "value": "x" * 6001})
    rest.post("runs/set-tag", {"run_id": run_id, "key": "t", "value": "x" * 8001})
    got = client.get_run(run_id).data
    assert (len(got.params["p"]), len(got.tags["t"])) == (6000, 8000)


@pytest.mark.parametrize(
    "value", ["one", None, [1], {"a": 1}, "0x1p3"], ids=["word", "null", "list", "object", "hex"]
)
def test_a_metric_is_a_number(kfmesh_only, rest, run_id, value):
    body = {"run_id": run_id, "key": "m", "value": value, "timestamp": 1, "step": 0}
    rest.refused(400, INVALID, "runs/log-metric", body, "value")
    rest.refused(400, INVALID, "runs/log-batch", {"run_id": run_id, "metrics": [body]})


@pytest.mark.parametrize(
    ("sent", "holds"),
    [("NaN", math.isnan), ("Infinity", lambda v: v > 1.7e308), ("-Infinity", lambda v: v < -1.7e308)],
)
def test_values_that_json_has_no_number_for(run_id, rest, sent, holds):
    rest.post("runs/log-metric", {"run_id": run_id, "key": "m", "value": sent, "timestamp": 1, "step": 0})
    got = rest.get("metrics/get-history", run_id=run_id, metric_key="m")["metrics"][0]["value"]
    assert holds(float(got))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"run_id":', b"{'a': 1}"])
def test_bodies_that_are_no_objects(kfmesh_only, rest, run_id, body):
    for what in ("runs/log-batch", "runs/log-metric", "experiments/create"):
        answer = rest.send("POST", f"{API}/{what}", data=body, headers={"Content-Type": "application/json"})
        refusal(answer, 400, answer.json()["error_code"])


def test_a_deleted_run_takes_nothing(client, rest, run_id):
    client.delete_run(run_id)
    for what, body in {
        "runs/log-metric": {"key": "m", "value": 1, "timestamp": 1, "step": 0},
        "runs/log-parameter": {"key": "p", "value": "1"},
        "runs/set-tag": {"key": "t", "value": "1"},
        "runs/log-batch": {"metrics": metrics(1)},
        "runs/delete-tag": {"key": "t"},
    }.items():
        rest.refused(400, INVALID, what, {"run_id": run_id, **body}, run_id, "active")
    with pytest.raises(MlflowException):
        client.log_param(run_id, "p", 1)


def test_a_deleted_experiment_takes_no_run(client, rest, experiment):
    client.delete_experiment(experiment)
    rest.refused(400, INVALID, "runs/create", {"experiment_id": experiment}, "active")


def test_names_are_taken_once(client, rest, unique):
    client.create_experiment(unique)
    rest.refused(400, "RESOURCE_ALREADY_EXISTS", "experiments/create", {"name": unique}, unique)
    client.create_registered_model(unique)
    rest.refused(400, "RESOURCE_ALREADY_EXISTS", "registered-models/create", {"name": unique}, unique)


@pytest.mark.parametrize("name", ["", None, 5, "x" * 501])
def test_experiments_have_names(rest, name):
    rest.refused(400, INVALID, "experiments/create", {"name": name}, "name")


FILTERS = [
    "metrics.loss >",
    "metrics.loss > 'high'",
    "metrics.loss = 1 OR metrics.loss = 2",
    "metrics.loss LIKE '1%'",
    "params.p > 3",
    "params.p = 3",
    "params.p = 'unclosed",
    "nothing.p = 'x'",
    "attributes.colour = 'red'",
    "attributes.start_time = 'noon'",
    "(metrics.loss = 1)",
    "tags.a = 'x'; DROP TABLE tracking_runs",
    "run_id IN ()",
    "run_id IN 'x'",
    "NOT metrics.loss = 1",
    "'x' = params.p",
]


@pytest.mark.parametrize("filter_string", FILTERS)
def test_bad_filters_are_refused(rest, experiment, filter_string):
    rest.refused(400, INVALID, "runs/search", {"experiment_ids": [experiment], "filter": filter_string})


@pytest.mark.parametrize(
    ("filter_string", "position"),
    [
        ("metrics.loss > 1 AND params.p > 3", 33),
        ("metrics.loss = 1 OR metrics.loss = 2", 18),
        ("params.p ==", 1),
    ],
)
def test_a_bad_filter_is_refused_with_the_position(kfmesh_only, rest, experiment, filter_string, position):
    body = {"experiment_ids": [experiment], "filter": filter_string}
    rest.refused(400, INVALID, "runs/search", body, f"(character {position} of the filter)")


ORDERS = ["metrics.loss SIDEWAYS", "nothing.a", "attributes.colour", "", "metrics.a, b"]


@pytest.mark.parametrize("order_by", ORDERS)
def test_bad_orders_are_refused(rest, experiment, order_by):
    rest.refused(400, INVALID, "runs/search", {"experiment_ids": [experiment], "order_by": [order_by]})


@pytest.mark.parametrize(
    ("field", "value"), [("max_results", -1), ("max_results", 50001), ("page_token", "?")]
)
def test_bad_pages_are_refused(rest, experiment, field, value):
    rest.refused(400, INVALID, "runs/search", {"experiment_ids": [experiment], field: value})


def test_quotes_are_no_way_out(client, run_id, experiment):
    evil = "x'; DROP TABLE tracking_runs; --"
    client.log_param(run_id, "p", evil)
    client.set_tag(run_id, "t", evil)
    assert client.get_run(run_id).data.params["p"] == evil
    assert len(client.search_runs([experiment], f'params.p = "{evil}"')) == 1


def test_unknown_endpoints(kfmesh_only, rest):
    for method, path in (
        ("GET", f"{API}/nothing"),
        ("POST", f"{API}/runs/explode"),
        ("GET", "/api/3.0/mlflow/traces/search"),
        ("POST", "/ajax-api/2.0/mlflow/gateway-proxy"),
    ):
        refusal(rest.send(method, path), 404, "ENDPOINT_NOT_FOUND")


def test_what_is_not_there(rest):
    absent = uuid.uuid4().hex
    refusal(rest.send("GET", f"{API}/runs/get", params={"run_id": absent}), 404, ABSENT, absent)
    rest.refused(404, ABSENT, "runs/update", {"run_id": absent, "status": "FINISHED"}, absent)
    for what, parameters in {
        "experiments/get": {"experiment_id": "99999999"},
        "experiments/get-by-name": {"experiment_name": absent},
        "registered-models/get": {"name": absent},
    }.items():
        refusal(rest.send("GET", f"{API}/{what}", params=parameters), 404, ABSENT)


def test_both_prefixes_answer_alike(rest, run_id):
    paths = [f"/{prefix}/2.0/mlflow/runs/get" for prefix in ("api", "ajax-api")]
    answers = [good(rest.send("GET", path, params={"run_id": run_id})) for path in paths]
    assert answers[0] == answers[1]


def test_numbers_are_numbers_in_json(rest, run_id):
    rest.post("runs/log-metric", {"run_id": run_id, "key": "m", "value": 1, "timestamp": "77", "step": "5"})
    run = rest.get("runs/get", run_id=run_id)["run"]
    assert run["info"]["run_uuid"] == run_id
    assert isinstance(run["info"]["start_time"], int)
    assert run["data"]["metrics"][0]["timestamp"] == 77
    assert run["data"]["metrics"][0]["step"] == 5


def test_the_server_tells_what_it_is(kfmesh_only, rest):
    assert rest.send("GET", "/health").text == "OK"
    assert rest.send("GET", "/version").ok
    info = good(rest.send("GET", "/api/3.0/mlflow/server-info"))
    assert info["workspaces_enabled"] is True
    assert info["multipart_uploads_enabled"] is False


def test_workspaces_keep_things_apart(kfmesh_only, url, unique):
    ours, theirs = Rest(url, X_MLFLOW_WORKSPACE="ours"), Rest(url, X_MLFLOW_WORKSPACE="theirs")
    made = ours.post("experiments/create", {"name": unique})["experiment_id"]
    theirs.post("experiments/create", {"name": unique})
    run_id = ours.post("runs/create", {"experiment_id": made})["run"]["info"]["run_id"]
    assert ours.get("runs/get", run_id=run_id)["run"]["info"]["experiment_id"] == made
    for other in (theirs, Rest(url)):
        refusal(other.send("GET", f"{API}/runs/get", params={"run_id": run_id}), 404, ABSENT)
        refusal(other.send("GET", f"{API}/experiments/get", params={"experiment_id": made}), 404, ABSENT)
        body = {"run_id": run_id, "key": "m", "value": 1, "timestamp": 1, "step": 0}
        other.refused(404, ABSENT, "runs/log-metric", body)
        assert other.post("runs/search", {"experiment_ids": [made]}).get("runs", []) == []


def test_a_client_says_what_the_server_said(client, run_id):
    with pytest.raises(MlflowException, match="bad;key"):
        client.log_batch(run_id, metrics=[Metric("bad;key", 1, 1, 0)], params=[Param("a", "b")])

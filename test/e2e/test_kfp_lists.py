"""Lists as KFP has them: filters of every operation and spelling, orders, pages and tokens."""

import base64
import json
import urllib.parse

import pytest
from harness.steps import echo, shell
from kfp import dsl

KEYS = {
    "runs": [
        "id",
        "run_id",
        "name",
        "display_name",
        "description",
        "created_at",
        "scheduled_at",
        "finished_at",
        "storage_state",
        "state",
        "status",
        "experiment_id",
        "namespace",
        "recurring_run_id",
    ],
    "recurringruns": [
        "id",
        "recurring_run_id",
        "name",
        "display_name",
        "description",
        "created_at",
        "updated_at",
        "status",
        "experiment_id",
        "namespace",
        "pipeline_id",
    ],
    "experiments": [
        "id",
        "experiment_id",
        "name",
        "display_name",
        "description",
        "created_at",
        "last_run_created_at",
        "storage_state",
        "namespace",
    ],
    "pipelines": ["id", "pipeline_id", "name", "display_name", "description", "created_at", "namespace"],
}


@dsl.pipeline(name="listed")
def listed(text: str = "x") -> str:
    """Return its parameter."""
    return echo(text=text).output


@dsl.pipeline(name="live")
def live():
    """Go on until stopped."""
    shell(script="sleep 600")


@pytest.fixture(scope="module")
def runs(api):
    """Names of four runs of one experiment, the last of them live."""
    experiment = api.kfp.create_experiment("lists of runs")
    names = {}
    for name in ("alpha", "beta", "gamma"):
        names[name] = api.submit(listed, run_name=name, experiment_name="lists of runs")
        api.finished(names[name])
    api.kfp.archive_run(names["beta"])
    names["live"] = api.submit(live, run_name="live", experiment_name="lists of runs")
    yield experiment.experiment_id, names
    api.kfp.terminate_run(names["live"])


def found(api, experiment_id: str, *predicates: dict, **options) -> list[str]:
    """Names of runs that meet all predicates."""
    text = json.dumps({"predicates": predicates}) if predicates else None
    page = api.kfp.list_runs(experiment_id=experiment_id, filter=text, **options)
    return [run.display_name for run in page.runs or []]


@pytest.mark.parametrize(
    ("operation", "number", "value", "names"),
    [
        ("EQUALS", 1, "beta", "beta"),
        ("NOT_EQUALS", 2, "beta", "alpha gamma live"),
        ("GREATER_THAN", 3, "beta", "gamma live"),
        ("GREATER_THAN_EQUALS", 5, "beta", "beta gamma live"),
        ("LESS_THAN", 6, "beta", "alpha"),
        ("LESS_THAN_EQUALS", 7, "beta", "alpha beta"),
        ("IN", 8, {"values": ["alpha", "live", "none"]}, "alpha live"),
        ("IS_SUBSTRING", 9, "a", "alpha beta gamma"),
    ],
)
def test_every_operation_in_every_spelling(api, runs, operation, number, value, names):
    kind = "string_values" if operation == "IN" else "string_value"
    camel = "stringValues" if operation == "IN" else "stringValue"
    for op in (operation, number):
        for field in (kind, camel):
            predicate = {"operation": op, "key": "display_name", field: value}
            assert found(api, runs[0], predicate, sort_by="display_name") == names.split()


def test_a_filter_may_be_encoded_once_more(api, runs):
    text = json.dumps({"predicates": [{"operation": 1, "key": "name", "stringValue": "alpha"}]})
    page = api.kfp.list_runs(experiment_id=runs[0], filter=urllib.parse.quote(text))
    assert [run.display_name for run in page.runs] == ["alpha"]


def test_predicates_hold_together(api, runs):
    substring = {"operation": "IS_SUBSTRING", "key": "name", "string_value": "a"}
    ended = {"operation": "EQUALS", "key": "state", "string_value": "SUCCEEDED"}
    put_away = {"operation": "EQUALS", "key": "storage_state", "string_value": "ARCHIVED"}
    assert found(api, runs[0], substring, ended, sort_by="name desc") == ["gamma", "beta", "alpha"]
    assert found(api, runs[0], substring, ended, put_away) == ["beta"]
    assert found(api, runs[0], {**ended, "string_value": "RUNNING"}, put_away) == []
    assert len(found(api, runs[0])) == 4, "what is archived is listed too"


@pytest.mark.parametrize("key", ["created_at", "scheduled_at", "finished_at"])
def test_times_are_compared(api, runs, key):
    beta = api.get(f"/apis/v2beta1/runs/{runs[1]['beta']}")[key]
    for field in ("timestamp_value", "timestampValue", "string_value"):
        later = {"operation": "GREATER_THAN", "key": key, field: beta}
        assert {"gamma"} <= set(found(api, runs[0], later)) <= {"gamma", "live"}
        same = {"operation": "EQUALS", "key": key, field: beta}
        assert found(api, runs[0], same) == ["beta"]


@pytest.mark.parametrize(("what", "key"), [(what, key) for what, keys in KEYS.items() for key in keys])
def test_every_key_sorts_and_filters(api, runs, what, key):
    path = f"/apis/v2beta1/{what}"
    is_time = key.endswith("_at")
    value = {"timestamp_value": "2020-01-01T00:00:00Z"} if is_time else {"string_value": "x"}
    predicate = json.dumps({"predicates": [{"operation": "NOT_EQUALS", "key": key, **value}]})
    for order in ("", " asc", " desc"):
        api.get(path, sort_by=key + order, filter=predicate, page_size=2)
    shown = api.get(path, sort_by=f"{key} desc", page_size=200).get(
        {"recurringruns": "recurringRuns"}.get(what, what), []
    )
    name = "name" if what == "pipelines" else "display_name"
    field = {"id": None, "name": name, "status": None}.get(key, key)
    if field and not is_time:
        values = [item.get(field, "") for item in shown]
        assert values == sorted(values, reverse=True)


@pytest.mark.parametrize(
    ("parameters", "mention"),
    [
        ({"filter": "{"}, "filter"),
        ({"filter": "no JSON"}, "filter"),
        ({"filter": '{"predicates":[{"operation":"EQUALS","key":"colour","string_value":"x"}]}'}, "colour"),
        ({"filter": '{"predicates":[{"operation":4,"key":"name","string_value":"x"}]}'}, "operation"),
        ({"filter": '{"predicates":[{"key":"name","string_value":"x"}]}'}, "operation"),
        ({"filter": '{"predicates":[{"operation":1,"key":"name","int_value":1}]}'}, "text"),
        ({"filter": '{"predicates":[{"operation":8,"key":"name","string_value":"x"}]}'}, "string_values"),
        (
            {"filter": '{"predicates":[{"operation":9,"key":"created_at","string_value":"x"}]}'},
            "IS_SUBSTRING",
        ),
        ({"filter": '{"predicates":[{"operation":3,"key":"created_at","string_value":"noon"}]}'}, "RFC 3339"),
        ({"filter": json.dumps({"predicates": [{}] * 65})}, "64"),
        ({"sort_by": "colour"}, "sort_by"),
        ({"sort_by": "name up"}, "sort_by"),
        ({"sort_by": "name asc, id"}, "sort_by"),
        ({"page_size": -1}, "page_size"),
        ({"page_size": "ten"}, "page_size"),
        ({"page_token": "x"}, "page_token"),
        ({"namespace": "No Namespace"}, "namespace"),
    ],
)
@pytest.mark.parametrize("what", KEYS)
def test_refusals_say_what_is_wrong(api, what, parameters, mention):
    answer = api.request("GET", f"/apis/v2beta1/{what}", params=parameters)
    assert answer.status_code == 400, answer.text
    assert mention in answer.json()["message"] + json.dumps(answer.json().get("details", []))


def test_a_token_belongs_to_its_list(api, runs):
    first = api.kfp.list_runs(experiment_id=runs[0], page_size=1, sort_by="name")
    token = first.next_page_token
    assert [r.display_name for r in first.runs] == ["alpha"]
    assert found(api, runs[0], page_size=1, sort_by="name", page_token=token) == ["beta"]
    path = "/apis/v2beta1/runs"
    same = {"experiment_id": runs[0], "page_token": token}
    predicate = '{"predicates":[{"operation":1,"key":"name","string_value":"x"}]}'
    damaged = base64.urlsafe_b64encode(b'{"l":"x","v":"","i":"y"}').decode()
    for other in (
        same,
        same | {"sort_by": "name desc"},
        same | {"sort_by": "name", "filter": predicate},
        {"sort_by": "name", "page_token": token},
        {"experiment_id": runs[0], "sort_by": "name", "page_token": damaged},
    ):
        answer = api.request("GET", path, params=other)
        assert answer.status_code == 400
        assert "page_token" in answer.text


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_pages_join_up_over_live_and_ended_runs(api, runs, size):
    names, token = [], ""
    while True:
        page = api.kfp.list_runs(experiment_id=runs[0], page_size=size, sort_by="name", page_token=token)
        assert page.total_size == 4
        names += [run.display_name for run in page.runs]
        token = page.next_page_token
        if not token:
            break
    assert names == ["alpha", "beta", "gamma", "live"]


def test_an_empty_list_has_no_items(api):
    nothing = '{"predicates":[{"operation":1,"key":"name","string_value":"no such name"}]}'
    assert api.kfp.list_runs(filter=nothing).runs is None
    assert api.kfp.list_experiments(filter=nothing).experiments is None
    assert api.kfp.list_pipelines(filter=nothing).pipelines is None
    assert api.kfp.list_recurring_runs(filter=nothing).recurring_runs is None

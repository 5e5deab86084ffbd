"""Experiments, runs, metrics, parameters, tags and searches through MLflow's own clients."""

import math
import uuid

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException


def names(runs) -> list[str]:
    return [run.info.run_name for run in runs]


def test_an_experiment_lives(client, unique):
    made = client.create_experiment(unique, tags={"team": "vision"})
    got = client.get_experiment(made)
    assert (got.name, got.lifecycle_stage, got.tags) == (unique, "active", {"team": "vision"})
    assert client.get_experiment_by_name(unique).experiment_id == made
    client.rename_experiment(made, f"{unique}-2")
    client.set_experiment_tag(made, "team", "speech")
    assert client.get_experiment_by_name(unique) is None
    assert client.get_experiment(made).tags == {"team": "speech"}
    client.delete_experiment(made)
    assert client.get_experiment(made).lifecycle_stage == "deleted"
    client.restore_experiment(made)
    assert client.get_experiment(made).lifecycle_stage == "active"


def test_the_default_experiment_is_there(client):
    assert client.get_experiment("0").name == "Default"


def test_experiments_are_searched(client, unique):
    ids = [client.create_experiment(f"{unique}-{i}", tags={"of": unique, "n": str(i)}) for i in range(5)]
    client.delete_experiment(ids[0])
    found = client.search_experiments(filter_string=f"tags.of = '{unique}'", order_by=["name DESC"])
    assert [e.experiment_id for e in found] == ids[:0:-1]
    deleted = client.search_experiments(
        view_type=ViewType.DELETED_ONLY, filter_string=f"name LIKE '{unique}%'"
    )
    assert [e.experiment_id for e in deleted] == [ids[0]]
    seen, token = [], None
    while True:
        page = client.search_experiments(
            filter_string=f"name ILIKE '{unique.upper()}%'", max_results=2, page_token=token
        )
        assert len(page) <= 2
        seen += [e.experiment_id for e in page]
        token = page.token
        if not token:
            break
    assert sorted(seen) == sorted(ids[1:])


def test_a_run_lives(client, experiment):
    run = client.create_run(experiment, run_name="first", tags={"a": "b"})
    run_id = run.info.run_id
    assert (run.info.status, run.info.lifecycle_stage, run.info.end_time) == ("RUNNING", "active", None)
    client.log_param(run_id, "depth", 3)
    client.log_param(run_id, "depth", 3)
    client.log_metric(run_id, "loss", 0.5, timestamp=1000, step=0)
    client.log_metric(run_id, "loss", 0.25, timestamp=2000, step=1)
    client.set_tag(run_id, "a", "c")
    client.set_tag(run_id, "gone", "soon")
    client.delete_tag(run_id, "gone")
    client.set_terminated(run_id)
    got = client.get_run(run_id)
    assert got.info.status == "FINISHED"
    assert got.info.end_time >= got.info.start_time
    assert got.data.params == {"depth": "3"}
    assert got.data.metrics == {"loss": 0.25}
    assert got.data.tags["a"] == "c"
    assert "gone" not in got.data.tags
    assert got.data.tags["mlflow.runName"] == "first"
    client.update_run(run_id, status="KILLED", name="second")
    assert client.get_run(run_id).info.run_name == "second"
    assert client.get_run(run_id).data.tags["mlflow.runName"] == "second"
    client.delete_run(run_id)
    assert client.get_run(run_id).info.lifecycle_stage == "deleted"
    assert client.search_runs([experiment]) == []
    assert len(client.search_runs([experiment], run_view_type=ViewType.DELETED_ONLY)) == 1
    client.restore_run(run_id)
    assert len(client.search_runs([experiment])) == 1


def test_metrics_of_any_value(client, run_id):
    values = {"nan": math.nan, "inf": math.inf, "minus": -math.inf, "tiny": 5e-324, "big": 1.79e308}
    for key, value in values.items():
        client.log_metric(run_id, key, value, step=-5)
    metrics = client.get_run(run_id).data.metrics
    assert math.isnan(metrics["nan"])
    assert metrics["inf"] >= 1.7976931348623157e308
    assert metrics["minus"] <= -1.7976931348623157e308
    assert metrics["tiny"] == 5e-324
    assert metrics["big"] == 1.79e308
    history = client.get_metric_history(run_id, "nan")
    assert len(history) == 1
    assert math.isnan(history[0].value)
    assert history[0].step == -5


def test_the_latest_point_is_that_of_the_largest_step_then_time_then_value(client, run_id):
    points = [(1, 10, 5), (2, 3, 1), (7, 3, 2), (9, 3, 2), (4, 2, 9)]  # value, step, time
    for value, step, at in points:
        client.log_metric(run_id, "m", value, step=step, timestamp=at)
    assert client.get_run(run_id).data.metrics["m"] == 1
    client.log_metric(run_id, "m", 3, step=10, timestamp=5)
    assert client.get_run(run_id).data.metrics["m"] == 3
    history = client.get_metric_history(run_id, "m")
    assert sorted((p.value, p.step, p.timestamp) for p in history) == sorted([*points, (3, 10, 5)])


def test_a_batch(client, run_id):
    metrics = [Metric("loss", 1 / (i + 1), 1000 + i, i) for i in range(1000)]
    client.log_batch(run_id, metrics=metrics)
    client.log_batch(run_id, metrics=metrics)  # a repeated batch adds nothing
    client.log_batch(
        run_id,
        params=[Param(f"p{i}", str(i)) for i in range(100)],
        tags=[RunTag(f"t{i}", str(i)) for i in range(100)],
    )
    history = client.get_metric_history(run_id, "loss")
    assert [p.step for p in history] == list(range(1000))
    got = client.get_run(run_id)
    assert len(got.data.params) == 100
    assert got.data.tags["t99"] == "99"
    assert got.data.metrics["loss"] == 1 / 1000


def test_unicode_and_long_values(client, run_id):
    value = "π☃ " * 200
    client.log_param(run_id, "lange/schlüssel name", value)
    client.set_tag(run_id, "mlflow.note.content", value * 5)
    got = client.get_run(run_id).data
    assert got.params["lange/schlüssel name"] == value
    assert got.tags["mlflow.note.content"] == value * 5


@pytest.fixture(scope="module")
def searched(url):
    """An experiment of ten runs, run-0 the oldest."""
    client = MlflowClient(url)
    experiment = client.create_experiment(f"searched-{uuid.uuid4().hex}")
    for i in range(10):
        run = client.create_run(experiment, run_name=f"run-{i}", start_time=1000 + i)
        client.log_batch(
            run.info.run_id,
            metrics=[Metric("loss", i / 10, 1, 0), Metric("with space", i, 1, 0)],
            params=[Param("kind", "even" if i % 2 == 0 else "odd"), Param("n", str(i))],
            tags=[RunTag("a.b", f"T{i}"), RunTag("of: a/b c", 'q"')],
        )
        if i == 9:
            client.log_metric(run.info.run_id, "only", 1)
            client.set_terminated(run.info.run_id, "FAILED")
    return experiment


@pytest.mark.parametrize(
    ("filter_string", "numbers"),
    [
        ("", range(9, -1, -1)),
        ("metrics.loss > 0.75", [9, 8]),
        ("metrics.loss >= 0.5 and params.kind = 'even'", [8, 6]),
        ("metrics.`with space` = 3", [3]),
        ('metrics."with space" != 3 AND metrics.loss < 0.5', [4, 2, 1, 0]),
        ("params.kind != 'even' and params.n LIKE '%7%'", [7]),
        ("param.kind ILIKE 'EV%' and metric.loss <= 0.2", [2, 0]),
        ("tags.`a.b` = 'T4'", [4]),
        ("tag.a.b = 'T4'", [4]),
        ('tags."of: a/b c" = \'q"\'', range(9, -1, -1)),
        ("tags.`a.b` LIKE 't4'", []),
        ("tags.`a.b` ILIKE 't4'", [4]),
        ("attributes.status = 'FAILED'", [9]),
        ("status != 'FAILED' and start_time > 1006", [8, 7]),
        ("run_name = 'run-5'", [5]),
        ("attribute.run_name LIKE 'run-%' and attr.start_time <= 1001", [1, 0]),
        ("metrics.only = 1", [9]),
        ("metrics.none = 1", []),
        ("params.none != 'x'", []),
    ],
)
def test_runs_are_searched(client, searched, filter_string, numbers):
    found = client.search_runs([searched], filter_string)
    assert names(found) == [f"run-{i}" for i in numbers]


@pytest.mark.parametrize(
    ("order_by", "numbers"),
    [
        (["metrics.loss ASC"], range(10)),
        (["metrics.loss DESC"], range(9, -1, -1)),
        (["metrics.only", "params.n"], [9, *range(9)]),
        (["params.kind DESC", "metrics.loss"], [1, 3, 5, 7, 9, 0, 2, 4, 6, 8]),
        (["attributes.start_time ASC"], range(10)),
        (["tags.`a.b` DESC"], range(9, -1, -1)),
        (["params.kind"], [8, 6, 4, 2, 0, 9, 7, 5, 3, 1]),
    ],
)
def test_runs_are_ordered_and_paged(client, searched, order_by, numbers):
    wanted = [f"run-{i}" for i in numbers]
    assert names(client.search_runs([searched], order_by=order_by)) == wanted
    seen, token = [], None
    while True:
        page = client.search_runs([searched], order_by=order_by, max_results=3, page_token=token)
        assert len(page) <= 3
        seen += names(page)
        token = page.token
        if not token:
            break
    assert seen == wanted


def test_runs_in_or_not_in_a_list_of_ids(client, searched):
    ids = [run.info.run_id for run in client.search_runs([searched])]
    listed = ", ".join(f"'{i}'" for i in ids[:3])
    assert [r.info.run_id for r in client.search_runs([searched], f"run_id IN ({listed})")] == ids[:3]
    found = client.search_runs([searched], f"attributes.run_id NOT IN ({listed})")
    assert [r.info.run_id for r in found] == ids[3:]


def test_no_order_puts_nan_before_a_number(client, experiment):
    for i, value in enumerate([2.0, math.nan, 1.0, None, math.inf]):
        run = client.create_run(experiment, run_name=f"run-{i}", start_time=1000 + i)
        if value is not None:
            client.log_metric(run.info.run_id, "m", value)
    ascending = names(client.search_runs([experiment], order_by=["metrics.m ASC"]))
    descending = names(client.search_runs([experiment], order_by=["metrics.m DESC"]))
    assert ascending == ["run-2", "run-0", "run-4", "run-1", "run-3"]
    assert descending == ["run-4", "run-0", "run-2", "run-1", "run-3"]


def test_the_fluent_api(experiment):
    with mlflow.start_run(run_name="parent", description="what it is") as parent:
        mlflow.log_params({"a": 1, "b": "two"})
        mlflow.log_metrics({"x": 1.5, "y": 2.5}, step=3)
        mlflow.set_tags({"k": "v"})
        for i in range(3):
            with mlflow.start_run(run_name=f"child-{i}", nested=True):
                mlflow.log_metric("x", i)
    table = mlflow.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
    assert sorted(table["metrics.x"]) == [0, 1, 2]
    assert set(table["status"]) == {"FINISHED"}
    got = mlflow.get_run(parent.info.run_id)
    assert got.data.params == {"a": "1", "b": "two"}
    assert got.data.metrics == {"x": 1.5, "y": 2.5}
    assert got.data.tags["mlflow.note.content"] == "what it is"


def test_a_run_that_fails_says_so(client, experiment):
    with pytest.raises(ZeroDivisionError), mlflow.start_run() as run:
        _ = 1 / 0
    assert client.get_run(run.info.run_id).info.status == "FAILED"


def test_a_run_goes_on_where_it_was(client, experiment):
    with mlflow.start_run() as run:
        mlflow.log_metric("m", 1, step=0)
    with mlflow.start_run(run_id=run.info.run_id):
        mlflow.log_metric("m", 2, step=1)
    assert [p.value for p in client.get_metric_history(run.info.run_id, "m")] == [1, 2]


def test_datasets_are_inputs(client, experiment):
    import pandas as pd

    dataset = mlflow.data.from_pandas(pd.DataFrame({"a": [1, 2, 3]}), source="data.csv", name="numbers")
    with mlflow.start_run() as run:
        mlflow.log_input(dataset, context="training")
        mlflow.log_input(dataset, context="training")
    inputs = client.get_run(run.info.run_id).inputs.dataset_inputs
    assert [(i.dataset.name, i.dataset.digest) for i in inputs] == [("numbers", dataset.digest)]
    assert {t.key: t.value for t in inputs[0].tags} == {"mlflow.data.context": "training"}
    with mlflow.start_run():
        pass
    for filter_string in (
        "datasets.name = 'numbers'",
        f"dataset.digest = '{dataset.digest}'",
        "datasets.context = 'training'",
        "datasets.name IN ('numbers', 'others')",
    ):
        found = client.search_runs([experiment], filter_string)
        assert [r.info.run_id for r in found] == [run.info.run_id], filter_string


def test_histories_of_many_points_come_in_pages(client, run_id):
    for begin in range(0, 5000, 1000):
        client.log_batch(run_id, metrics=[Metric("m", i, 1, i) for i in range(begin, begin + 1000)])
    page = client.get_metric_history(run_id, "m")
    assert [p.value for p in page] == list(range(5000))


def test_what_is_not_there(client, experiment):
    absent = "0" * 32
    for call in (
        lambda: client.get_run(absent),
        lambda: client.log_metric(absent, "m", 1),
        lambda: client.get_experiment("987654321"),
        lambda: client.create_run("987654321"),
    ):
        with pytest.raises(MlflowException) as failed:
            call()
        assert failed.value.error_code == "RESOURCE_DOES_NOT_EXIST", failed.value

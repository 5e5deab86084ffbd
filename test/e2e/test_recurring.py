"""Recurring runs, as the kfp client makes them: on time, in bounds, and once, whatever is killed."""

import collections
import datetime
import json
import subprocess

import pytest
from harness.api import Api
from harness.process import BIN, environment, until
from harness.steps import echo, mark, shell
from kfp import compiler, dsl
from kfp_server_api import ApiException

EVERY_SECOND = "* * * * * *"


@dsl.pipeline(name="recurs")
def recurs(text: str = "nothing") -> str:
    """Return its parameter."""
    return echo(text=text).output


@dsl.pipeline(name="leaves-a-mark")
def leaves_a_mark(file: str, text: str):
    """Append a line to a file."""
    mark(file=file, text=text).set_caching_options(False)


@dsl.pipeline(name="slow")
def slow(seconds: float = 600):
    """Take a while."""
    shell(script="sleep 600")


@pytest.fixture
def recurring(api, unique, tmp_path):
    """Make recurring runs in an experiment of their own, and delete them afterwards."""
    experiment = api.kfp.create_experiment(unique)
    made = []

    def make(pipeline, **options):
        package = str(tmp_path / f"{pipeline.name}.yaml")
        compiler.Compiler().compile(pipeline, package)
        recurring_run = api.kfp.create_recurring_run(
            experiment.experiment_id, unique, pipeline_package_path=package, **options
        )
        made.append(recurring_run.recurring_run_id)
        return recurring_run

    yield make
    for recurring_run_id in made:
        api.request("DELETE", f"/apis/v2beta1/recurringruns/{recurring_run_id}")


def runs_of(api, recurring_run, **options) -> list:
    """Runs that a recurring run has made, the oldest first."""
    wanted = {
        "operation": "EQUALS",
        "key": "recurring_run_id",
        "stringValue": recurring_run.recurring_run_id,
    }
    predicates = json.dumps({"predicates": [wanted]})
    page = api.kfp.list_runs(filter=predicates, page_size=100, sort_by="scheduled_at asc", **options)
    return page.runs or []


def test_runs_come_at_their_times(api, recurring):
    text = "[[Index]]|[[ScheduledTime.15:04:05]]|[[RunUUID]]|[[CurrentTime]]"
    made = recurring(recurs, cron_expression="*/2 * * * * *", params={"text": text}, description="a test's")
    assert made.status == "ENABLED"
    assert made.max_concurrency == "1"
    runs = until("two runs", lambda: len(found := runs_of(api, made)) >= 2 and found)
    api.kfp.disable_recurring_run(made.recurring_run_id)
    first, second = (api.outcome(run.run_id) for run in runs[:2])
    assert second.run.scheduled_at - first.run.scheduled_at == datetime.timedelta(seconds=2)
    assert first.run.recurring_run_id == made.recurring_run_id
    assert first.run.experiment_id == made.experiment_id
    assert first.run.display_name.startswith(f"{made.display_name}-1-")
    index, at, run_id, now = first.output("echo", "output").split("|")
    assert (index, run_id) == ("1", first.run_id)
    assert at == first.run.scheduled_at.strftime("%H:%M:%S")
    assert now >= first.run.scheduled_at.strftime("%Y%m%d%H%M%S")
    seen = api.kfp.get_recurring_run(made.recurring_run_id)
    assert seen.status == "DISABLED"
    assert seen.pipeline_spec["pipelineInfo"]["name"] == "recurs"
    assert seen.runtime_config.parameters == {"text": text}
    count = len(runs_of(api, made))
    assert count >= 2
    api.kfp.enable_recurring_run(made.recurring_run_id)
    assert api.kfp.get_recurring_run(made.recurring_run_id).status == "ENABLED"
    until("runs again", lambda: len(runs_of(api, made)) > count)


def test_an_interval_with_an_end(api, recurring):
    end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=3.5)
    made = recurring(recurs, interval_second=1, end_time=end.isoformat(), max_concurrency=10)
    until("the end", lambda: datetime.datetime.now(datetime.UTC) > end + datetime.timedelta(seconds=1.5))
    runs = runs_of(api, made)
    assert 2 <= len(runs) <= 4
    assert all(run.scheduled_at <= end for run in runs)
    seen = api.get(f"/apis/v2beta1/recurringruns/{made.recurring_run_id}")
    assert "next_run_at" not in seen


@pytest.mark.parametrize(("no_catchup", "runs"), [(False, 5), (True, 1)])
def test_a_start_in_the_past(api, recurring, no_catchup, runs):
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    made = recurring(
        recurs,
        interval_second=600,
        start_time=(now - datetime.timedelta(minutes=55)).isoformat(),
        no_catchup=no_catchup,
        max_concurrency=10,
    )
    found = until("what was missed", lambda: len(r := runs_of(api, made)) >= runs and r)
    assert [now - run.scheduled_at for run in found] == [
        datetime.timedelta(minutes=5 + 10 * (runs - 1 - i)) for i in range(runs)
    ]


def test_runs_wait_for_room(api, recurring):
    made = recurring(slow, cron_expression=EVERY_SECOND, max_concurrency=2)
    until("two runs", lambda: len(runs_of(api, made)) == 2)
    waited = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=2.5)
    until("more times to come", lambda: datetime.datetime.now(datetime.UTC) > waited)
    first, _ = runs_of(api, made)
    api.kfp.terminate_run(first.run_id)
    until("a third run", lambda: len(runs_of(api, made)) == 3)
    api.kfp.disable_recurring_run(made.recurring_run_id)
    for run in runs_of(api, made)[1:]:
        api.kfp.terminate_run(run.run_id)


def test_the_newest_version_runs_and_a_deleted_pipeline_shows(api, recurring, tmp_path, unique):
    package = str(tmp_path / "versioned.yaml")
    compiler.Compiler().compile(recurs, package)
    pipeline = api.kfp.upload_pipeline(package, pipeline_name=unique)
    experiment = api.kfp.create_experiment(f"{unique}-e")
    body = {
        "display_name": unique,
        "experiment_id": experiment.experiment_id,
        "trigger": {"cron_schedule": {"cron": EVERY_SECOND}},
        "pipeline_version_reference": {"pipeline_id": pipeline.pipeline_id},
    }
    created = api.request("POST", "/apis/v2beta1/recurringruns", json=body)
    assert created.ok, created.text
    made = api.kfp.get_recurring_run(created.json()["recurring_run_id"])
    newest = api.kfp.upload_pipeline_version(package, f"{unique}-2", pipeline_id=pipeline.pipeline_id)
    until(
        "a run of the newest version",
        lambda: (
            newest.pipeline_version_id
            in [r.pipeline_version_reference.pipeline_version_id for r in runs_of(api, made)]
        ),
    )
    path = f"/apis/v2beta1/pipelines/{pipeline.pipeline_id}"
    assert api.request("DELETE", path, params={"cascade": "true"}).ok
    seen = until("the error", lambda: (r := api.kfp.get_recurring_run(made.recurring_run_id)).error and r)
    assert seen.status == "ENABLED"
    assert pipeline.pipeline_id in seen.error.message
    api.kfp.delete_recurring_run(made.recurring_run_id)
    with pytest.raises(ApiException) as gone:
        api.kfp.get_recurring_run(made.recurring_run_id)
    assert gone.value.status == 404


def test_an_archived_experiment_makes_no_runs(api, recurring):
    made = recurring(recurs, cron_expression=EVERY_SECOND)
    api.kfp.archive_experiment(made.experiment_id)
    assert api.kfp.get_recurring_run(made.recurring_run_id).status == "DISABLED"
    with pytest.raises(ApiException) as refused:
        api.kfp.enable_recurring_run(made.recurring_run_id)
    assert refused.value.status == 400
    assert "archived" in refused.value.body


@pytest.mark.parametrize(
    ("options", "mention"),
    [
        ({"cron_expression": "every day"}, "trigger.cron_schedule.cron"),
        ({"cron_expression": "0 61 * * * *"}, "trigger.cron_schedule.cron"),
        ({"cron_expression": "TZ=UTC"}, "trigger.cron_schedule.cron"),
        ({"interval_second": -5}, "trigger.periodic_schedule.interval_second"),
        ({"interval_second": 60, "params": {"none": 1}}, "runtime_config.parameters.none"),
        ({"interval_second": 60, "params": {"text": 1}}, "runtime_config.parameters.text"),
        ({"interval_second": 60, "pipeline_root": "gs://x"}, "runtime_config.pipeline_root"),
        (
            {"interval_second": 60, "start_time": "2026-01-02T00:00:00Z", "end_time": "2026-01-01T00:00:00Z"},
            "trigger.periodic_schedule.end_time",
        ),
        ({"interval_second": 60, "start_time": "soon"}, "soon"),
    ],
)
def test_refusals_name_the_field(recurring, options, mention):
    with pytest.raises(ApiException) as refused:
        recurring(recurs, **options)
    assert refused.value.status == 400
    assert mention in refused.value.body


@pytest.mark.parametrize(("asked", "taken"), [(-1, "1"), (0, "1"), (10, "10"), (99, "10")])
def test_concurrency_is_clamped(recurring, asked, taken):
    assert recurring(recurs, interval_second=600, max_concurrency=asked).max_concurrency == taken


def test_lists_filter_sort_and_page(api, recurring):
    made = [recurring(recurs, interval_second=600, enabled=i > 0) for i in range(3)]
    experiment_id = made[0].experiment_id
    listed, token = [], ""
    while True:
        page = api.kfp.list_recurring_runs(
            experiment_id=experiment_id, page_size=2, page_token=token, sort_by="created_at desc"
        )
        assert page.total_size == 3
        listed += [r.recurring_run_id for r in page.recurring_runs]
        token = page.next_page_token
        if not token:
            break
    assert listed == [r.recurring_run_id for r in reversed(made)]
    off = json.dumps({"predicates": [{"operation": 1, "key": "status", "stringValue": "DISABLED"}]})
    found = api.kfp.list_recurring_runs(experiment_id=experiment_id, filter=off).recurring_runs
    assert [r.recurring_run_id for r in found] == [made[0].recurring_run_id]
    assert api.kfp.list_recurring_runs(namespace="kubeflow").recurring_runs


def test_kill_9_makes_no_run_twice_and_loses_none(shape, marks, tmp_path):
    package = str(tmp_path / "marks.yaml")
    compiler.Compiler().compile(leaves_a_mark, package)
    api = Api(shape)
    experiment = api.kfp.create_experiment("kills")
    made = api.kfp.create_recurring_run(
        experiment.experiment_id,
        "kills",
        cron_expression=EVERY_SECOND,
        pipeline_package_path=package,
        params={"file": str(marks), "text": "[[ScheduledTime]]"},
        max_concurrency=10,
    )
    for lines in (1, 2, 4, 5, 7):
        until(f"{lines} lines", lambda lines=lines: len(marks.read_text().splitlines()) >= lines)
        shape.kill()
        shape.start()
    api = Api(shape)
    until("all that was missed", lambda: len(marks.read_text().splitlines()) >= 9)
    api.kfp.disable_recurring_run(made.recurring_run_id)
    runs = runs_of(api, made)
    for run in runs:
        assert api.outcome(run.run_id).state == "SUCCEEDED"
    times = [run.scheduled_at for run in runs]
    assert times == [times[0] + datetime.timedelta(seconds=i) for i in range(len(times))]
    written = collections.Counter(marks.read_text().splitlines())
    assert written == collections.Counter(t.strftime("%Y%m%d%H%M%S") for t in times)


def test_the_command_line(mesh, api, tmp_path, unique):
    package = str(tmp_path / "recurs.yaml")
    compiler.Compiler().compile(recurs, package)

    def kfmesh(*arguments: str) -> str:
        env = environment(KFMESH_SERVER=mesh.grpc_address)
        return subprocess.run(
            [BIN / "kfmesh", *arguments], capture_output=True, text=True, env=env, timeout=60, check=True
        ).stdout

    created = kfmesh("create", "recurringrun", unique, package, "--every", "1s", "-p", "text=n [[Index]]")
    assert "first run" in created
    made = api.kfp.get_recurring_run(created.split()[2])
    assert made.trigger.periodic_schedule.interval_second == "1"
    until("a run", lambda: runs_of(api, made))
    listed = json.loads(kfmesh("get", "runs", "--recurring-run", unique, "-o", "json"))
    assert {run["recurring_run_id"] for run in listed["items"]} == {made.recurring_run_id}
    assert "ENABLED" in kfmesh("describe", "recurringrun", unique)
    assert unique in kfmesh("disable", unique)
    assert api.kfp.get_recurring_run(made.recurring_run_id).status == "DISABLED"
    assert unique in kfmesh("enable", "schedule", unique)
    assert unique in kfmesh("delete", "recurringrun", unique)
    assert unique not in kfmesh("get", "recurringruns")

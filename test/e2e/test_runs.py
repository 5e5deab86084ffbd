"""Runs: create, get, list, terminate, archive, delete."""

import json

from harness.process import until
from harness.steps import compiled, echo, mark, shell
from kfp import dsl
from kfp_server_api import ApiException


@dsl.pipeline(name="run-me")
def run_me(text: str = "default") -> str:
    """Return its parameter."""
    return echo(text=text).output


@dsl.pipeline(name="endless")
def endless(file: str):
    """Start, and wait to be stopped."""
    started = mark(file=file, text="started")
    waits = shell(script="sleep 600").after(started)
    mark(file=file, text="not reached").after(waits)


def test_a_run_from_start_to_end(api):
    run_id = api.submit(run_me, {"text": "hello"}, run_name="from start to end")
    outcome = api.outcome(run_id)
    assert outcome.state == "SUCCEEDED", outcome.explain()
    run = outcome.run
    assert run.display_name == "from start to end"
    assert run.created_at <= run.finished_at
    assert run.runtime_config.parameters == {"text": "hello"}
    assert [s.state for s in run.state_history][-1] == "SUCCEEDED"
    assert outcome.output("echo", "output") == "hello"
    detail = {d.display_name: d for d in run.run_details.task_details}
    assert detail["echo"].state == "SUCCEEDED"
    assert detail["echo"].start_time <= detail["echo"].end_time


def test_the_default_experiment_takes_runs_without_one(api):
    run = api.request(
        "POST", "/apis/v2beta1/runs", json={"display_name": "bare", "pipeline_spec": compiled(run_me)}
    ).json()
    assert api.kfp.get_experiment(run["experiment_id"]).display_name == "Default"
    assert api.outcome(run["run_id"]).state == "SUCCEEDED"


def test_runs_are_listed_live_and_ended(api, unique):
    experiment = api.kfp.create_experiment(unique)
    ids = {api.submit(run_me, run_name=f"{unique}-{i}", experiment_name=unique) for i in range(3)}
    for run_id in ids:
        api.finished(run_id)
    ids.add(
        live := api.submit(endless, {"file": "/dev/null"}, run_name=f"{unique}-live", experiment_name=unique)
    )
    seen, token = [], ""
    while True:
        page = api.kfp.list_runs(
            experiment_id=experiment.experiment_id, page_size=2, page_token=token, sort_by="created_at desc"
        )
        seen += [run.run_id for run in page.runs]
        token = page.next_page_token
        if not token:
            break
    assert len(seen) == len(set(seen))
    assert set(seen) == ids
    assert seen[0] == live
    wanted = json.dumps({"predicates": [{"operation": "EQUALS", "key": "state", "stringValue": "SUCCEEDED"}]})
    ended = api.kfp.list_runs(experiment_id=experiment.experiment_id, filter=wanted)
    assert {r.run_id for r in ended.runs} == ids - {live}
    api.kfp.terminate_run(live)
    api.finished(live)


def test_terminate(api, marks):
    run_id = api.submit(endless, {"file": str(marks)})
    until("the first step", lambda: marks.read_text() == "started\n")
    until(
        "the second step to run",
        lambda: (
            "RUNNING" in [t["detail"].get("state") for t in api.tasks(run_id) if t.get("name") == "shell"]
        ),
    )
    api.kfp.terminate_run(run_id)
    outcome = api.outcome(run_id)
    assert outcome.state == "CANCELED", outcome.explain()
    assert outcome.task_state("mark") == "SUCCEEDED"
    assert outcome.task_state("shell") == "CANCELED"
    assert marks.read_text() == "started\n"
    assert outcome.run.state == "FAILED"
    assert outcome.run.error.code == 1
    assert outcome.run.error.message.startswith("canceled: ")
    listed = {run.run_id: run.state for run in api.kfp.list_runs(sort_by="created_at desc").runs}
    assert listed[run_id] == "CANCELED"
    until("the run to be too old to have been overtaken", lambda: too_late(api, run_id))
    assert api.outcome(run_id).state == "CANCELED"


def too_late(api, run_id):
    """Whether terminating a run that has ended is refused."""
    try:
        api.kfp.terminate_run(run_id)
    except ApiException as refusal:
        return refusal.status == 400
    return False


def test_waiting_for_a_terminated_run_ends(api, marks):
    run_id = api.submit(endless, {"file": str(marks)})
    until("the first step", lambda: marks.read_text() == "started\n")
    api.kfp.terminate_run(run_id)
    run = api.kfp.wait_for_run_completion(run_id, timeout=30, sleep_duration=0.1)
    assert run.state_history[-1].state == "CANCELED"


def test_archive_and_delete(api):
    run_id = api.run(run_me).run_id
    api.kfp.archive_run(run_id)
    assert api.kfp.get_run(run_id).storage_state == "ARCHIVED"
    api.kfp.unarchive_run(run_id)
    assert api.kfp.get_run(run_id).storage_state == "AVAILABLE"
    api.kfp.delete_run(run_id)
    assert api.request("GET", f"/apis/v2beta1/runs/{run_id}").status_code == 404


def test_delete_stops_a_running_one(api, marks):
    run_id = api.submit(endless, {"file": str(marks)})
    until("the first step", lambda: marks.read_text() == "started\n")
    api.kfp.delete_run(run_id)
    until("the run to be gone", lambda: api.request("GET", f"/apis/v2beta1/runs/{run_id}").status_code == 404)
    until(
        "its workloads to be gone", lambda: not [w for w in workloads(api) if run_id in w["metadata"]["name"]]
    )


def test_watch_tells_of_every_state(api):
    run_id = api.submit(run_me)
    with api.request("GET", f"/kfmesh/v1/runs/{run_id}:watch", stream=True) as response:
        states = [json.loads(line)["result"].get("state") for line in response.iter_lines() if line]
    assert states[-1] == "SUCCEEDED"


def workloads(api) -> list[dict]:
    return api.get("/kfmesh/v1/workloads").get("workloads", [])

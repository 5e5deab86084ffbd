"""Runs that are retried: only what failed runs again, whatever is killed meanwhile."""

import collections
import time

import kfp_server_api
import pytest
from harness.api import Api
from harness.process import until
from harness.steps import echo, mark
from kfp import dsl


@dsl.container_component
def needs(file: str, text: str, wanted: str):
    """Append a line, and fail unless another file exists."""
    script = 'echo "$1" >> "$0"; echo "looking for $2"; sleep 0.05; test -e "$2"'
    return dsl.ContainerSpec(image="alpine:3.20", command=["sh", "-ec", script], args=[file, text, wanted])


@dsl.container_component
def waits_for(file: str, wanted: str):
    """Append a line, and wait until another file exists."""
    script = 'echo waiting >> "$0"; until test -e "$1"; do sleep 0.05; done'
    return dsl.ContainerSpec(image="alpine:3.20", command=["sh", "-ec", script], args=[file, wanted])


@dsl.pipeline(name="work")
def work(file: str, wanted: str):
    """Make a nested pipeline in which the second of three steps fails at first."""
    first = mark(file=file, text="nested-1").set_caching_options(False)
    second = needs(file=file, text="nested-2", wanted=wanted).set_caching_options(False).after(first)
    mark(file=file, text="nested-3").set_caching_options(False).after(second)


@dsl.pipeline(name="fails-at-first")
def fails_at_first(file: str, wanted: str) -> str:
    """Fail in a nested pipeline, in one round of a loop and so in what is guarded."""
    said = echo(text="kept").set_caching_options(False)
    exit_task = mark(file=file, text="exit").set_caching_options(False)
    with dsl.ExitHandler(exit_task):
        work(file=file, wanted=wanted)
        with dsl.ParallelFor(["good", "bad"], parallelism=1) as item:
            begun = mark(file=file, text="round").set_caching_options(False)
            with dsl.If(item == "bad"):
                needs(file=file, text="branch", wanted=wanted).set_caching_options(False).after(begun)
    return said.output


# How often each line is there once the run has failed, and once it was retried.
AT_FIRST = {"nested-1": 1, "nested-2": 1, "round": 2, "branch": 1, "exit": 1}
IN_THE_END = {"nested-1": 1, "nested-2": 2, "nested-3": 1, "round": 2, "branch": 2, "exit": 2}


def counts(marks) -> dict:
    return dict(collections.Counter(marks.read_text().splitlines()))


def failed_run(api: Api, marks, wanted) -> str:
    arguments = {"file": str(marks), "wanted": str(wanted)}
    outcome = api.run(fails_at_first, arguments, expect="FAILED")
    assert counts(marks) == AT_FIRST
    return outcome.run_id


def retry(api: Api, run_id: str) -> None:
    api.kfp.runs.run_service_retry_run(run_id=run_id)


def test_only_what_failed_runs_again(api, marks, tmp_path):
    wanted = tmp_path / "wanted"
    run_id = failed_run(api, marks, wanted)
    wanted.touch()
    retry(api, run_id)
    outcome = api.outcome(run_id)
    assert outcome.state == "SUCCEEDED", outcome.explain()
    assert counts(marks) == IN_THE_END
    assert outcome.run.error is None
    assert outcome.output("echo", "output") == "kept"
    assert [s.state for s in outcome.run.state_history] == [
        "PENDING", "RUNNING", "FAILED", "RUNNING", "SUCCEEDED",
    ]  # fmt: skip
    nested = next(t for t in outcome.named("needs") if t["path"].endswith("work/needs"))
    assert nested["attempts"] == 2
    detail = nested["detail"]
    assert (
        len(set(detail["executor_detail"]["failed_main_jobs"] + [detail["executor_detail"]["main_job"]])) == 2
    )
    assert api.logs(run_id, nested["path"]).count("looking for") == 2
    assert len([r for r in api.kfp.list_runs(sort_by="created_at desc").runs if r.run_id == run_id]) == 1


def test_a_retry_may_fail_and_be_retried(api, marks, tmp_path):
    wanted = tmp_path / "wanted"
    run_id = failed_run(api, marks, wanted)
    retry(api, run_id)
    assert api.outcome(run_id).state == "FAILED"
    wanted.touch()
    retry(api, run_id)
    outcome = api.outcome(run_id)
    assert outcome.state == "SUCCEEDED", outcome.explain()
    assert counts(marks) == {**IN_THE_END, "nested-2": 3, "branch": 3, "exit": 3}


def test_a_canceled_run_goes_on(api, marks, tmp_path):
    @dsl.pipeline(name="waits")
    def waits(file: str, wanted: str):
        first = mark(file=file, text="first").set_caching_options(False)
        wait = waits_for(file=file, wanted=wanted).set_caching_options(False).after(first)
        mark(file=file, text="last").set_caching_options(False).after(wait)

    wanted = tmp_path / "wanted"
    run_id = api.submit(waits, {"file": str(marks), "wanted": str(wanted)})
    until("it waits", lambda: "waiting" in marks.read_text())
    api.kfp.terminate_run(run_id)
    api.finished(run_id)
    wanted.touch()
    retry(api, run_id)
    outcome = api.outcome(run_id)
    assert outcome.state == "SUCCEEDED", outcome.explain()
    assert counts(marks) == {"first": 1, "waiting": 2, "last": 1}


def test_what_cannot_be_retried_is_refused(api, marks):
    @dsl.pipeline(name="fine")
    def fine(file: str):
        mark(file=file, text="once").set_caching_options(False)

    outcome = api.run(fine, {"file": str(marks)})
    for run_id, status, mention in ((outcome.run_id, 400, "SUCCEEDED"), ("nonsense", 404, "nonsense")):
        with pytest.raises(kfp_server_api.ApiException) as refused:
            retry(api, run_id)
        assert refused.value.status == status
        assert mention in refused.value.body
    assert counts(marks) == {"once": 1}


@pytest.mark.parametrize("seconds", [0, 0.005, 0.02, 0.06, 0.12, 0.2])
def test_a_retry_survives_kill_9(own_mesh, marks, tmp_path, seconds):
    wanted = tmp_path / "wanted"
    run_id = failed_run(Api(own_mesh), marks, wanted)
    wanted.touch()
    retry(Api(own_mesh), run_id)
    time.sleep(seconds)  # the moment of the kill is what is tried
    own_mesh.kill()
    own_mesh.start()
    outcome = Api(own_mesh).outcome(run_id)
    assert outcome.state == "SUCCEEDED", outcome.explain()
    assert counts(marks) == IN_THE_END


def test_a_retry_in_both_shapes(shape, marks, tmp_path):
    api = Api(shape)
    wanted = tmp_path / "wanted"
    run_id = failed_run(api, marks, wanted)
    wanted.touch()
    retry(api, run_id)
    outcome = api.outcome(run_id)
    assert outcome.state == "SUCCEEDED", outcome.explain()
    assert counts(marks) == IN_THE_END
    gone = api.request("DELETE", f"/apis/v2beta1/runs/{run_id}", params={"delete_artifacts": "true"})
    assert gone.ok, gone.text
    assert api.request("GET", f"/apis/v2beta1/runs/{run_id}").status_code == 404
    assert run_id not in api.request("GET", "/apis/v2beta1/runs").text

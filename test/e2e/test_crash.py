"""kill -9 of the whole process while runs are in flight: nothing is lost, nothing runs twice."""

import collections

import pytest
from harness.api import Api
from harness.process import until
from harness.steps import mark, mark_slowly, plus_one
from kfp import dsl


@dsl.pipeline(name="long-chain")
def long_chain(file: str, seconds: float = 0.15):
    """Twelve steps, one after the other, and a fan of six beside them."""
    before = None
    for i in range(12):
        step = mark_slowly(file=file, text=f"step-{i}", seconds=seconds)
        step.set_caching_options(False)
        if before:
            step.after(before)
        before = step
    with dsl.ParallelFor(list("012345"), parallelism=3) as item:
        mark_slowly(file=file, text=f"fan-{item}", seconds=seconds).set_caching_options(False)
    mark(file=file, text="last").after(before).set_caching_options(False)


def counts(marks) -> collections.Counter:
    return collections.Counter(marks.read_text().splitlines())


def expected() -> collections.Counter:
    steps = [f"step-{i}" for i in range(12)] + [f"fan-{i}" for i in range(6)]
    return collections.Counter([f"{what} {s}" for what in ("begin", "end") for s in steps] + ["last"])


@pytest.mark.parametrize("after", [1, 4, 9, 14, 20])
def test_a_run_survives_kill_9(own_mesh, marks, after):
    run_id = Api(own_mesh).submit(long_chain, {"file": str(marks)})
    until(f"{after} lines", lambda: len(marks.read_text().splitlines()) >= after, every_seconds=0.001)
    own_mesh.kill()
    own_mesh.start()
    outcome = Api(own_mesh).outcome(run_id)
    assert outcome.state == "SUCCEEDED", outcome.explain()
    assert counts(marks) == expected()


def test_a_run_survives_one_kill_after_the_other(own_mesh, marks):
    run_id = Api(own_mesh).submit(long_chain, {"file": str(marks)})
    for lines in range(2, 30, 4):
        until(f"{lines} lines", lambda lines=lines: len(marks.read_text().splitlines()) >= lines)
        own_mesh.kill()
        own_mesh.start()
    outcome = Api(own_mesh).outcome(run_id)
    assert outcome.state == "SUCCEEDED", outcome.explain()
    assert counts(marks) == expected()


def test_a_loop_keeps_its_limit_after_kill_9(own_mesh, marks):
    @dsl.pipeline(name="limited")
    def limited(file: str):
        with dsl.ParallelFor(list("abcdefgh"), parallelism=2) as outer:  # noqa: SIM117
            with dsl.ParallelFor(["1", "2", "3"], parallelism=1) as inner:
                mark_slowly(file=file, text=f"{outer}{inner}", seconds=0.2).set_caching_options(False)

    run_id = Api(own_mesh).submit(limited, {"file": str(marks)})
    for lines in (3, 17, 31):
        until(f"{lines} lines", lambda lines=lines: len(marks.read_text().splitlines()) >= lines)
        own_mesh.kill()
        own_mesh.start()
    outcome = Api(own_mesh).outcome(run_id)
    assert outcome.state == "SUCCEEDED", outcome.explain()
    running, most = collections.Counter(), collections.Counter()
    for what, step in (line.split() for line in marks.read_text().splitlines()):
        for scope in ("all", step[0]):  # the steps of all outer iterations, and those of one
            running[scope] += 1 if what == "begin" else -1
            most[scope] = max(most[scope], running[scope])
    assert len(marks.read_text().splitlines()) == 48
    assert most == {"all": 2, **dict.fromkeys("abcdefgh", 1)}


def test_steps_that_end_while_nobody_watches_keep_their_results(own_mesh, marks):
    @dsl.pipeline(name="meanwhile")
    def meanwhile(file: str):
        slow = mark_slowly(file=file, text="slow", seconds=1.0)
        plus_one(number=1).after(slow)

    run_id = Api(own_mesh).submit(meanwhile, {"file": str(marks)})
    until("the step to begin", lambda: "begin" in marks.read_text())
    own_mesh.kill()
    until("the step to end by itself", lambda: "end slow" in marks.read_text())
    own_mesh.start()
    outcome = Api(own_mesh).outcome(run_id)
    assert outcome.state == "SUCCEEDED", outcome.explain()
    assert outcome.output("plus-one") == 2
    assert marks.read_text().splitlines() == ["begin slow", "end slow"]


def test_finished_runs_and_pipelines_are_still_there(own_mesh, marks):
    @dsl.pipeline(name="short")
    def short(file: str):
        mark(file=file, text="once")

    before = Api(own_mesh).run(short, {"file": str(marks)})
    own_mesh.kill()
    own_mesh.start()
    after = Api(own_mesh).outcome(before.run_id)
    assert after.state == "SUCCEEDED"
    assert [t.get("path") for t in after.tasks] == [t.get("path") for t in before.tasks]
    assert Api(own_mesh).kfp.list_runs().total_size == 1


def test_a_clean_restart_takes_a_run_along(own_mesh, marks):
    run_id = Api(own_mesh).submit(long_chain, {"file": str(marks)})
    until("some steps", lambda: len(marks.read_text().splitlines()) >= 5)
    assert own_mesh.stop() == [0]
    own_mesh.start()
    outcome = Api(own_mesh).outcome(run_id)
    assert outcome.state == "SUCCEEDED", outcome.explain()
    assert counts(marks) == expected()

"""A step that fails says why, and keeps its full log."""

from harness.steps import PYTHON, shell
from kfp import dsl


def test_exit_status_last_lines_and_full_log(api):
    @dsl.pipeline(name="fails")
    def fails():
        shell(script="for i in $(seq 1 5000); do echo line $i; done; echo to stderr >&2; exit 37")

    outcome = api.run(fails, expect="FAILED")
    task = outcome.task("shell")
    assert task["exit_code"] == 37
    assert "37" in task["message"]
    assert task["log_tail"].splitlines()[-1] == "to stderr"
    assert "line 5000" in task["log_tail"]
    assert "shell" in outcome.run.error.message
    assert "37" in outcome.run.error.message

    log = api.logs(outcome.run_id, "shell").splitlines()
    assert log == [f"line {i}" for i in range(1, 5001)] + ["to stderr"]


def test_a_python_exception_shows_its_traceback(api):
    @dsl.component(base_image=PYTHON)
    def divide(a: int, b: int) -> float:
        return a / b

    @dsl.pipeline(name="divides")
    def divides():
        divide(a=1, b=0)

    task = api.run(divides, expect="FAILED").task("divide")
    assert "ZeroDivisionError" in task["log_tail"]


def test_a_command_that_does_not_exist(api):
    @dsl.container_component
    def missing():
        return dsl.ContainerSpec(image="alpine:3.20", command=["no-such-command-anywhere"])

    @dsl.pipeline(name="missing-command")
    def pipeline():
        missing()

    task = api.run(pipeline, expect="FAILED").task("missing")
    assert "no-such-command-anywhere" in task["message"] + task.get("log_tail", "")


def test_a_promised_output_that_was_not_written(api):
    @dsl.container_component
    def forgets(text: dsl.OutputPath(str)):
        return dsl.ContainerSpec(image="alpine:3.20", command=["true"], args=[text])

    @dsl.pipeline(name="forgets-output")
    def pipeline():
        forgets()

    task = api.run(pipeline, expect="FAILED").task("forgets")
    assert "text" in task["message"]


def test_a_signal_is_named(api):
    @dsl.pipeline(name="killed")
    def killed():
        shell(script="kill -9 $$")

    message = api.run(killed, expect="FAILED").task("shell")["message"].lower()
    assert "signal" in message or "137" in message
    assert "kill" in message or "9" in message or "137" in message

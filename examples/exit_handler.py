"""Clean-up that runs whether or not the work succeeds, and is told how it went."""

import kfp
from kfp import dsl


@dsl.component(base_image="python:3.11")
def work(fail: bool):
    """Succeed or not, as asked."""
    if fail:
        raise RuntimeError("asked to fail")
    print("all went well")


@dsl.component(base_image="python:3.11")
def clean_up(status: dsl.PipelineTaskFinalStatus) -> str:
    """Say how the guarded tasks ended."""
    print(f"{status.pipeline_task_name} ended {status.state}: {status.error_message or 'no error'}")
    return status.state


@dsl.pipeline(name="exit-handler")
def exit_handler(fail: bool = False):
    """Work, then clean up."""
    with dsl.ExitHandler(clean_up(), name="guarded"):
        work(fail=fail)


if __name__ == "__main__":
    kfp.Client(host="http://127.0.0.1:8080").create_run_from_pipeline_func(
        exit_handler, arguments={"fail": True}
    )

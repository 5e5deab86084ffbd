"""A step that fails at first and is tried again with growing pauses."""

import kfp
from kfp import dsl


@dsl.component(base_image="python:3.11")
def flaky(marker: str, failures: int) -> int:
    """Fail as many times as asked, counted in a file, then return the number of attempts."""
    import pathlib

    file = pathlib.Path(marker)
    attempt = len(file.read_text()) + 1 if file.exists() else 1
    file.write_text("x" * attempt)
    if attempt <= failures:
        raise RuntimeError(f"attempt {attempt} of {failures + 1} fails")
    return attempt


@dsl.pipeline(name="retry")
def retry(marker: str, failures: int = 2) -> int:
    """Try up to four times."""
    task = flaky(marker=marker, failures=failures)
    task.set_retry(num_retries=3, backoff_duration="1s", backoff_factor=2, backoff_max_duration="5s")
    task.set_caching_options(False)
    return task.output


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        client = kfp.Client(host="http://127.0.0.1:8080")
        run = client.create_run_from_pipeline_func(retry, arguments={"marker": f"{folder}/attempts"})
        client.wait_for_run_completion(run.run_id, timeout=120)

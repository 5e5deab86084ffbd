"""The second run reuses what the first one made, and says so."""

import kfp
from kfp import dsl


@dsl.component(base_image="python:3.11")
def slow_square(number: int) -> int:
    """Take a while to square a number."""
    import time

    time.sleep(3)
    return number * number


@dsl.pipeline(name="caching")
def caching(number: int = 12) -> int:
    """Square a number."""
    return slow_square(number=number).output


if __name__ == "__main__":
    client = kfp.Client(host="http://127.0.0.1:8080")
    for _ in range(2):
        run = client.create_run_from_pipeline_func(caching, enable_caching=True)
        print(client.wait_for_run_completion(run.run_id, timeout=120, sleep_duration=1).state)

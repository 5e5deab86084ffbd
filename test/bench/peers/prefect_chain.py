"""A chain of additions under Prefect: prints the seconds of a run once another has warmed it up.

Runs with Prefect's own server, started for it; tasks run in the process of the flow, as Prefect's do.
"""

import sys
import time

from prefect import flow, task


@task
def add(a: int, b: int) -> int:
    """Add."""
    return a + b


@flow
def chain(steps: int) -> int:
    """Add one to the result of the step before."""
    number = 1
    for _ in range(steps):
        number = add(number, 1)
    return number


if __name__ == "__main__":
    steps = int(sys.argv[1])
    for _ in range(2):
        started = time.monotonic()
        assert chain(steps) == steps + 1
        took = time.monotonic() - started
    print(took)

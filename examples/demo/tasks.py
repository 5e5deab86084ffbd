"""The tasks of a run, as kfmesh's REST API tells them."""

import re
import time

import requests

FINISHED = ("SUCCEEDED", "FAILED", "CANCELED", "SKIPPED")
POLL_SECONDS = 0.2
WITHOUT_WORK = ("KIND_DAG", "KIND_LOOP", "KIND_ITERATION")


def get(url: str) -> dict:
    """GET JSON, raising with the server's own message when it refuses."""
    response = requests.get(url, timeout=10)
    if not response.ok:
        raise RuntimeError(f"GET {url}: {response.status_code} {response.text}")
    return response.json()


def follow(url: str, run_id: str) -> tuple[str, list[dict]]:
    """Print each change of a task until the run has ended; return its state and its tasks."""
    printed: dict[str, str] = {}
    started = time.monotonic()
    while True:
        # The run first: tasks that are read after it ended are complete.
        run = get(f"{url}/apis/v2beta1/runs/{run_id}")
        tasks = get(f"{url}/kfmesh/v1/runs/{run_id}/tasks").get("tasks", [])
        for task in tasks:
            line = progress_line(task)
            if line and printed.get(task["path"]) != without_clock(line):
                printed[task["path"]] = without_clock(line)
                print(f"  {time.monotonic() - started:6.1f} s  {line}", flush=True)
        if run.get("state") in FINISHED:
            return run["state"], tasks
        time.sleep(POLL_SECONDS)


def progress_line(task: dict) -> str:
    """One line for where a task is, or nothing while there is nothing to say."""
    state = task["detail"].get("state", "PENDING")
    message = task.get("message", "")
    if task.get("kind") in WITHOUT_WORK or (state == "PENDING" and not message):
        return ""
    if task.get("cached_from_run_id"):
        message = "reused from an earlier run"
    return f"{state:<10} {task['path']}{'  ' + message if message else ''}"


def without_clock(line: str) -> str:
    """Return a line without the seconds that it counts at its end."""
    return re.sub(r" \(\d+ s\)$", "", line)

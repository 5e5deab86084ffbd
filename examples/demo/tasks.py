"""The tasks of a run, as kfmesh's REST API tells them."""

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
    seen: dict[str, str] = {}
    started = time.monotonic()
    while True:
        # The run first: tasks that are read after it ended are complete.
        run = get(f"{url}/apis/v2beta1/runs/{run_id}")
        tasks = get(f"{url}/kfmesh/v1/runs/{run_id}/tasks").get("tasks", [])
        for task in tasks:
            state = task["detail"].get("state", "PENDING")
            if task.get("kind") in WITHOUT_WORK or seen.get(task["path"]) == state or state == "PENDING":
                continue
            seen[task["path"]] = state
            print(progress_line(time.monotonic() - started, task, state), flush=True)
        if run.get("state") in FINISHED:
            return run["state"], tasks
        time.sleep(POLL_SECONDS)


def progress_line(seconds: float, task: dict, state: str) -> str:
    """One line for a change of a task."""
    reused = "  (reused from an earlier run)" if task.get("cached_from_run_id") else ""
    why = f"  {task['message']}" if task.get("message") and state in ("FAILED", "RUNNING") else ""
    return f"  {seconds:6.1f} s  {state:<10} {task['path']}{reused}{why}"

"""What tests ask of a running kfmesh: the unmodified kfp client and plain REST."""

import contextlib
import io

import kfp
import requests
from kfp_server_api import V2beta1Run

from harness.mesh import Mesh
from harness.process import until

FINISHED = ("SUCCEEDED", "FAILED", "CANCELED", "SKIPPED")


class Api:
    """A client of one kfmesh."""

    def __init__(self, mesh: Mesh):
        """Connect; kfp asks for the server's health at once."""
        self.mesh = mesh
        self.url = mesh.url
        self.kfp = kfp.Client(host=mesh.url)

    # REST

    def request(self, method: str, path: str, **arguments) -> requests.Response:
        """Send a request and return the answer, whatever it is."""
        return requests.request(method, self.url + path, timeout=30, **arguments)

    def get(self, path: str, **parameters) -> dict:
        """GET JSON that must be there."""
        response = self.request("GET", path, params=parameters)
        assert response.ok, f"GET {path}: {response.status_code} {response.text}"
        return response.json()

    # Runs

    def submit(self, pipeline, arguments: dict | None = None, **options) -> str:
        """Start a run of a pipeline function and return its id."""
        with contextlib.redirect_stdout(io.StringIO()):
            return self.kfp.create_run_from_pipeline_func(
                pipeline, arguments=arguments or {}, **options
            ).run_id

    def finished(self, run_id: str, within_seconds: float = 90) -> V2beta1Run | None:
        """Return a run once it has ended."""

        def ended():
            run = self.kfp.get_run(run_id)
            return run if run.state in FINISHED else None

        return until(f"run {run_id} to end", ended, within_seconds)

    def run(self, pipeline, arguments: dict | None = None, expect: str = "SUCCEEDED", **options) -> "Outcome":
        """Run a pipeline function to its end, which must be the expected one."""
        outcome = self.outcome(self.submit(pipeline, arguments, **options))
        assert outcome.state == expect, outcome.explain()
        return outcome

    def outcome(self, run_id: str) -> "Outcome":
        """Wait for a run's end and return all there is to know of it."""
        run = self.finished(run_id)
        return Outcome(run, self.tasks(run_id))

    def tasks(self, run_id: str) -> list[dict]:
        """All tasks of a run, as kfmesh tells them."""
        return self.get(f"/kfmesh/v1/runs/{run_id}/tasks").get("tasks", [])

    def logs(self, run_id: str, task: str = "") -> str:
        """What the tasks of a run wrote."""
        import base64
        import json

        response = self.request("GET", f"/kfmesh/v1/runs/{run_id}/logs", params={"task": task})
        assert response.ok, response.text
        chunks = [json.loads(line)["result"] for line in response.text.splitlines() if line]
        return b"".join(base64.b64decode(chunk.get("data", "")) for chunk in chunks).decode()


class Outcome:
    """A finished run and its tasks."""

    def __init__(self, run: V2beta1Run, tasks: list[dict]):
        """Both as the server told them."""
        self.run = run
        self.run_id = run.run_id
        # A canceled run is got as FAILED; its history tells the truth.
        self.state = run.state_history[-1].state
        self.tasks = tasks

    def explain(self) -> str:
        """Say what happened, for the message of a failed assertion."""
        lines = [f"run {self.run_id} ended {self.state}: {self.run.error}"]
        for task in self.tasks:
            lines.append(
                f"  {task['detail'].get('state', '?'):<10} {task.get('path', '')} {task.get('message', '')}"
            )
            lines += [f"    | {line}" for line in task.get("log_tail", "").splitlines()]
        return "\n".join(lines)

    def named(self, name: str) -> list[dict]:
        """Tasks of that name, wherever they are, in order of their paths."""
        return sorted((t for t in self.tasks if t.get("name") == name), key=lambda t: t.get("path", ""))

    def task(self, name: str) -> dict:
        """The one task of that name."""
        found = self.named(name)
        assert len(found) == 1, f"{len(found)} tasks are named {name!r}:\n{self.explain()}"
        return found[0]

    def task_state(self, name: str) -> str:
        """State of the one task of that name."""
        return self.task(name)["detail"]["state"]

    def output(self, name: str, key: str = "Output"):
        """An output parameter of the one task of that name."""
        return self.task(name)["output_parameters"][key]

    def artifact(self, name: str, key: str) -> dict:
        """An output artifact of the one task of that name."""
        found = [a for a in self.task(name).get("output_artifacts", []) if a["key"] == key]
        assert len(found) == 1, f"{name} has {len(found)} artifacts under {key!r}"
        return found[0]

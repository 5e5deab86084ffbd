"""The storm itself: runs go in, kfmesh is killed, and at the end the lines are counted."""

import collections
import dataclasses
import json
import pathlib
import queue
import random
import threading
import time
from collections.abc import Callable

import requests

from chaos import training
from chaos.shapes import Planned, plan
from chaos.victims import Victim

CLIENTS = 4
SECONDS_BETWEEN_KILLS = (0.3, 2.0)
TRY_AGAIN_SECONDS = 0.1
SETTLE_SECONDS = 240
RUNS = "/apis/v2beta1/runs"


@dataclasses.dataclass(frozen=True)
class Options:
    """How large a storm is."""

    seed: int
    runs: int
    seconds: float  # during which runs come in and kfmesh is killed
    jobs: int = 0  # training jobs, beside the runs


@dataclasses.dataclass
class Report:
    """What a storm found."""

    kills: list[tuple[str, int]] = dataclasses.field(default_factory=list)  # what, steps running at it
    runs: int = 0
    lines: int = 0
    jobs: int = 0
    wrong: list[str] = dataclasses.field(default_factory=list)

    def __str__(self) -> str:
        """One paragraph."""
        steps = sorted(running for _, running in self.kills)
        told = f"{len(self.kills)} kills of {self._killed()}, {self.runs} runs, {self.lines} lines"
        told += f", {self.jobs} jobs"
        if steps:
            told += f"; steps running at a kill: {steps[0]} to {steps[-1]}, median {steps[len(steps) // 2]}"
        return "\n".join([told, *(self.wrong or ["nothing was lost and nothing happened twice"])])

    def _killed(self) -> str:
        counted = collections.Counter(what for what, _ in self.kills)
        return ", ".join(f"{what} ({times})" for what, times in sorted(counted.items()))


class Storm:
    """One storm over one kfmesh that is not started yet."""

    def __init__(self, victim: Victim, folder: pathlib.Path, options: Options, say: Callable[[str], None]):
        """Draw what is to happen."""
        self.victim, self.options, self.say = victim, options, say
        self.marks = folder / "marks"
        self.marks.touch()
        self.planned = plan(random.Random(options.seed), options.runs)
        self.moments = random.Random(options.seed + 1)
        self.created: dict[str, str] = {}  # run id by name
        self.failures: queue.SimpleQueue[BaseException] = queue.SimpleQueue()
        jobs = training.plan(random.Random(options.seed + 2), options.jobs)
        self.training = training.Training(victim.mesh, folder, jobs, not victim.loses)

    def run(self) -> Report:
        """Start kfmesh, let the storm pass, and count."""
        report = Report()
        self.victim.mesh.start()
        try:
            clients = self._submit()
            self._kill(report, clients)
            for client in clients:
                client.join(SETTLE_SECONDS)
            if not self.failures.empty():
                raise self.failures.get()
            self._settle(report)
            self._count(report)
            if self.options.jobs:
                report.wrong += self.training.count()
                report.jobs = self.options.jobs
        finally:
            self.victim.end()
            self.victim.mesh.stop()
        return report

    # Submitting

    def _submit(self) -> list[threading.Thread]:
        """Start the clients that make the runs, evenly over the time of the storm."""
        begun = time.monotonic()
        waiting = iter(
            sorted([*self._spread(begun, self.planned), *self._spread(begun, self.training.planned)])
        )
        turn = threading.Lock()

        def client():
            try:
                while True:
                    with turn:
                        due, _, planned = next(waiting, (0, "", None))
                    if planned is None:
                        return
                    time.sleep(max(0, due - time.monotonic()))
                    if isinstance(planned, Planned):
                        self.created[planned.name] = self._create(planned)
                    else:
                        self.training.create(planned)
            except BaseException as err:
                self.failures.put(err)

        clients = [threading.Thread(target=client, daemon=True) for _ in range(CLIENTS)]
        for thread in clients:
            thread.start()
        return clients

    def _spread(self, begun: float, planned: list) -> list[tuple]:
        """When to make each of some runs or jobs, evenly over the time of the storm."""
        pace = self.options.seconds / max(1, len(planned))
        return [(begun + i * pace, p.name, p) for i, p in enumerate(planned)]

    def _create(self, planned: Planned) -> str:
        """Make a run once: after a call that was cut off, look first whether it was heard."""
        parameters = {"file": str(self.marks), "run": planned.name, "seconds": planned.seconds}
        body = {
            "display_name": planned.name,
            "pipeline_spec": planned.shape.spec,
            "runtime_config": {"parameters": parameters},
        }
        deadline = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline:
            answer = self._try("POST", data=json.dumps(body))
            if answer is not None:
                return answer["run_id"]
            found = self._await_named(planned.name)
            if found:
                return found[0]["run_id"]
        raise AssertionError(f"{planned.name} could not be made within {SETTLE_SECONDS} s")

    def _try(self, method: str, **arguments) -> dict | None:
        """Send a request, and return None when nobody, or a dying one, answered."""
        try:
            response = requests.request(method, self.victim.mesh.url + RUNS, timeout=30, **arguments)
        except requests.RequestException:
            return None
        if response.status_code >= requests.codes.internal_server_error:
            return None
        assert response.ok, f"{method} {RUNS}: {response.status_code} {response.text}"
        return response.json()

    def _await_named(self, name: str) -> list[dict]:
        """Runs of a name, once somebody answers."""
        predicate = {"operation": "EQUALS", "key": "display_name", "string_value": name}
        deadline = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline:
            answer = self._try("GET", params={"filter": json.dumps({"predicates": [predicate]})})
            if answer is not None:
                return answer.get("runs", [])
            time.sleep(TRY_AGAIN_SECONDS)
        raise AssertionError(f"kfmesh did not answer within {SETTLE_SECONDS} s")

    # Killing

    def _kill(self, report: Report, clients: list[threading.Thread]) -> None:
        """Strike until the clients are done, and the time is over."""
        end = time.monotonic() + self.options.seconds
        while time.monotonic() < end or any(client.is_alive() for client in clients):
            time.sleep(self.moments.uniform(*SECONDS_BETWEEN_KILLS))
            running = steps_running(self.marks)
            what = self.victim.strike(self.moments)
            report.kills.append((what, running))
            self.say(
                f"kill {len(report.kills)}: {what}, {running} steps running, {len(self.created)} runs made"
            )

    # Counting

    def _settle(self, report: Report) -> None:
        """Wait until every run has ended."""
        deadline = time.monotonic() + SETTLE_SECONDS
        live = dict(self.created)
        while live and time.monotonic() < deadline:
            for name, run_id in list(live.items()):
                state = self._state(run_id)
                if state not in ("PENDING", "RUNNING", ""):
                    del live[name]
                    if state != "SUCCEEDED":
                        report.wrong.append(f"{name} ({run_id}) ended {state}")
            time.sleep(TRY_AGAIN_SECONDS)
        report.wrong += [f"{name} ({run_id}) does not end" for name, run_id in live.items()]

    def _state(self, run_id: str) -> str:
        """State of a run, "" while nobody answers, and MISSING when there is no such run."""
        try:
            response = requests.get(f"{self.victim.mesh.url}{RUNS}/{run_id}", timeout=30)
        except requests.RequestException:
            return ""
        if response.status_code == requests.codes.not_found:
            return "MISSING"
        return response.json().get("state", "") if response.ok else ""

    def _count(self, report: Report) -> None:
        """Compare the lines with those that must be there, and the runs with those that were made."""
        found = collections.Counter(self.marks.read_text().splitlines())
        expected = [line for planned in self.planned for line in planned.lines]
        report.lines = sum(found.values())
        report.wrong += [f"lost: {line}" for line in expected if not found[line]]
        report.wrong += [f"{times} times: {line}" for line, times in found.items() if times > 1]
        report.wrong += [f"unexpected: {line}" for line in sorted(set(found) - set(expected))]
        listed = self._try("GET", params={"page_size": 1})
        report.runs = int((listed or {}).get("total_size", 0))
        if report.runs != len(self.planned):
            report.wrong.append(f"kfmesh has {report.runs} runs where {len(self.planned)} were asked for")


def steps_running(marks: pathlib.Path) -> int:
    """Processes of steps that append to a file."""
    wanted = str(marks).encode()
    count = 0
    for folder in pathlib.Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            arguments = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue  # it has ended
        count += arguments[:2] == [b"sh", b"-ec"] and wanted in arguments
    return count

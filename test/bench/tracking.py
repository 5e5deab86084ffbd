"""Experiment tracking beside `mlflow server`: the same requests, one server after the other."""

import json
import pathlib
import sqlite3
import subprocess
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass

from harness.mesh import OneProcess
from harness.process import BIN
from peers.mlflow_server import MlflowServer
from table import Table

RUNS = 30_000
POINTS = 100_000
ARTIFACT_BYTES = 100_000_000
BATCH = 1000
CLIENTS = (1, 20)
SECONDS = 3
TIMES_AS_FAST = 10
MEMORY_MEGABYTES = 150
LOAD_SECONDS = 600


@dataclass(frozen=True)
class Kind:
    """A kind of request."""

    what: str
    kind: str
    size: int = 0
    at_least: float | None = None  # times as fast as MLflow that it should be


LOGGING = [
    Kind("log-metric", "log-metric", at_least=TIMES_AS_FAST),
    Kind("log-batch of 100 points", "log-batch", 100, at_least=TIMES_AS_FAST),
    Kind("log-batch of 1,000 points", "log-batch", 1000, at_least=TIMES_AS_FAST),
    Kind("create run", "create-run", at_least=TIMES_AS_FAST),
]
READING = [
    Kind(f"search of {RUNS:,} runs by a metric", "search", at_least=TIMES_AS_FAST),
    Kind(f"history of {POINTS:,} points", "history"),
]
ARTIFACTS = [
    Kind("artifact put of 100 MB", "put", ARTIFACT_BYTES),
    Kind("artifact get of 100 MB", "get", ARTIFACT_BYTES),
]
# Many clients that read large pages take more memory than any that log.
PAGES = Kind("", "runs", 10_000)
Rates = dict[tuple[str, int], float]


def load(url: str, kind: Kind, clients: int = 1, **flags: str | int) -> dict:
    """Send requests of a kind and return what they came to."""
    command = [BIN / "test" / "track-load", f"--url={url}", f"--kind={kind.kind}", f"--clients={clients}"]
    command += [f"--size={kind.size}", f"--for={SECONDS}s", *(f"--{k}={v}" for k, v in flags.items())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LOAD_SECONDS, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip()[-500:])
    return json.loads(done.stdout)


def post(url: str, what: str, body: dict) -> dict:
    """Call an endpoint of the tracking API."""
    request = urllib.request.Request(
        f"{url}/api/2.0/mlflow/{what}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


class Ours:
    """kfmesh, filled through its API."""

    name = "kfmesh"

    def __init__(self, folder: pathlib.Path):
        """Below a folder; nothing starts yet."""
        self.mesh = OneProcess(folder)
        self.url = self.mesh.url

    def __enter__(self) -> "Ours":
        """Start."""
        self.mesh.start()
        return self

    def __exit__(self, *_) -> None:
        """Stop."""
        self.mesh.stop()

    @property
    def database(self) -> pathlib.Path:
        """The SQLite file that has what is tracked."""
        return self.mesh.data_dir / "kfmesh.db"

    def resident_megabytes(self) -> float:
        """Largest resident memory so far."""
        return self.mesh.process.peak_bytes() / 1e6

    def fill_runs(self, experiment: str, runs: int) -> None:
        """Make runs with metrics and parameters."""
        load(self.url, Kind("", "fill"), 8, experiment=experiment, count=runs)

    def fill_history(self, run: str, points: int) -> None:
        """Log the points of a metric."""
        for begin in range(0, points, BATCH):
            batch = [
                {"key": "long", "value": i / 7, "timestamp": 1_700_000_000_000 + i, "step": i}
                for i in range(begin, begin + BATCH)
            ]
            post(self.url, "runs/log-batch", {"run_id": run, "metrics": batch})


def database_bytes(file: pathlib.Path) -> int:
    """Bytes of a SQLite database, with what is in its log still."""
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=60) as db:
        (pages,) = db.execute("PRAGMA page_count").fetchone()
        (free,) = db.execute("PRAGMA freelist_count").fetchone()
        (size,) = db.execute("PRAGMA page_size").fetchone()
    return (pages - free) * size


def new_run(url: str, name: str) -> tuple[str, str]:
    """Make an experiment and a run of it."""
    experiment = post(url, "experiments/create", {"name": name})["experiment_id"]
    run = post(url, "runs/create", {"experiment_id": experiment})["run"]["info"]["run_id"]
    return experiment, run


def measure(server: "Ours | MlflowServer") -> tuple[Rates, float, float]:
    """Rates by kind and clients, bytes stored a point, and megabytes of memory."""
    rates: Rates = {}

    def all_of(kinds: list[Kind], **flags: str) -> None:
        for kind in kinds:
            for clients in CLIENTS:
                found = load(server.url, kind, clients, **flags)
                rates[kind.what, clients] = found["requests"] / found["seconds"]

    _, run = new_run(server.url, "history")
    before = database_bytes(server.database)
    server.fill_history(run, POINTS)
    stored = (database_bytes(server.database) - before) / POINTS
    filled, _ = new_run(server.url, "runs")
    server.fill_runs(filled, RUNS)
    all_of(READING, experiment=filled, run=run)
    experiment, _ = new_run(server.url, "logging")
    all_of(LOGGING, experiment=experiment)
    all_of(ARTIFACTS)
    if isinstance(server, Ours):
        load(server.url, PAGES, max(CLIENTS), experiment=filled)
    return rates, stored, server.resident_megabytes()


def measure_tracking(folder: pathlib.Path, table: Table) -> None:
    """Both servers, and the rates beside each other."""
    ceilings = {c: load("", Kind("", "ceiling"), c) for c in CLIENTS}
    with Ours(folder / "kfmesh") as server:
        rates, stored, memory = measure(server)
    theirs, why = attempt(lambda: measure_mlflow(folder / "mlflow"))
    for kind in [*LOGGING, *READING, *ARTIFACTS]:
        for clients in CLIENTS:
            ours = rates[kind.what, clients]
            table.add(f"{kind.what}, {clients} client{'s' * (clients > 1)}", ours, "/s")
            if theirs:
                peer = theirs[0][kind.what, clients]
                table.beside(MlflowServer.name, peer, "/s", ours, rate=True, at_least=kind.at_least)
            else:
                table.absent(MlflowServer.name, why)
    for clients, found in ceilings.items():
        rate = found["requests"] / found["seconds"]
        table.add(f"what the load itself can send, {clients} client{'s' * (clients > 1)}", rate, "/s")
    table.add("bytes stored a metric point", stored, "B")
    if theirs:
        table.beside(MlflowServer.name, theirs[1], "B", stored)
    table.add("  peak memory of kfmesh while tracking", memory, "MB", at_most=MEMORY_MEGABYTES)
    if theirs:
        what = f"memory of {MlflowServer.name}'s processes afterwards, {theirs[3]} of them workers"
        table.beside(what, theirs[2], "MB", memory)


def measure_mlflow(folder: pathlib.Path) -> tuple[Rates, float, float, int]:
    """All that is measured, of MLflow, and how many workers it had."""
    with MlflowServer(folder) as server:
        return *measure(server), server.workers()


def attempt(work: Callable):
    """What work returns, or None and why it could not be done."""
    try:
        return work(), ""
    except (RuntimeError, AssertionError, subprocess.TimeoutExpired, OSError) as err:
        return None, f"mlflow could not be installed or run: {err}"

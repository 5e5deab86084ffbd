"""`mlflow server` beside which tracking is measured, and what is put straight into its database."""

import contextlib
import pathlib
import random
import sqlite3
import subprocess
import time
import uuid

from harness.process import Process, answers, environment, free_ports, until

from peers.engines import Engine, environment_of

REQUIREMENTS = ("mlflow==3.17.2",)
START_SECONDS = 600  # of a busy machine: each of its workers imports all of MLflow
PROCESS_TREE = pathlib.Path("/proc")


def python() -> pathlib.Path:
    """The Python of an environment that has MLflow; made once and kept."""
    return environment_of(Engine("MLflow", REQUIREMENTS, "", lambda *_: 0.0))


class MlflowServer:
    """An `mlflow server` with its default workers, on SQLite, which proxies artifacts."""

    name = "mlflow server"

    def __init__(self, folder: pathlib.Path):
        """Below a folder; nothing starts yet."""
        self.folder = folder
        folder.mkdir(parents=True)
        self.database = folder / "mlflow.db"
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        self.command = [python(), "-m", "mlflow", "server", f"--port={port}", "--host=127.0.0.1"]
        self.command += [f"--backend-store-uri=sqlite:///{self.database}"]
        self.command += [f"--artifacts-destination={folder / 'artifacts'}"]

    def __enter__(self) -> "MlflowServer":
        """Start; the first start makes the tables."""
        env = environment(MLFLOW_DISABLE_TELEMETRY="true", DO_NOT_TRACK="true")
        self.process = Process(self.command, self.folder / "mlflow.log", env)
        try:
            until("mlflow server", self._answers, START_SECONDS)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _answers(self) -> bool:
        """Whether it serves; one that has ended never will."""
        if self.process.exit_status is not None:
            raise RuntimeError(f"mlflow server ended: {self.process.output()[-500:]}")
        return answers(f"{self.url}/health")

    def __exit__(self, *_) -> None:
        """Stop."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.stop()

    def workers(self) -> int:
        """How many processes of its serve requests."""
        commands = [(PROCESS_TREE / str(pid) / "cmdline").read_bytes() for pid in family(self.process.pid)]
        return sum(b"spawn_main" in command for command in commands)

    def resident_megabytes(self) -> float:
        """Resident memory of all its processes; what they share is counted in each."""
        return sum(resident(pid) for pid in family(self.process.pid)) / 1e6

    def fill_runs(self, experiment: str, runs: int) -> None:
        """Put in runs like those of the load's kind "fill"."""
        rng = random.Random(1)
        now = int(time.time() * 1000)
        with sqlite3.connect(self.database, timeout=60) as db:
            for i in range(runs):
                run = uuid.UUID(int=rng.getrandbits(128)).hex
                insert_run(db, run, f"run {i}", experiment, now + i)
                for key in ("loss", "accuracy", "seconds"):
                    value = rng.random()
                    db.execute(
                        "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan)"
                        " VALUES (?, ?, ?, ?, 1, 0)",
                        (key, value, now, run),
                    )
                    db.execute(
                        "INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid)"
                        " VALUES (?, ?, ?, 1, 0, ?)",
                        (key, value, now, run),
                    )
                for key, value in (("depth", str(i)), ("kind", "tree"), ("rate", "0.1")):
                    param = (key, value, run)
                    db.execute("INSERT INTO params (key, value, run_uuid) VALUES (?, ?, ?)", param)

    def fill_history(self, run: str, points: int) -> None:
        """Put in the points of a metric."""
        rng = random.Random(2)
        rows = [("long", rng.random(), 1_700_000_000_000 + i, run, i) for i in range(points)]
        with sqlite3.connect(self.database, timeout=60) as db:
            db.executemany(
                "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan)"
                " VALUES (?, ?, ?, ?, ?, 0)",
                rows,
            )


def insert_run(db: sqlite3.Connection, run: str, name: str, experiment: str, at: int) -> None:
    """Put in a run with the tags that a client gives it."""
    db.execute(
        "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status,"
        " start_time, source_version, lifecycle_stage, artifact_uri, experiment_id)"
        " VALUES (?, ?, 'UNKNOWN', '', '', 'bench', 'RUNNING', ?, '', 'active', ?, ?)",
        (run, name, at, f"mlflow-artifacts:/{experiment}/{run}/artifacts", int(experiment)),
    )
    tags = {"mlflow.user": "bench", "mlflow.source.name": "train.py", "mlflow.runName": name}
    db.executemany(
        "INSERT INTO tags (key, value, run_uuid) VALUES (?, ?, ?)", [(k, v, run) for k, v in tags.items()]
    )


def family(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for task in PROCESS_TREE.glob(f"{pid}/task/*/children"):
        for child in task.read_text().split():
            found += family(int(child))
    return found


def resident(pid: int) -> int:
    """Resident bytes of a process."""
    return int((PROCESS_TREE / str(pid) / "statm").read_text().split()[1]) * 4096

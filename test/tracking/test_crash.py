"""kill -9 during heavy logging: what was acknowledged is there, each once."""

import dataclasses
import itertools
import os
import random
import threading
import time
import uuid

import pytest
import requests
from conftest import OTHER_SERVER
from harness.mesh import OneProcess
from harness.postgres import Postgres
from harness.process import answers, until
from harness.split import Split
from rest import API, ARTIFACTS

CLIENTS = 6
KILLS = 5
BATCH = 50
SECONDS_BETWEEN_KILLS = (0.3, 1.2)


class Victim:
    """A kfmesh that is killed, whole or its metadata service alone."""

    def __init__(self, folder):
        """Separate services where PostgreSQL is named; nothing starts yet."""
        self.split = "KFMESH_TEST_POSTGRES" in os.environ
        self.mesh = (Split if self.split else OneProcess)(folder)

    def strike(self) -> None:
        """Kill it and have it back."""
        if self.split:
            self.mesh.restart("metadata")
            return
        self.mesh.kill()
        self.mesh.start()


@dataclasses.dataclass
class Acknowledged:
    """What a client was told is stored."""

    run_id: str
    steps: list[int] = dataclasses.field(default_factory=list)
    params: dict[str, str] = dataclasses.field(default_factory=dict)
    tags: dict[str, str] = dataclasses.field(default_factory=dict)
    artifacts: dict[str, bytes] = dataclasses.field(default_factory=dict)


class Logger:
    """Logs as fast as it can; a call that nobody answered is not repeated."""

    def __init__(self, url: str, over: threading.Event):
        """Make the run to log to."""
        self.url, self.over = url, over
        self.session = requests.Session()
        made = self.session.post(f"{url}{API}/runs/create", json={"experiment_id": "0"}, timeout=30)
        self.run = made.json()["run"]["info"]
        self.kept = Acknowledged(self.run["run_id"])
        self.failure: BaseException | None = None

    def once(self, turn: int) -> None:
        """One batch, and now and then an artifact."""
        first = turn * BATCH
        metrics = [{"key": "m", "value": s, "timestamp": s, "step": s} for s in range(first, first + BATCH)]
        param, tag = (f"p{turn}", uuid.uuid4().hex), (f"t{turn % 7}", uuid.uuid4().hex)
        body = {
            "run_id": self.kept.run_id,
            "metrics": metrics,
            "params": [{"key": param[0], "value": param[1]}],
            "tags": [{"key": tag[0], "value": tag[1]}],
        }
        self.kept.tags.pop(tag[0], None)  # until it is acknowledged either value may be there
        if self.sent("POST", f"{API}/runs/log-batch", json=body):
            self.kept.steps += range(first, first + BATCH)
            self.kept.params[param[0]] = param[1]
            self.kept.tags[tag[0]] = tag[1]
        if turn % 5 == 0:
            content = random.randbytes(20_000)
            path = f"{self.run['artifact_uri'].removeprefix('mlflow-artifacts:/')}/{turn}.bin"
            if self.sent("PUT", f"{ARTIFACTS}/{path}", data=content):
                self.kept.artifacts[path] = content

    def sent(self, method: str, path: str, **arguments) -> bool:
        """Whether a request was acknowledged; one that is refused is a failure."""
        try:
            response = self.session.request(method, self.url + path, timeout=30, **arguments)
        except requests.RequestException:
            time.sleep(0.05)
            return False
        assert response.ok or response.status_code >= 500, f"{method} {path}: {response.text}"
        return response.ok

    def log(self) -> None:
        """Log until it is over."""
        try:
            for turn in itertools.count():
                if self.over.is_set():
                    return
                self.once(turn)
        except BaseException as err:
            self.failure = err


def heavily_logged(mesh, strikes) -> None:
    """Log with many clients while strikes fall, and check what is there when it is over."""
    over = threading.Event()
    loggers = [Logger(mesh.url, over) for _ in range(CLIENTS)]
    threads = [threading.Thread(target=one.log, daemon=True) for one in loggers]
    for thread in threads:
        thread.start()
    for strike in strikes:
        time.sleep(random.uniform(*SECONDS_BETWEEN_KILLS))
        strike()
    time.sleep(0.5)
    over.set()
    for thread in threads:
        thread.join(60)
    strikes[-1]()
    until("kfmesh to be ready", lambda: answers(f"{mesh.url}/readyz"))
    for one in loggers:
        assert one.failure is None, one.failure
        check(mesh.url, one.kept)
    assert sum(len(one.kept.steps) for one in loggers) > CLIENTS * len(strikes) * BATCH


@pytest.mark.skipif(OTHER_SERVER in os.environ, reason="it would kill what is not the test's")
def test_what_was_acknowledged_survives_kill_9(tmp_path):
    victim = Victim(tmp_path / "victim")
    victim.mesh.start()
    try:
        heavily_logged(victim.mesh, [victim.strike] * KILLS)
    finally:
        victim.mesh.stop()


@pytest.mark.skipif("KFMESH_TEST_POSTGRES" not in os.environ, reason="make test-postgres runs it")
def test_what_was_acknowledged_survives_the_database(tmp_path):
    database = Postgres(tmp_path / "postgres").start()
    mesh = Split(tmp_path / "mesh", KFMESH_DATABASE_URL=database.url)

    def die() -> None:
        database.kill()
        time.sleep(0.3)
        database.start()

    try:
        mesh.start()
        heavily_logged(mesh, [database.disconnect, die] * 3)
    finally:
        mesh.stop()
        database.stop()


def check(url: str, kept: Acknowledged) -> None:
    """Compare what is stored with what was acknowledged."""
    history, token = [], ""
    while True:
        query = {"run_id": kept.run_id, "metric_key": "m", "max_results": 25_000, "page_token": token}
        page = requests.get(f"{url}{API}/metrics/get-history", params=query, timeout=60).json()
        history += [point["step"] for point in page.get("metrics", [])]
        token = page.get("next_page_token", "")
        if not token:
            break
    assert len(history) == len(set(history)), "a point is there twice"
    assert set(kept.steps) <= set(history), "an acknowledged point is lost"
    assert len(history) % BATCH == 0, "half a batch is there"
    got = requests.get(f"{url}{API}/runs/get", params={"run_id": kept.run_id}, timeout=60)
    data = got.json()["run"]["data"]
    params = {p["key"]: p["value"] for p in data["params"]}
    tags = {t["key"]: t["value"] for t in data["tags"]}
    assert kept.params.items() <= params.items()
    assert kept.tags.items() <= tags.items()
    for path, content in kept.artifacts.items():
        assert requests.get(f"{url}{ARTIFACTS}/{path}", timeout=60).content == content, path

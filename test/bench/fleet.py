"""Many small runs from many clients."""

import json
import pathlib
import threading
import time
from dataclasses import dataclass

from chains import noop_chain
from client import Client, await_true, matching
from harness.mesh import OneProcess
from harness.steps import compiled

CLIENTS = 16
STEPS = 3
REST_SECONDS = 10


@dataclass
class Fleet:
    """What many runs took."""

    runs_per_second: float
    resident_megabytes: float  # some time after the last run has ended
    cpu_milliseconds: float  # of kfmesh, a run
    growth_bytes: float  # of the data directory, a run


def measure_fleet(mesh: OneProcess, runs: int) -> Fleet:
    """Make runs of a short chain, as fast as they are taken, and wait until all have succeeded."""
    body = json.dumps({"display_name": "one of many", "pipeline_spec": compiled(noop_chain(STEPS))}).encode()
    before, used = stored_bytes(mesh.data_dir), mesh.process.cpu_seconds()
    started = time.monotonic()
    create(mesh, body, runs)
    client, succeeded = Client(mesh), matching("state", "SUCCEEDED")
    await_true("all runs to end", lambda: client.list(filter=succeeded, page_size=1)["total_size"] == runs)
    took = time.monotonic() - started
    used = mesh.process.cpu_seconds() - used
    time.sleep(REST_SECONDS)
    return Fleet(
        runs / took,
        mesh.process.resident_bytes() / 1e6,
        used / runs * 1000,
        (stored_bytes(mesh.data_dir) - before) / runs,
    )


def create(mesh: OneProcess, body: bytes, runs: int) -> None:
    """Make runs from all clients at once."""
    left = iter(range(runs))
    turn = threading.Lock()
    failures: list[BaseException] = []

    def work():
        client = Client(mesh)
        try:
            while not failures:
                with turn:
                    if next(left, None) is None:
                        return
                client.create(body)
        except BaseException as err:
            failures.append(err)

    clients = [threading.Thread(target=work) for _ in range(CLIENTS)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
    if failures:
        raise failures[0]


def stored_bytes(data_dir: pathlib.Path) -> int:
    """Bytes in a data directory, but for etcd's log, which it allocates ahead and uses again."""
    wal = data_dir / "etcd" / "member" / "wal"
    files = (file for file in data_dir.rglob("*") if file.is_file() and wal not in file.parents)
    return sum(file.stat().st_size for file in files)

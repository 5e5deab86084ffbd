"""Training jobs: from submission until all replicas run, and how many are accepted."""

import http.client
import json
import pathlib
import statistics
import subprocess
import threading
import time

from harness.jobs import Jobs, manifest
from harness.mesh import OneProcess
from harness.process import until

REPLICAS = 8
TRIES = 15
CLIENTS = 16

# What a replica does: it notes when it began.
BEGIN = 'exec date +%s%N > "$OUT/$KFMESH_REPLICA"'


def measure_submit(mesh: OneProcess, folder: pathlib.Path) -> tuple[float, float]:
    """Median milliseconds until the last of 8 replicas has begun: of a job, and of as many bare processes."""
    jobs = Jobs(mesh)
    ours = [time_job(jobs, folder, n) for n in range(TRIES + 1)][1:]  # the first finds out about the host
    bare = [time_processes(folder / f"bare-{n}") for n in range(TRIES)]
    return statistics.median(ours), statistics.median(bare)


def time_job(jobs: Jobs, folder: pathlib.Path, n: int) -> float:
    """Milliseconds for one job."""
    out = folder / f"job-{n}"
    out.mkdir()
    job = manifest("PyTorchJob", f"bench-{n}", BEGIN, env={"OUT": str(out)}, Master=1, Worker=REPLICAS - 1)
    started = time.time_ns()
    jobs.create(job)
    return (last(out) - started) / 1e6


def time_processes(out: pathlib.Path) -> float:
    """Milliseconds for processes alone."""
    out.mkdir()
    started = time.time_ns()
    all_of_them = [
        subprocess.Popen(
            ["sh", "-c", BEGIN], env={"OUT": str(out), "KFMESH_REPLICA": str(n), "PATH": "/usr/bin:/bin"}
        )
        for n in range(REPLICAS)
    ]
    for process in all_of_them:
        process.wait()
    return (last(out) - started) / 1e6


def last(out: pathlib.Path) -> int:
    """When the last of the replicas began."""

    def times() -> list[str]:
        return [text for file in out.iterdir() if (text := file.read_text().strip())]

    until("all replicas to begin", lambda: len(times()) == REPLICAS, every_seconds=0.002)
    return max(int(text) for text in times())


def measure_accepted(mesh: OneProcess, count: int, policy: dict | None = None) -> tuple[float, float]:
    """Jobs a second that many clients get taken, and milliseconds of kfmesh's processor time for one.

    They are suspended, so that nothing of them runs, unless they are given another run policy.
    """
    path = Jobs(mesh).path("PyTorchJob")
    left = iter(range(count))
    turn = threading.Lock()
    failures: list[BaseException] = []

    def work():
        try:
            connection = http.client.HTTPConnection(mesh.http_address)
            while not failures:
                with turn:
                    n = next(left, None)
                if n is None:
                    return
                job = manifest("PyTorchJob", f"many-{n}", "true", Master=1, Worker=3)
                job["spec"]["runPolicy"] = policy or {"suspend": True}
                connection.request("POST", path, json.dumps(job), {"Content-Type": "application/json"})
                answer = connection.getresponse()
                text = answer.read()
                assert answer.status == 201, text
        except BaseException as err:
            failures.append(err)

    used = mesh.process.cpu_seconds()
    started = time.monotonic()
    clients = [threading.Thread(target=work) for _ in range(CLIENTS)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
    if failures:
        raise failures[0]
    took = time.monotonic() - started
    return count / took, (mesh.process.cpu_seconds() - used) / count * 1000

"""The measurements there are, by name; each starts what it needs and adds its rows."""

import pathlib
import subprocess
from collections.abc import Callable

from chains import measure_noop, measure_python, noop_chain, python_chain
from ended import measure_ended
from fleet import measure_fleet
from harness.mesh import OneProcess
from lineage import EDGES, HOPS, MILLISECONDS, fill_lineage, measure_lineage
from listing import LISTINGS, fill_archive, measure_listing
from local import measure_local
from loop import measure_loop, measure_xargs
from nodes import measure_nodes
from peers.engines import ENGINES, environment_of
from placement import measure_placement
from startup import measure_idle_memory, measure_start
from table import Table
from tracking import measure_tracking
from training import REPLICAS, measure_accepted, measure_submit

Measurement = Callable[[pathlib.Path, Table], None]

PYTHON_STEPS = 20
LOOP_ITEMS = 10_000
FLEET_RUNS = 1_000
ARCHIVED_RUNS = 200_000
JOBS = 1_000
ENDED_JOBS = 20_000
ANONYMOUS = "  of it anonymous, the rest pages of files that the kernel may drop"


def start(folder: pathlib.Path, table: Table) -> None:
    """Start, and memory at rest."""
    table.add("kfmesh up, empty data directory, to ready", measure_start(folder), "s", at_most=1.0)
    with Up(folder) as mesh:
        table.add("idle memory of kfmesh up", measure_idle_memory(mesh), "MB", at_most=120)
        table.add(ANONYMOUS, mesh.process.anonymous_bytes() / 1e6, "MB")


def chain(folder: pathlib.Path, table: Table) -> None:
    """What a step costs that does nothing."""
    with Up(folder) as mesh:
        step, bare = measure_noop(mesh, noop_chain(100))
    table.add("100-step chain of `true`, a step", step, "ms", at_most=5)
    table.beside("fork and exec of `true` alone", bare, "ms", step)


def python(folder: pathlib.Path, table: Table) -> None:
    """Lightweight Python steps, and other engines that do the same."""
    pipeline = python_chain(PYTHON_STEPS)
    with Up(folder) as mesh:
        ours = measure_python(mesh, pipeline)
    table.add(f"{PYTHON_STEPS}-step chain of lightweight Python, warm", ours, "s", at_most=1.6)
    alone = measure_local(pipeline, folder, use_venv=False)
    table.beside("kfp.local, one environment for all", alone, "s", ours)
    venvs = measure_local(pipeline, folder, use_venv=True)
    table.beside("kfp.local, an environment a step", venvs, "s", ours)
    for engine in ENGINES:
        what = f"{engine.name}, {engine.remark}"
        try:
            table.beside(what, engine.measure(environment_of(engine), folder, PYTHON_STEPS), "s", ours)
        except (RuntimeError, subprocess.TimeoutExpired) as err:
            table.absent(what, f"{engine.requirements[0]} could not be installed or run: {err}")


def loop(folder: pathlib.Path, table: Table) -> None:
    """One run of many steps."""
    with Up(folder) as mesh:
        found = measure_loop(mesh, LOOP_ITEMS)
    what = f"loop over {LOOP_ITEMS:,} items of `true`"
    table.add(f"{what}, steps", found.tasks_per_second, "/s", at_least=400)
    floor = measure_xargs(LOOP_ITEMS)
    table.beside("xargs of as many, one a processor", floor, "/s", found.tasks_per_second, rate=True)
    table.add("  peak memory of kfmesh", found.peak_megabytes, "MB", at_most=400)
    table.add("  processor time of kfmesh, a step", found.cpu_milliseconds, "ms", at_most=2)
    table.add("  get_run of it by the kfp client", found.get_seconds, "s")


def fleet(folder: pathlib.Path, table: Table) -> None:
    """Many short runs."""
    with Up(folder) as mesh:
        found = measure_fleet(mesh, FLEET_RUNS)
    what = f"{FLEET_RUNS:,} runs of 3 steps, 16 clients"
    table.add(f"{what}, runs finished", found.runs_per_second, "/s", at_least=100)
    table.add("  memory of kfmesh after them", found.resident_megabytes, "MB", at_most=200)
    table.add("  processor time of kfmesh, a run", found.cpu_milliseconds, "ms")
    table.add("  growth of the data directory, a run", found.growth_bytes / 1000, "kB")


def lists(folder: pathlib.Path, table: Table) -> None:
    """Lists of runs out of a large archive."""
    with Up(folder) as mesh:
        fill_archive(mesh, ARCHIVED_RUNS)
        for listing in LISTINGS:
            took = measure_listing(mesh, listing, ARCHIVED_RUNS)
            table.add(f"50 of {ARCHIVED_RUNS:,} runs over HTTP, p95: {listing.what}", took, "ms", at_most=20)


def lineage(folder: pathlib.Path, table: Table) -> None:
    """Walks in a large graph."""
    with Up(folder) as mesh:
        artifact = fill_lineage(mesh, EDGES)
        took, floor, reached = measure_lineage(mesh, artifact)
    what = f"lineage over HTTP, {HOPS} executions up and down among {EDGES:,} edges, median"
    table.add(f"{what}, {reached} reached", took, "ms", at_most=MILLISECONDS)
    table.beside("reading the artifact alone", floor, "ms", took)


def training(folder: pathlib.Path, table: Table) -> None:
    """Training jobs of many replicas, and many training jobs."""
    with Up(folder) as mesh:
        ours, bare = measure_submit(mesh, folder)
        table.add(f"training job of {REPLICAS} replicas, to the last one running", ours, "ms")
        table.beside(f"{REPLICAS} processes alone", bare, "ms", ours)
        table.add("  what kfmesh adds", ours - bare, "ms", at_most=100)
        rate, cost = measure_accepted(mesh, JOBS)
        table.add("training jobs accepted, 16 clients", rate, "/s", at_least=300)
        table.add("  processor time of kfmesh, a job", cost, "ms")


def jobs(folder: pathlib.Path, table: Table) -> None:
    """Many training jobs that have ended."""
    found = measure_ended(folder, ENDED_JOBS)
    what = f"{ENDED_JOBS:,} training jobs in the archive"
    table.add(f"{what}: start, to ready", found.seconds_to_ready, "s", at_most=1.5)
    table.add("  idle memory", found.megabytes, "MB", at_most=160)
    table.add(ANONYMOUS, found.anonymous_megabytes, "MB", at_most=60)
    table.add("  memory at rest of the process that has made them", found.megabytes_before, "MB")
    table.add(
        "  a page of 500 by Kubernetes' path, 95th percentile", found.page_milliseconds, "ms", at_most=250
    )
    table.add("  `kfmesh get jobs`", found.command_seconds, "s", at_most=5)


MEASUREMENTS: dict[str, Measurement] = {
    "start": start,
    "chain": chain,
    "python": python,
    "loop": loop,
    "fleet": fleet,
    "lists": lists,
    "lineage": lineage,
    "training": training,
    "jobs": jobs,
    "nodes": measure_nodes,
    "placement": measure_placement,
    "tracking": measure_tracking,
}


class Up:
    """A kfmesh of a measurement's own."""

    def __init__(self, folder: pathlib.Path):
        """Below a folder; nothing starts yet."""
        self.mesh = OneProcess(folder / "kfmesh")

    def __enter__(self) -> OneProcess:
        """Start."""
        return self.mesh.start()

    def __exit__(self, *_) -> None:
        """Stop."""
        self.mesh.stop()

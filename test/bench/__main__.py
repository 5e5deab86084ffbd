"""Measure what kfmesh costs: start, memory, overhead a step. Print a table, the machine beside it."""

import argparse
import pathlib
import sys
import tempfile

from chains import measure_noop, measure_python, noop_chain, python_chain
from harness.mesh import OneProcess
from local import measure_local
from machine import describe
from startup import measure_idle_memory, measure_start
from table import Table


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "--skip-venv", action="store_true", help="leave out kfp.local with an environment a step (minutes)"
    )
    options = parser.parse_args()
    print(describe(), flush=True)
    table = Table()
    with tempfile.TemporaryDirectory(prefix="kfmesh-bench-") as folder:
        root = pathlib.Path(folder)
        table.add("kfmesh up, empty data directory, to ready", measure_start(root), "s", target=1.0)
        mesh = OneProcess(root / "chains").start()
        try:
            table.add("idle memory of kfmesh up", measure_idle_memory(mesh), "MB", target=120)
            noop, bare = measure_noop(mesh, noop_chain(100))
            table.add("100-step chain of `true`, a step", noop, "ms", target=5)
            table.add("  beside fork and exec of `true` alone", bare, "ms", base=noop)
            chain = python_chain(20)
            kfmesh = measure_python(mesh, chain)
            table.add("20-step chain of lightweight Python, warm", kfmesh, "s", target=2.0)
        finally:
            mesh.stop()
        table.add(
            "  kfp.local, one environment for all",
            measure_local(chain, root, use_venv=False),
            "s",
            base=kfmesh,
        )
        if not options.skip_venv:
            table.add(
                "  kfp.local, an environment a step",
                measure_local(chain, root, use_venv=True),
                "s",
                base=kfmesh,
            )
    print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())

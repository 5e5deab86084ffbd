"""A corpus: other people's files, each tried on a kfmesh and answered with a verdict.

KFMESH_CORPUS names the folder, or one above it with a folder for each sort of file.
"""

import argparse
import concurrent.futures
import os
import pathlib
from collections.abc import Callable, Iterable
from typing import Protocol

VERDICTS = ("passed", "failed", "skipped")


class Result(Protocol):
    """How one thing fared; its string is one line."""

    verdict: str


def files(program: str, sort: str, about: str) -> tuple[pathlib.Path, list[pathlib.Path]]:
    """The folder of the corpus and the files that the command line asks for."""
    parser = argparse.ArgumentParser(prog=program, description=about)
    parser.add_argument("only", nargs="*", help="parts of file names; default: every file")
    only = parser.parse_args().only
    named = os.environ.get("KFMESH_CORPUS")
    if not named:
        parser.error(f"there is no corpus: set KFMESH_CORPUS to a folder of files, or one with {sort}/ in it")
    folder = next((p for p in (pathlib.Path(named, sort), pathlib.Path(named)) if p.is_dir()), None)
    if folder is None:
        parser.error(f"KFMESH_CORPUS: {named} is no folder")
    found = sorted(f for f in folder.rglob("*.y*ml") if not only or any(o in str(f) for o in only))
    if not found:
        parser.error(
            f"no YAML file below {folder}" + (f" has {' or '.join(only)} in its name" if only else "")
        )
    return folder, found


def check_all(check: Callable[..., list[Result]], things: Iterable[tuple], workers: int) -> list[Result]:
    """Check all things, a few at a time, and print each result as it comes."""
    results = []
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        for future in concurrent.futures.as_completed([pool.submit(check, *thing) for thing in things]):
            found = future.result()
            print(*found, sep="\n", flush=True)
            results += found
    return results


def summary(results: list[Result]) -> int:
    """Print how many passed, and return the exit status."""
    counts = {v: sum(r.verdict == v for r in results) for v in VERDICTS}
    print(", ".join(f"{count} {verdict}" for verdict, count in counts.items()))
    return 1 if counts["failed"] or not counts["passed"] else 0

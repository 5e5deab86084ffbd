"""Lists of runs when the archive is large."""

import subprocess
import time
from dataclasses import dataclass

from client import Client, matching
from harness.mesh import OneProcess
from harness.process import BIN

PAGE = 50
TIMES = 40


@dataclass(frozen=True)
class Listing:
    """A way to list."""

    what: str
    parameters: dict[str, str]


LISTINGS = [
    Listing("newest first", {"sort_by": "created_at desc"}),
    Listing(
        "of a state, newest first", {"sort_by": "created_at desc", "filter": matching("state", "FAILED")}
    ),
    Listing("of a state, by name", {"sort_by": "display_name", "filter": matching("state", "FAILED")}),
    Listing(
        "not put away, by end",
        {"sort_by": "finished_at desc", "filter": matching("storage_state", "AVAILABLE")},
    ),
    Listing(
        "with a part of a name, newest first",
        {"sort_by": "created_at desc", "filter": matching("display_name", "train-77", "IS_SUBSTRING")},
    ),
]


def fill_archive(mesh: OneProcess, runs: int) -> None:
    """Put finished runs into the archive, as the pipeline service does."""
    subprocess.run(
        [BIN / "test" / "fill-archive", f"--address={mesh.grpc_address}", f"--runs={runs}"], check=True
    )


def measure_listing(mesh: OneProcess, listing: Listing, runs: int) -> float:
    """95th percentile of the milliseconds of a page, from one page to the next."""
    client = Client(mesh)
    taken = []
    token = ""
    for _ in range(TIMES):
        started = time.perf_counter()
        page = client.list(page_size=PAGE, page_token=token, **listing.parameters)
        taken.append((time.perf_counter() - started) * 1000)
        token = page.get("next_page_token", "")  # none on the last page: then from the first again
        assert not token or len(page["runs"]) == PAGE, f"a page has {len(page['runs'])} runs"
        assert page["total_size"] <= runs, f"{page['total_size']} of {runs} runs are in the list"
    return sorted(taken)[int(len(taken) * 0.95)]

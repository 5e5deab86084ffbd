"""Measure what kfmesh costs, each measure beside its floor or its peers, and print a table."""

import argparse
import os
import pathlib
import sys
import tempfile

from machine import describe
from measurements import MEASUREMENTS
from table import Table


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "--only", nargs="+", choices=MEASUREMENTS, default=list(MEASUREMENTS), help="what to measure"
    )
    options = parser.parse_args()
    print(describe(), flush=True)
    table = Table()
    for name in options.only:
        os.sync()  # what was built or measured before is not written to disk while this is measured
        with tempfile.TemporaryDirectory(prefix=f"kfmesh-bench-{name}-") as folder:
            MEASUREMENTS[name](pathlib.Path(folder), table)
    print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""make chaos: kill -9 of kfmesh while hundreds of runs are in flight. Nothing may be lost or happen twice."""

import argparse
import pathlib
import random
import shutil
import sys
import tempfile

from chaos.storm import Options, Storm
from chaos.victims import VICTIMS


def main() -> int:
    """Let a storm pass over each shape that was asked for."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument(
        "--seed", type=int, default=random.randrange(10**6), help="what is run and when is killed"
    )
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--jobs", type=int, default=30, help="training jobs, beside the runs")
    parser.add_argument(
        "--seconds", type=float, default=120, help="how long kfmesh is killed again and again"
    )
    parser.add_argument("--shape", choices=[*VICTIMS, "all"], default="all")
    options = parser.parse_args()
    shapes = list(VICTIMS) if options.shape == "all" else [options.shape]
    return max(storm(shape, given(shape, options)) for shape in shapes)


def given(shape: str, options: argparse.Namespace) -> Options:
    """The storm for a shape: runs do not bear the loss of nodes."""
    runs = 0 if VICTIMS[shape].loses else options.runs
    return Options(options.seed, runs, options.seconds, options.jobs)


def storm(shape: str, options: Options) -> int:
    """Let one storm pass, say what it found, and keep what it left if that is wrong."""
    size = f"{options.runs} runs, {options.jobs} jobs, {options.seconds:g} s of kills"
    print(f"{shape}: seed {options.seed}, {size}", flush=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix=f"kfmesh-chaos-{shape}-"))
    report = Storm(VICTIMS[shape](folder), folder, options, lambda line: print(line, flush=True)).run()
    print(report, flush=True)
    if report.wrong:
        again = f"--shape {shape} --seed {options.seed} --runs {options.runs} --jobs {options.jobs}"
        again += f" --seconds {options.seconds:g}"
        print(f"all of it is left in {folder}; again with: make chaos ARGS='{again}'")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())

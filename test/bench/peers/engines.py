"""Install other engines, and have them run the chain."""

import dataclasses
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Callable

PIP_SECONDS = 600
RUN_SECONDS = 600
HERE = pathlib.Path(__file__).parent


@dataclasses.dataclass(frozen=True)
class Engine:
    """Another engine, and how long it takes for a chain of that many steps."""

    name: str
    requirements: tuple[str, ...]  # the engine itself first
    remark: str  # what is not alike
    measure: Callable[[pathlib.Path, pathlib.Path, int], float]


def environment_of(engine: Engine) -> pathlib.Path:
    """The Python of an environment that has the engine; made once and kept for later benchmarks."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache"))
    folder = cache / "kfmesh" / "bench" / engine.requirements[0].replace("==", "-")
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        run([sys.executable, "-m", "venv", "--clear", folder], PIP_SECONDS)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries=1"]
        run([*pip, *engine.requirements], PIP_SECONDS)
        (folder / "ready").touch()
    return python


def run(command: list, seconds: float, **options) -> str:
    """Run a program and return what it printed; a failure says what it complained of."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False, **options)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "nothing").splitlines()[-1]
        raise RuntimeError(f"{pathlib.Path(command[0]).name} ended {done.returncode}: {last}")
    return done.stdout


def measure_prefect(python: pathlib.Path, folder: pathlib.Path, steps: int) -> float:
    """Seconds of a warm run, as the flow's own process counts them."""
    settings = {
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_LOGGING_LEVEL": "ERROR",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "DO_NOT_TRACK": "1",
    }
    chain = HERE / "prefect_chain.py"
    said = run([python, chain, str(steps)], RUN_SECONDS, env=os.environ | settings, cwd=folder)
    return float(said.split()[-1])


def measure_metaflow(python: pathlib.Path, folder: pathlib.Path, steps: int) -> float:
    """Seconds of a second run, its process's start among them: Metaflow starts one for each step."""
    flow = folder / "metaflow_chain.py"
    flow.write_text(metaflow_source(steps))
    settings = {"METAFLOW_HOME": str(folder), "USERNAME": "bench", "METAFLOW_USER": "bench"}
    for _ in range(2):
        started = time.monotonic()
        run(
            [python, flow, "--quiet", "--no-pylint", "run"],
            RUN_SECONDS,
            env=os.environ | settings,
            cwd=folder,
        )
        took = time.monotonic() - started
    return took


def metaflow_source(steps: int) -> str:
    """A flow of that many steps. Metaflow reads the graph from the source, so it has to be written out."""
    names = ["start", *(f"add_{i}" for i in range(2, steps)), "end"]
    lines = ["from metaflow import FlowSpec, step", "", "", "class Chain(FlowSpec):"]
    for i, name in enumerate(names):
        before = "1" if i == 0 else "self.number"
        lines += ["    @step", f"    def {name}(self):", f"        self.number = {before} + 1"]
        if i + 1 < len(names):
            lines.append(f"        self.next(self.{names[i + 1]})")
        lines.append("")
    return "\n".join([*lines, "", 'if __name__ == "__main__":', "    Chain()", ""])


ENGINES = [
    # Prefect 3.8.8 does not start with later releases of FastAPI.
    Engine("Prefect", ("prefect==3.8.8", "fastapi<0.140"), "steps in one process", measure_prefect),
    Engine("Metaflow", ("metaflow==2.19.39",), "a process a step", measure_metaflow),
]

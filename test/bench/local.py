"""The same pipeline under kfp.local, in this process, as its users run it."""

import contextlib
import io
import logging
import os
import pathlib
import sys
import time

from kfp import local


def measure_local(pipeline, folder: pathlib.Path, *, use_venv: bool) -> float:
    """Seconds of one run of a pipeline function under kfp.local's SubprocessRunner."""
    local.init(
        local.SubprocessRunner(use_venv=use_venv),
        pipeline_root=str(folder / f"local-{use_venv}"),
        enable_caching=False,
    )
    # Without environments of its own it runs whatever python3 is first on PATH.
    os.environ["PATH"] = f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    logging.disable(logging.CRITICAL)
    started = time.monotonic()
    with contextlib.redirect_stdout(io.StringIO()):
        pipeline()
    return time.monotonic() - started

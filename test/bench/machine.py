"""The machine that the numbers belong to."""

import os
import pathlib
import platform
import shutil
import tempfile


def describe() -> str:
    """One line: processor, cores, memory, kernel, file system, Python, load."""
    processor = next(
        (
            line.split(":")[1].strip()
            for line in read("/proc/cpuinfo").splitlines()
            if line.startswith("model name")
        ),
        platform.processor() or "unknown processor",
    )
    memory = int(read("/proc/meminfo").split()[1]) / 2**20
    free = shutil.disk_usage(tempfile.gettempdir()).free / 2**30
    load = os.getloadavg()[0]
    disk = f"{file_system(tempfile.gettempdir())} with {free:.0f} GiB free"
    return (
        f"{processor}, {os.cpu_count()} cores, {memory:.0f} GiB memory, Linux {platform.release()}, "
        f"{disk}, Python {platform.python_version()}, load {load:.1f}"
    )


def read(path: str) -> str:
    """Content of a file below /proc."""
    return pathlib.Path(path).read_text()


def file_system(path: str) -> str:
    """Type of the file system that holds a path."""
    mounts = [line.split()[1:3] for line in read("/proc/mounts").splitlines()]
    return max((m for m in mounts if path.startswith(m[0])), key=lambda m: len(m[0]))[1]

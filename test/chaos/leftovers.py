"""What kfmesh has left behind of workloads that are gone."""

import contextlib
import os
import pathlib
import time

GONE_WITHIN_SECONDS = 60
AGAIN_SECONDS = 0.5


def leftovers(folder: pathlib.Path, groups: set[str]) -> list[str]:
    """Say what is still there, once it had time to go, of kfmeshes below a folder, and control groups."""
    deadline = time.monotonic() + GONE_WITHIN_SECONDS
    while True:
        left = [
            *(f"a process is left: {what}" for what in _processes(folder)),
            *(f"a directory is left: {path}" for path in _directories(folder)),
            *(f"a mount is left: {where}" for where in _mounts(folder)),
            *(f"a control group is left: {path}" for path in _groups(groups)),
        ]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(AGAIN_SECONDS)


def _processes(folder: pathlib.Path) -> list[str]:
    """Processes of attempts whose journals are below the folder."""
    mark, found = f"KFMESH_EPOCH={folder}".encode(), []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended
            if any(word.startswith(mark) for word in (process / "environ").read_bytes().split(b"\0")):
                said = (process / "cmdline").read_bytes().replace(b"\0", b" ")
                found.append(f"{process.name} {said[:100].decode(errors='replace')}")
    return found


def _directories(folder: pathlib.Path) -> list[pathlib.Path]:
    """Directories of replicas, and files that they kept, on every node and in the object store."""
    return [
        *(
            place / name
            for place, folders, _ in _walk(folder)
            if place.name == "workloads"
            for name in folders
        ),
        *(place / name for place, _, files in _walk(folder) if "kept" in place.parts for name in files),
    ]


def _walk(folder: pathlib.Path):
    """Go through the directories below a folder, with their names; what goes meanwhile is passed over."""
    for place, folders, files in os.walk(folder):
        yield pathlib.Path(place), folders, files


def _mounts(folder: pathlib.Path) -> list[str]:
    lines = pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
    return [line.split()[4] for line in lines if line.split()[4].startswith(f"{folder}/")]


def _groups(names: set[str]) -> list[pathlib.Path]:
    return [
        place / name
        for place, folders, _ in _walk(pathlib.Path("/sys/fs/cgroup"))
        for name in folders
        if name in names
    ]

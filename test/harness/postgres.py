"""A PostgreSQL server of a test's own, which the test may kill."""

import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import subprocess

from harness.process import until


class Postgres:
    """A server with a folder and a socket of its own; its programs are on PATH or in Debian's place."""

    def __init__(self, folder: pathlib.Path):
        """Make an empty cluster; nothing runs yet."""
        self.programs = programs()
        self.folder = folder
        folder.mkdir(parents=True)
        self.data = folder / "data"
        # The server refuses to run as root.
        self.owner = "nobody" if os.getuid() == 0 else None
        if self.owner:
            reach(folder)
            shutil.chown(folder, self.owner)
        self._run("initdb", "-D", self.data, "-U", "kfmesh", "--auth=trust")

    def start(self) -> "Postgres":
        """Start, and return when it takes connections."""
        command = [self.programs / "postgres", "-D", self.data, "-k", self.folder, "-c", "listen_addresses="]
        with (self.folder / "server.log").open("ab") as log:
            self.server = subprocess.Popen(
                command, cwd=self.folder, user=self.owner, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        ready = [self.programs / "pg_isready", "-q", "-h", self.folder]
        until("PostgreSQL to take connections", lambda: subprocess.run(ready, check=False).returncode == 0)
        return self

    @property
    def url(self) -> str:
        """URL of its database."""
        return f"postgres:///postgres?host={self.folder}&user=kfmesh"

    def disconnect(self) -> None:
        """End every session of its clients."""
        ends = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        self._run("psql", "-h", self.folder, "-U", "kfmesh", "-c", ends, "postgres")

    def kill(self) -> None:
        """End the server and all its processes at once, as kill -9 does."""
        family = [self.server.pid, *children(self.server.pid)]
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.server.wait()
        until("PostgreSQL to be gone", lambda: not any(alive(pid) for pid in family))

    def stop(self) -> None:
        """Stop, whatever is under way."""
        self.server.send_signal(signal.SIGQUIT)
        self.server.wait()

    def _run(self, program: str, *arguments) -> None:
        """Run one of its programs."""
        command = [self.programs / program, *arguments]
        subprocess.run(command, cwd=self.folder, user=self.owner, capture_output=True, check=True)


def programs() -> pathlib.Path:
    """Where the server's programs are."""
    found = shutil.which("initdb")
    folders = [pathlib.Path(found).resolve().parent] if found else []
    folders += sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
    for folder in folders:
        if (folder / "initdb").exists():
            return folder
    raise FileNotFoundError("PostgreSQL was not found: install it (Debian: apt-get install postgresql)")


def reach(folder: pathlib.Path) -> None:
    """Let others pass through the folders above one, which pytest closes to them."""
    for above in folder.parents:
        if above.owner() != pwd.getpwuid(os.getuid()).pw_name or above.stat().st_mode & 0o001:
            continue
        above.chmod(above.stat().st_mode | 0o011)


def children(pid: int) -> list[int]:
    """The processes that a process started and that still run."""
    listed = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in listed.split()]


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not waited for does not."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False

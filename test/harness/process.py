"""Processes of a test: started with their output in a file, ended for certain."""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = ROOT / "bin"


class Process:
    """A running program whose output goes to a file."""

    def __init__(self, command: Sequence[str | pathlib.Path], log: pathlib.Path, env: Mapping[str, str]):
        """Start the command with nothing but env as its environment."""
        self.log = log
        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=dict(env)
            )
        self.pid = self._popen.pid

    @property
    def exit_status(self) -> int | None:
        """The exit status, or None while it runs."""
        return self._popen.poll()

    def output(self) -> str:
        """All it has written so far."""
        return self.log.read_text(errors="replace")

    def kill(self) -> None:
        """End it as a power cut would: SIGKILL to the process, and nothing to its children."""
        self._popen.kill()
        self._popen.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._popen.send_signal(number)

    def stop(self, within_seconds: float = 30) -> int:
        """Ask it to end with SIGTERM and return its exit status; kill it when it does not listen."""
        if self._popen.poll() is None:
            self._popen.send_signal(signal.SIGTERM)
        try:
            return self._popen.wait(within_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def wait(self, within_seconds: float) -> int:
        """Return the exit status of a process that should end by itself."""
        return self._popen.wait(within_seconds)

    def resident_bytes(self) -> int:
        """Resident memory."""
        return self._memory("VmRSS")

    def anonymous_bytes(self) -> int:
        """Resident memory that is no page of a file, which the kernel drops when it needs room."""
        return self._memory("RssAnon")

    def peak_bytes(self) -> int:
        """Resident memory when it was largest."""
        return self._memory("VmHWM")

    def _memory(self, what: str) -> int:
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(f"{what}:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError(f"process {self.pid} has no {what}")

    def cpu_seconds(self) -> float:
        """Processor time it has used itself, in user and system mode."""
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def processes() -> list[tuple[int, int, str]]:
    """Process id, parent and name, cut to 15 characters as the kernel has it, of all that run."""
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended
            before, _, after = stat.read_text().rpartition(")")
            state, parent = after.split()[:2]
            if state != "Z":
                found.append((int(stat.parent.name), int(parent), before.partition("(")[2]))
    return found


def environment(**variables: str) -> dict[str, str]:
    """This process's environment with its Python first on PATH, and without the user's own KFMESH_*.

    Steps are processes unless a test says otherwise, whether or not this machine has a container engine.
    """
    env = {k: v for k, v in os.environ.items() if not k.startswith("KFMESH_")}
    env["PATH"] = f"{pathlib.Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    env["KFMESH_RUNTIME"] = "process"
    return env | variables


def free_ports(count: int) -> list[int]:
    """Return ports of 127.0.0.1 that nothing listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for listener in sockets:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in sockets]


def until(
    what: str, condition: Callable[[], object], within_seconds: float = 60, every_seconds: float = 0.02
):
    """Return the condition's first true value; fail with what it waited for when time is up."""
    deadline = time.monotonic() + within_seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {within_seconds} s in vain for {what}; last saw {value!r}")
        time.sleep(every_seconds)


def answers(url: str) -> bool:
    """Tell whether a URL answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        return False

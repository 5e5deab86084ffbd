"""What is killed: all of kfmesh, one service of many, or one machine of some."""

import abc
import contextlib
import os
import pathlib
import random
import signal
import time

from harness.mesh import Mesh, OneProcess
from harness.nodes import LEASE_SECONDS, Head, Node
from harness.split import SERVICES, Split


class Victim(abc.ABC):
    """A kfmesh that can be struck."""

    mesh: Mesh
    loses = False  # whether nodes are lost, and what they ran is run again elsewhere

    @abc.abstractmethod
    def strike(self, rng: random.Random) -> str:
        """Kill something, start it again, and say what it was."""

    def end(self) -> None:  # noqa: B027
        """Stop what the victim has started beside the mesh: nothing, as a rule."""


FORK_SERVERS = 0.25  # how often one of them is killed, rather than what has started it


def kill_fork_server(folder: pathlib.Path, rng: random.Random) -> bool:
    """Kill a process below a folder that components are forked from, if there is one."""
    wanted, servers = str(folder).encode(), []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended
            command = (process / "cmdline").read_bytes()  # which its forks have too
            serves = os.readlink(process / "fd" / "1") == os.devnull and (process / "fd" / "3").is_socket()
            if b"forkserver" in command and wanted in command and serves:
                servers.append(int(process.name))
    if servers:
        with contextlib.suppress(ProcessLookupError):
            os.kill(rng.choice(servers), signal.SIGKILL)
    return bool(servers)


class Whole(Victim):
    """`kfmesh up`, which is killed as one."""

    def __init__(self, folder: pathlib.Path):
        """Nothing starts yet."""
        self.mesh = OneProcess(folder)

    def strike(self, rng: random.Random) -> str:
        """Kill the process, and return when its successor is ready; or what components are forked from."""
        if rng.random() < FORK_SERVERS and kill_fork_server(self.mesh.folder, rng):
            return "fork server"
        self.mesh.kill()
        self.mesh.start()
        return "kfmesh up"


class Services(Victim):
    """A process a service, one of which is killed at a time."""

    def __init__(self, folder: pathlib.Path):
        """Nothing starts yet."""
        self.mesh = Split(folder)

    def strike(self, rng: random.Random) -> str:
        """Kill one service; the next strike does not wait until it is back."""
        service = rng.choice(SERVICES)
        self.mesh.restart(service)
        return service


class Machines(Victim):
    """A head and two machines that have joined it, one of which is killed at a time.

    The head has room for two steps, so that most run on the others. What is killed is back
    before its lease has ended: then nothing may be lost, nor be done again.
    """

    def __init__(self, folder: pathlib.Path, lease_seconds: int = 120):
        """Nothing starts yet."""
        lease = f"--node-lease={lease_seconds}s"
        self.mesh = self.head = Head(folder, "--max-workloads=2", lease)
        self.nodes = [Node(self.head, number, lease) for number in (2, 3)]
        self.started = False

    def strike(self, rng: random.Random) -> str:
        """Kill one of them, and return when its successor is ready."""
        self._start()
        struck = rng.choice([self.head, *self.nodes])
        struck.kill()
        struck.start()
        return "head" if struck is self.head else "agent"

    def _start(self) -> None:
        """Start the machines, once: the head is started, by now."""
        if not self.started:
            self.started = True
            for node in self.nodes:
                node.start()

    def end(self) -> None:
        """Stop the machines; the head is stopped by who started it."""
        for node in self.nodes if self.started else []:
            node.process.stop()


class Losses(Machines):
    """A head and two machines that are gone for longer than their leases, or stand still.

    What they ran is run elsewhere, and must not run twice at once. Only jobs are made to bear that.
    """

    loses = True

    def __init__(self, folder: pathlib.Path):
        """Nothing starts yet."""
        super().__init__(folder, LEASE_SECONDS)

    def strike(self, rng: random.Random) -> str:
        """Have one of them be away, or stand still, for up to two leases."""
        self._start()
        node, away = rng.choice(self.nodes), rng.uniform(0, 2 * LEASE_SECONDS)
        how = rng.choice(("killed", "stopped", "stopped with its supervisors"))
        if how == "killed":
            node.kill()
            time.sleep(away)
            node.start()
            return f"agent, {how}"
        stopped = [node.process.pid, *(node.supervisors() if how != "stopped" else [])]
        for pid, number in [(pid, n) for n in (signal.SIGSTOP, signal.SIGCONT) for pid in stopped]:
            if number == signal.SIGCONT and pid == stopped[0]:
                time.sleep(away)
            with contextlib.suppress(ProcessLookupError):  # it has ended, or the kernel has killed it
                os.kill(pid, number)
        return f"agent, {how}"


VICTIMS = {"up": Whole, "split": Services, "nodes": Machines, "losses": Losses}

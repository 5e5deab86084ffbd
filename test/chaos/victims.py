"""What is killed: all of kfmesh, one service of many, or one machine of some."""

import abc
import pathlib
import random

from harness.mesh import Mesh, OneProcess
from harness.nodes import Head, Node
from harness.split import SERVICES, Split


class Victim(abc.ABC):
    """A kfmesh that can be struck."""

    mesh: Mesh

    @abc.abstractmethod
    def strike(self, rng: random.Random) -> str:
        """Kill something, start it again, and say what it was."""

    def end(self) -> None:  # noqa: B027
        """Stop what the victim has started beside the mesh: nothing, as a rule."""


class Whole(Victim):
    """`kfmesh up`, which is killed as one."""

    def __init__(self, folder: pathlib.Path):
        """Nothing starts yet."""
        self.mesh = OneProcess(folder)

    def strike(self, rng: random.Random) -> str:
        """Kill the process, and return when its successor is ready."""
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

    def __init__(self, folder: pathlib.Path):
        """Nothing starts yet."""
        lease = "--node-lease=120s"
        self.mesh = self.head = Head(folder, "--max-workloads=2", lease)
        self.nodes = [Node(self.head, number, lease) for number in (2, 3)]
        self.started = False

    def strike(self, rng: random.Random) -> str:
        """Kill one of them, and return when its successor is ready."""
        if not self.started:  # the head is, by now
            self.started = True
            for node in self.nodes:
                node.start()
        struck = rng.choice([self.head, *self.nodes])
        struck.kill()
        struck.start()
        return "head" if struck is self.head else "agent"

    def end(self) -> None:
        """Stop the machines; the head is stopped by who started it."""
        for node in self.nodes if self.started else []:
            node.process.stop()


VICTIMS = {"up": Whole, "split": Services, "nodes": Machines}

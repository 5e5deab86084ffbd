"""What is killed: all of kfmesh, or one service of many."""

import abc
import pathlib
import random

from harness.mesh import Mesh, OneProcess
from harness.split import SERVICES, Split


class Victim(abc.ABC):
    """A kfmesh that can be struck."""

    mesh: Mesh

    @abc.abstractmethod
    def strike(self, rng: random.Random) -> str:
        """Kill something, start it again, and say what it was."""


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


VICTIMS = {"up": Whole, "split": Services}

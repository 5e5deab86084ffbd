"""Machines that join a kfmesh: as processes of this one, each at an address of its own."""

import contextlib
import json
import pathlib
import signal
import socket
import subprocess
import threading

from harness.mesh import Mesh, OneProcess
from harness.network import Machine
from harness.process import BIN, Process, environment, free_ports, processes, until
from harness.split import Split

LEASE_SECONDS = 3


class Joinable(Mesh):
    """A kfmesh that others may join at its door, in either shape."""

    door: str
    artifacts: pathlib.Path  # where it keeps objects

    def cli(self, *arguments: str) -> str:
        """Run a command of the CLI against it and return what it prints."""
        command = [BIN / "kfmesh", *arguments]
        env = environment(KFMESH_SERVER=self.grpc_address)
        return subprocess.run(command, env=env, check=True, capture_output=True, text=True, timeout=60).stdout

    def workloads(self) -> list[dict]:
        """What there is to run, the newest first."""
        return json.loads(self.cli("get", "workloads", "-o", "json"))["items"]

    def nodes(self) -> list[str]:
        """The names of the nodes that are there."""
        listed = json.loads(self.cli("get", "nodes", "-o", "json"))
        return sorted(node["metadata"]["name"] for node in listed["items"])


class Head(OneProcess, Joinable):
    """A `kfmesh up` that others may join."""

    def __init__(self, folder: pathlib.Path, *flags: str):
        """Nothing starts yet."""
        (port,) = free_ports(1)
        self.door = f"127.0.0.1:{port}"
        super().__init__(
            folder, f"--mesh-addr={self.door}", "--node-name=head", "--node-host=127.0.0.1", *flags
        )
        self.artifacts = self.data_dir / "blobs"


class FarHead(Head):
    """A `kfmesh up` on a machine of a network of its own."""

    def __init__(self, folder: pathlib.Path, machine: Machine, *flags: str):
        """Nothing starts yet."""
        super().__init__(folder, *flags)
        for name in ("door", "http_address", "grpc_address"):
            setattr(self, name, getattr(self, name).replace("127.0.0.1", machine.address))
        self.url = f"http://{self.http_address}"
        self.machine = machine

    def command(self) -> list[str]:
        """What is run: within the machine, whose addresses are its own."""
        said = [word.replace("127.0.0.1", self.machine.address) for word in super().command()]
        return [*self.machine.within, *said]


class SplitHead(Split, Joinable):
    """kfmesh as separate binaries, whose gpuagent others may join."""

    def __init__(self, folder: pathlib.Path):
        """Nothing starts yet."""
        (port,) = free_ports(1)
        self.door = f"127.0.0.1:{port}"
        super().__init__(
            folder, KFMESH_MESH_ADDR=self.door, KFMESH_NODE_NAME="head", KFMESH_NODE_HOST="127.0.0.1"
        )
        self.artifacts = self.folder / "blobs"


class Wire:
    """A wire to a door, which can be cut: connections end, and no other comes through."""

    def __init__(self, door: str):
        """It is there until it is cut."""
        host, _, port = door.rpartition(":")
        self._door = (host, int(port))
        self._ends: list[socket.socket] = []
        self._lock = threading.Lock()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Cut it for good."""
        with self._lock:
            self._server.shutdown(socket.SHUT_RDWR)  # close would let the accept that waits have one more
            self._server.close()
            for end in self._ends:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:  # it was cut
                return
            try:
                far = socket.create_connection(self._door)
            except OSError:  # the head is away, as if there were no wire
                near.close()
                continue
            with self._lock:
                self._ends += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    @staticmethod
    def _carry(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


class Node:
    """A machine that joins."""

    def __init__(self, head: Joinable, number: int, *flags: str, machine: Machine | None = None):
        """It is at 127.0.0.number, or on a machine of its own; nothing starts yet."""
        self.head = head
        self.wire = None if machine else Wire(head.door)  # a machine has a wire of its own
        self.name = f"node-{number}"
        self.folder = head.folder / self.name
        self.folder.mkdir()
        host = machine.address if machine else f"127.0.0.{number}"
        (port,) = free_ports(1)
        self.command = [
            *(machine.within if machine else []),
            BIN / "kfmesh",
            "agent",
            f"--join={self.wire.address if self.wire else head.door}",
            f"--node-name={self.name}",
            f"--node-host={host}",
            f"--listen={host}:{port}",
            f"--agent-dir={self.folder / 'agent'}",
            f"--node-lease={LEASE_SECONDS}s",
            *flags,
        ]
        self.token: list[str] = []

    def start(self) -> "Node":
        """Start it, with a token the first time, and return when the head knows it."""
        if not self.token:
            self.token = [f"--token={self.head.cli('token', 'create', '-q').strip()}"]
        command = [*self.command, *self.token]
        self.process = Process(command, self.folder / "agent.log", environment())
        until(f"{self.name} to join", lambda: self.name in self.head.nodes(), 60)
        return self

    def supervisors(self) -> list[int]:
        """Process ids of the supervisors that its agent has started."""
        return [
            pid
            for pid, parent, name in processes()
            if parent == self.process.pid and name == "kfmesh-supervis"
        ]

    def kill(self) -> None:
        """End its agent as kill -9 does; what the agent ran, its supervisors have."""
        self.process.kill()

    def freeze(self) -> None:
        """Have its agent stand still, as a machine does that has no time for it."""
        self.process.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Have its agent go on."""
        self.process.signal(signal.SIGCONT)

    def cut_off(self) -> None:
        """Cut it off from the head, which it never reaches again."""
        self.wire.cut()

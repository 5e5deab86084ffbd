"""kfmesh in its two shapes, behind one interface."""

import abc
import pathlib
import time

from harness.process import BIN, Process, answers, environment, free_ports, until

READY_WITHIN_SECONDS = 60


class Mesh(abc.ABC):
    """A kfmesh that tests talk to over the two outside ports."""

    def __init__(self, folder: pathlib.Path):
        """Everything is kept below folder; nothing starts yet."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        http_port, grpc_port = free_ports(2)
        self.http_address = f"127.0.0.1:{http_port}"
        self.grpc_address = f"127.0.0.1:{grpc_port}"
        self.url = f"http://{self.http_address}"
        self.seconds_to_ready = 0.0

    @abc.abstractmethod
    def launch(self) -> list[Process]:
        """Start the processes and return them, the first one to stop first."""

    def start(self) -> "Mesh":
        """Start, and return when it is ready."""
        started = time.monotonic()
        self.processes = self.launch()
        until("kfmesh to be ready", self._ready, READY_WITHIN_SECONDS, every_seconds=0.005)
        self.seconds_to_ready = time.monotonic() - started
        return self

    def _ready(self) -> bool:
        for process in self.processes:
            if process.exit_status is not None:
                raise AssertionError(
                    f"ended with exit status {process.exit_status}:\n{process.output()[-4000:]}"
                )
        return answers(f"{self.url}/readyz")

    def stop(self) -> list[int]:
        """Stop in good order and return the exit statuses."""
        return [process.stop() for process in self.processes]

    def kill(self) -> None:
        """End every process at once, as kill -9 does."""
        for process in self.processes:
            process.kill()


class OneProcess(Mesh):
    """`kfmesh up`."""

    def __init__(self, folder: pathlib.Path, *flags: str, **variables: str):
        """Flags and environment variables are added to what the harness needs."""
        super().__init__(folder)
        self.flags = flags
        self.variables = variables
        self.data_dir = folder / "data"

    def command(self) -> list[str]:
        """What is run."""
        addresses = [f"--http-addr={self.http_address}", f"--grpc-addr={self.grpc_address}"]
        return [str(BIN / "kfmesh"), "up", f"--data-dir={self.data_dir}", *addresses, *self.flags]

    def launch(self) -> list[Process]:
        """Start the one process."""
        return [Process(self.command(), self.folder / "kfmesh.log", environment(**self.variables))]

    @property
    def process(self) -> Process:
        """The one process."""
        return self.processes[0]

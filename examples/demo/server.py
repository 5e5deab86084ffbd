"""One kfmesh process of the demo's own."""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

READY_WITHIN_SECONDS = 30
STOP_WITHIN_SECONDS = 20


class ServerError(Exception):
    """kfmesh could not be started, or ended by itself."""


class Server:
    """``kfmesh up`` on ports and a data directory that are free."""

    def __init__(self, binary: pathlib.Path, data_dir: pathlib.Path):
        """Nothing starts yet."""
        self.binary = binary
        self.data_dir = data_dir
        self.log = data_dir / "demo.log"
        self.url = ""
        self.grpc_address = ""
        self.seconds_to_ready = 0.0
        self._process: subprocess.Popen | None = None

    def start(self, http_port: int, grpc_port: int) -> None:
        """Start the process and return once it is ready."""
        if not self.binary.exists():
            raise ServerError(f"{self.binary} is missing: `make build` makes it")
        self.data_dir.mkdir(parents=True, exist_ok=True)
        http_address = free_address(http_port)
        self.grpc_address = free_address(grpc_port)
        self.url = f"http://{http_address}"
        command = [self.binary, "up", f"--data-dir={self.data_dir}"]
        command += [f"--http-addr={http_address}", f"--grpc-addr={self.grpc_address}"]
        # The environment that make prepared has uv and a Python; steps find them on PATH.
        path = f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        started = time.monotonic()
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | {"PATH": path},
                start_new_session=True,  # Ctrl-C reaches the demo, which stops kfmesh in good order
            )
        self._wait_ready(started)
        self.seconds_to_ready = time.monotonic() - started

    def _wait_ready(self, started: float) -> None:
        while time.monotonic() - started < READY_WITHIN_SECONDS:
            if self._process.poll() is not None:
                raise ServerError(self._explain(f"kfmesh ended with exit status {self._process.returncode}"))
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=1):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.02)
        raise ServerError(self._explain(f"kfmesh was not ready within {READY_WITHIN_SECONDS} s"))

    def _explain(self, what: str) -> str:
        last_lines = self.log.read_text(errors="replace").splitlines()[-15:]
        return "\n  ".join([f"{what}; its last lines, from {self.log}:", *last_lines])

    def wait(self) -> None:
        """Return when the process has ended, which is an error unless stop was called."""
        status = self._process.wait()
        raise ServerError(self._explain(f"kfmesh ended with exit status {status}"))

    def stop(self) -> None:
        """End the process in good order, and by force if it does not listen."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def free_address(wanted_port: int) -> str:
    """Return a local address with the wanted port, or with a free one when it is taken."""
    for port in (wanted_port, 0):
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                print(f"port {wanted_port} is in use: taking another one")
                continue
            return f"127.0.0.1:{listener.getsockname()[1]}"
    raise ServerError("no free port on 127.0.0.1")

"""kfmesh as separate binaries over an external etcd, NATS, SQL database and blob URL."""

import os
import pathlib
import socket

from harness.mesh import Mesh
from harness.process import BIN, Process, environment, free_ports, until

SERVICES = ("metadata", "gpuagent", "pipeline", "training", "gateway")


class Split(Mesh):
    """One process a service, with servers of the test's own.

    The database is SQLite, or the PostgreSQL that KFMESH_TEST_POSTGRES names.
    """

    def __init__(self, folder: pathlib.Path, **variables: str):
        """Environment variables are added to what services have, or replace it; nothing starts yet."""
        super().__init__(folder)
        self.variables = variables
        names = ("etcd", "etcd-peer", "nats", *SERVICES)
        self.ports = dict(zip(names, free_ports(len(names)), strict=True))
        self.servers: list[Process] = []

    def launch(self) -> list[Process]:
        """Start etcd and NATS if they do not run yet, then every service."""
        if not self.servers:
            if missing := [
                f"bin/test/{n}" for n in ("etcd", "nats-server") if not (BIN / "test" / n).exists()
            ]:
                raise FileNotFoundError(f"build the servers first: make {' '.join(missing)}")
            self.servers = [self._etcd(), self._nats()]
            for name in ("etcd", "nats"):
                until(f"{name} to listen", lambda port=self.ports[name]: listens(port))
        return [self._service(name) for name in reversed(SERVICES)]

    def restart(self, name: str) -> None:
        """End one service as kill -9 does, and start it again."""
        place = SERVICES[::-1].index(name)
        self.processes[place].kill()
        self.processes[place] = self._service(name)

    def stop(self) -> list[int]:
        """Stop the services, then the servers."""
        statuses = super().stop()
        for server in self.servers:
            server.stop()
        self.servers = []
        return statuses

    def _address(self, name: str) -> str:
        return f"127.0.0.1:{self.ports[name]}"

    def _etcd(self) -> Process:
        client, peer = f"http://{self._address('etcd')}", f"http://{self._address('etcd-peer')}"
        command = [BIN / "test" / "etcd", f"--data-dir={self.folder / 'etcd'}", "--log-level=warn"]
        command += [f"--listen-client-urls={client}", f"--advertise-client-urls={client}"]
        command += [f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}"]
        command += [f"--initial-cluster=default={peer}"]
        return Process(command, self.folder / "etcd.log", environment())

    def _nats(self) -> Process:
        command = [BIN / "test" / "nats-server", "--jetstream", f"--store_dir={self.folder / 'nats'}"]
        command += ["--addr=127.0.0.1", f"--port={self.ports['nats']}"]
        return Process(command, self.folder / "nats.log", environment())

    def _service(self, name: str) -> Process:
        """Start one service; all are configured alike, through the environment."""
        env = environment(
            KFMESH_LISTEN=self._address(name),
            KFMESH_PEERS=",".join(f"{peer}={self._address(peer)}" for peer in SERVICES),
            KFMESH_ETCD_ENDPOINTS=self._address("etcd"),
            KFMESH_NATS_URL=f"nats://{self._address('nats')}",
            KFMESH_DATABASE_URL=self.database_url,
            KFMESH_BLOB_URL=f"file://{self.folder / 'blobs'}",
            KFMESH_AGENT_DIR=str(self.folder / "agent"),
            KFMESH_HTTP_ADDR=self.http_address,
            KFMESH_GRPC_ADDR=self.grpc_address,
            KFMESH_TRACKING_URI=self.url,
            KFMESH_TRAINING_URI=self.url,
        )
        return Process([BIN / f"kfmesh-{name}"], self.folder / f"{name}.log", env | self.variables)

    @property
    def database_url(self) -> str:
        """URL of the SQL database."""
        return os.environ.get("KFMESH_TEST_POSTGRES") or f"sqlite://{self.folder / 'metadata.db'}"


def listens(port: int) -> bool:
    """Tell whether something listens on a local port."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0

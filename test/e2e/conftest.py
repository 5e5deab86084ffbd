"""Fixtures: a kfmesh that many tests share, and ones that a test may break."""

import os
import subprocess

import pytest
from harness.api import Api
from harness.mesh import OneProcess
from harness.nodes import Head, Node
from harness.process import BIN, environment
from harness.split import Split


@pytest.fixture(scope="session")
def mesh(tmp_path_factory):
    """A kfmesh that all tests share; they leave it running."""
    # One process keeps SQLite; separate services take the PostgreSQL that is named.
    shape = Split if "KFMESH_TEST_POSTGRES" in os.environ else OneProcess
    shared = shape(tmp_path_factory.mktemp("shared"))
    try:
        yield shared.start()
    finally:
        shared.stop()


@pytest.fixture(scope="session")
def api(mesh) -> Api:
    """Clients of the shared kfmesh."""
    return Api(mesh)


@pytest.fixture
def own_mesh(tmp_path):
    """A kfmesh of the test's own, which it may kill and start again."""
    own = OneProcess(tmp_path / "own")
    try:
        yield own.start()
    finally:
        own.stop()


@pytest.fixture(params=[OneProcess, Split], ids=["one-process", "split"])
def shape(request, tmp_path):
    """A kfmesh of the test's own, in either shape."""
    mesh = request.param(tmp_path / "shape")
    try:
        yield mesh.start()
    finally:
        mesh.stop()


@pytest.fixture
def archiving(tmp_path):
    """A kfmesh that archives jobs a moment after their end."""
    own = OneProcess(tmp_path / "own", "--archive-jobs-after=100ms")
    try:
        yield own.start()
    finally:
        own.stop()


@pytest.fixture
def head(tmp_path):
    """A head with one GPU."""
    own = Head(tmp_path / "head", "--fake-gpus=1xH100")
    try:
        yield own.start()
    finally:
        own.stop()


@pytest.fixture
def nodes(head):
    """Two machines with one GPU each, joined."""
    joined = [Node(head, number, "--fake-gpus=1xH100").start() for number in (2, 3)]
    try:
        yield joined
    finally:
        for node in joined:
            node.process.stop()


@pytest.fixture
def marks(tmp_path):
    """A file for side effects, and a function that reads its lines."""
    file = tmp_path / "marks"
    file.touch()
    return file


@pytest.fixture
def unique(request) -> str:
    """A name that no other test uses."""
    import uuid

    return f"{request.node.name[:40]}-{uuid.uuid4().hex[:6]}"


@pytest.fixture
def kfmesh(mesh):
    """Run the CLI against the shared kfmesh."""

    def run(*arguments: str) -> subprocess.CompletedProcess:
        env = environment(KFMESH_SERVER=mesh.grpc_address)
        return subprocess.run(
            [BIN / "kfmesh", *arguments], capture_output=True, text=True, env=env, timeout=120, check=False
        )

    return run

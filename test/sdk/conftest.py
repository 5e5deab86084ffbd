"""A kfmesh that all tests share, and a kubeconfig that leads to it."""

import pathlib
import uuid

import pytest
import yaml
from harness.mesh import OneProcess


@pytest.fixture(scope="session")
def mesh(tmp_path_factory):
    """A kfmesh that all tests share; they leave it running."""
    shared = OneProcess(tmp_path_factory.mktemp("shared"))
    try:
        yield shared.start()
    finally:
        shared.stop()


@pytest.fixture(scope="session")
def archiving(tmp_path_factory):
    """One that archives jobs a moment after their end."""
    shared = OneProcess(tmp_path_factory.mktemp("archiving"), "--archive-jobs-after=1ms")
    try:
        yield shared.start()
    finally:
        shared.stop()


@pytest.fixture
def kubeconfig(mesh, tmp_path) -> pathlib.Path:
    """A file as Kubernetes' clients read it, with the REST port as the server."""
    return write_kubeconfig(mesh, tmp_path / "config")


@pytest.fixture
def archiving_kubeconfig(archiving, tmp_path) -> pathlib.Path:
    """The same for the one that archives."""
    return write_kubeconfig(archiving, tmp_path / "archiving")


def write_kubeconfig(mesh: OneProcess, file: pathlib.Path) -> pathlib.Path:
    """Write the file."""
    document = {
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "k", "cluster": {"server": mesh.url}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u", "namespace": "default"}}],
    }  # fmt: skip
    file.write_text(yaml.safe_dump(document))
    return file


@pytest.fixture
def name() -> str:
    return f"s{uuid.uuid4().hex[:8]}"

"""A kfmesh that all tests share, and the kubectls that drive it."""

import os
import pathlib
import shutil
import subprocess
import uuid

import pytest
import yaml
from harness.jobs import manifest
from harness.mesh import OneProcess
from harness.process import BIN, environment

WITHIN_SECONDS = 60


def programs() -> list[str]:
    """The kubectl of tools/kubectl, and that of $KUBECTL or else of the machine, if it has one."""
    built = str(BIN / "test" / "kubectl")
    own = os.environ.get("KUBECTL") or shutil.which("kubectl")
    return [built, *([own] if own else [])]


class Failed(Exception):  # noqa: N818
    """A kubectl that ended badly; its text is what it said."""


class Kubectl:
    """One kubectl, with a kubeconfig of its own."""

    def __init__(self, program: str, server: str, folder: pathlib.Path):
        """The configuration is written, and nothing else."""
        self.program = program
        self.folder = folder
        self.config = folder / "kubeconfig"
        self.config.write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "v1", "kind": "Config", "current-context": "c",
                    "clusters": [{"name": "k", "cluster": {"server": server}}],
                    "users": [{"name": "u", "user": {}}],
                    "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
                }
            )
        )  # fmt: skip

    def start(self, *args: str, **variables: str) -> subprocess.Popen:
        """Start it with both outputs in pipes."""
        env = environment(KUBECONFIG=str(self.config), HOME=str(self.folder), **variables)
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [self.program, *args], stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=env
        )

    def finish(self, *args: str, stdin: str = "", **variables: str) -> tuple[int, str, str]:
        """Run it to its end; the exit status and both outputs."""
        with self.start(*args, **variables) as process:
            try:
                out, err = process.communicate(stdin, timeout=WITHIN_SECONDS)
            finally:
                process.kill()
        return process.returncode, out, err

    def __call__(self, *args: str, stdin: str = "", **variables: str) -> str:
        """Run it and return what it printed, warnings after the rest."""
        status, out, err = self.finish(*args, stdin=stdin, **variables)
        if status:
            raise Failed(f"{' '.join(args)}: {status}: {out}{err}")
        return out + err

    def fails(self, *args: str, stdin: str = "", **variables: str) -> str:
        """Run it, which has to fail, and return what it said."""
        status, out, err = self.finish(*args, stdin=stdin, **variables)
        assert status, f"{' '.join(args)} did not fail: {out}{err}"
        return out + err

    def file(self, *documents: dict) -> str:
        """Write objects to a file."""
        path = self.folder / f"{uuid.uuid4().hex[:8]}.yaml"
        path.write_text(yaml.safe_dump_all(documents))
        return str(path)


@pytest.fixture(scope="session")
def mesh(tmp_path_factory):
    """A kfmesh that all tests share; they leave it running."""
    shared = OneProcess(tmp_path_factory.mktemp("shared"))
    try:
        yield shared.start()
    finally:
        shared.stop()


@pytest.fixture(params=programs())
def kubectl(request, mesh, tmp_path) -> Kubectl:
    """One of the kubectls."""
    return Kubectl(request.param, mesh.url, tmp_path)


@pytest.fixture
def name() -> str:
    return f"k{uuid.uuid4().hex[:8]}"


@pytest.fixture
def job(name) -> dict:
    """A job whose replicas say hello and stay until they are stopped."""
    made = manifest("PyTorchJob", name, "echo hello; exec sleep 600", Master=1, Worker=2)
    made["metadata"]["labels"] = {"of": name}
    return made


@pytest.fixture
def running(kubectl, job, name):
    """The job, applied and running; it is deleted in the end."""
    kubectl("apply", "-f", kubectl.file(job))
    kubectl("wait", f"pytorchjob/{name}", "--for=condition=Running", "--timeout=60s")
    yield job
    kubectl("delete", "pytorchjob", name, "--ignore-not-found")

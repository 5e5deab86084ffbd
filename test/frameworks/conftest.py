"""A kfmesh whose image map has one image a framework: the virtual environment that `make` has filled."""

import json
import os
import pathlib
import shutil

import pytest
import yaml
from harness.jobs import KINDS, Jobs, holds, manifest
from harness.mesh import OneProcess
from harness.network import Network, missing
from harness.nodes import FarHead, Node
from harness.process import ROOT, until

PROGRAMS = pathlib.Path(__file__).parent / "programs"
# Enough for importing a framework several times at once on a small machine.
SECONDS_A_JOB = 170
FRAMEWORKS = ("torch", "xgboost", "openmpi", "mpich", "jax", "tensorflow", "paddle")


def venv(framework: str) -> pathlib.Path:
    return ROOT / f".venv-framework-{framework}"


@pytest.fixture(scope="session")
def image_map(tmp_path_factory) -> pathlib.Path:
    """A file that maps an image for each framework."""
    images = [
        {
            "pattern": f"frameworks/{name}:*",
            "python": str(venv(name) / "bin" / "python"),
            "system-packages": True,
            "working-dir": str(PROGRAMS),
            "env": {"LD_LIBRARY_PATH": str(venv(name) / "lib")},  # where the packages of MPI are
        }
        for name in FRAMEWORKS
    ]
    file = tmp_path_factory.mktemp("images") / "images.yaml"
    file.write_text(yaml.safe_dump({"images": images}))
    return file


@pytest.fixture(scope="session")
def mesh(tmp_path_factory, image_map):
    """A kfmesh that all tests share."""
    shared = OneProcess(tmp_path_factory.mktemp("frameworks") / "mesh", f"--image-map={image_map}")
    try:
        yield shared.start()
    finally:
        shared.stop()


@pytest.fixture
def name(request) -> str:
    text = request.node.name.removeprefix("test_").lower()
    return "f-" + "".join(c if c.isalnum() else "-" for c in text)[:40].strip("-")


class Runner:
    """Runs one job and reads what its programs say."""

    def __init__(self, mesh, name: str, out: pathlib.Path):
        """Nothing runs yet."""
        self.mesh, self.name, self.out = mesh, name, out
        self.jobs = Jobs(mesh)

    def manifest(
        self, kind: str, framework: str, command: list[str] | str, version="v1", env=None, **replicas
    ):
        """Make a manifest with the framework's image."""
        job = manifest(kind, self.name, command, version, {"OUT": str(self.out), **(env or {})}, **replicas)
        for spec in job["spec"][KINDS[kind][1]].values():
            spec["template"]["spec"]["containers"][0]["image"] = f"frameworks/{framework}:latest"
        return job

    def run(self, job: dict) -> dict[str, dict]:
        """Run a job to its success; return what its programs said, by what they said it as."""
        self.jobs.create(job)
        self.finish(job)
        return self.said()

    def trainjob(self, runtime: str, trainer: dict) -> dict[str, dict]:
        """Run a TrainJob to its completion; return what its programs said."""
        job = {
            "apiVersion": "trainer.kubeflow.org/v1alpha1",
            "kind": "TrainJob",
            "metadata": {"name": self.name},
            "spec": {"runtimeRef": {"name": runtime}, "trainer": trainer},
        }
        space = "/apis/trainer.kubeflow.org/v1alpha1/namespaces/default/trainjobs"
        self.jobs.call("POST", space, job)

        def ended() -> set[str]:
            return holds(self.jobs.call("GET", f"{space}/{self.name}")) & {"Complete", "Failed"}

        assert until("the job to end", ended, within_seconds=SECONDS_A_JOB) == {"Complete"}, self.logs()
        return self.said()

    def finish(self, job: dict, within_seconds: float = SECONDS_A_JOB) -> dict:
        """Wait for success; say what was logged when there is none."""
        try:
            return self.jobs.wait(job, "Succeeded", within_seconds=within_seconds)
        except AssertionError as error:
            text = f"{error}\n{self.logs()}"
            self.jobs.delete(job)  # what it runs would outlive kfmesh
            raise AssertionError(text) from None

    def logs(self) -> str:
        """The ends of the logs of all replicas."""
        return "\n".join(
            f"--- {log.parent.name}\n{log.read_text(errors='replace')[-3000:]}"
            for log in sorted(self.mesh.folder.rglob("agent/workloads/*/log"))
        )

    def said(self) -> dict[str, dict]:
        """What the programs said."""
        until("all programs to have spoken", lambda: not list(self.out.glob("*.part")))
        return {file.stem: json.loads(file.read_text()) for file in self.out.glob("*.json")}


@pytest.fixture
def runner(mesh, name, tmp_path, record_versions) -> Runner:
    runner = Runner(mesh, name, tmp_path)
    yield runner
    for found in runner.said().values():
        record_versions(found["versions"])


@pytest.fixture
def nodes(tmp_path, image_map):
    """Three machines with networks of their own; their head runs nothing itself."""
    if lack := missing():
        pytest.skip(lack)
    network, nodes = Network(4), []
    try:
        head = FarHead(tmp_path / "head", network.machines[0], f"--image-map={image_map}")
        head.start().cli("cordon", "head")
        flags = (f"--image-map={image_map}", "--node-lease=5s")
        try:
            for number in (2, 3, 4):
                nodes.append(Node(head, number, *flags, machine=network.machines[number - 1]).start())
            yield nodes
        finally:
            for node in nodes:
                node.process.stop()
            head.stop()
    finally:
        network.close()


class Spread(Runner):
    """Runs jobs whose replicas are on a machine each."""

    def manifest(self, kind: str, *arguments, **named):
        """Make a manifest in which whatever trains asks for most of the memory of a machine."""
        most = 6 * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 10
        job = super().manifest(kind, *arguments, **named)
        for role, spec in job["spec"][KINDS[kind][1]].items():
            if role != "Launcher":
                (container,) = spec["template"]["spec"]["containers"]
                container["resources"] = {"requests": {"memory": most}}
        return job


@pytest.fixture
def spread(nodes, name, tmp_path, record_versions) -> Spread:
    out = tmp_path / "out"
    out.mkdir()
    spread = Spread(nodes[0].head, name, out)
    yield spread
    for found in spread.said().values():
        record_versions(found["versions"])


VERSIONS: dict[str, set[str]] = {}


@pytest.fixture
def record_versions(request):
    """Note the versions that a test has used, which the summary lists."""

    def record(versions: dict[str, str]) -> None:
        text = ", ".join(f"{name} {version}" for name, version in versions.items())
        VERSIONS.setdefault(request.node.name, set()).add(text)

    return record


def pytest_terminal_summary(terminalreporter):
    """Say which versions each test has used."""
    terminalreporter.section("versions used")
    for test, versions in VERSIONS.items():
        terminalreporter.line(f"{test}: {'; '.join(sorted(versions))}")


@pytest.fixture(scope="session", autouse=True)
def installed():
    """Every environment is there: nothing is passed over in silence."""
    missing = [name for name in FRAMEWORKS if not (venv(name) / "ready").exists()]
    assert not missing, f"run these by `make test-frameworks`, which installs {missing}"
    assert shutil.which("sh")

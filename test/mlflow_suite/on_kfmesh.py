"""A pytest plugin that runs MLflow's own REST tests against kfmesh.

Load it with `-p on_kfmesh` in a checkout of MLflow. Its tests start their server
through three doors: tests.tracking.integration_test_utils has _init_server and
ServerThread, test_mlflow_artifacts has _launch_server. Behind each is a kfmesh of the
test's own here. What kfmesh does not have is skipped, with the reason; a workspace is
there without being made.
"""

import contextlib
import importlib
import pathlib
import sys
import tempfile

import pytest
from harness.mesh import OneProcess
from mlflow import MlflowClient

DOORS = "tests.tracking.integration_test_utils"

# Why tests whose names have these parts do not apply.
NOT_APPLICABLE = {
    "[file": "another store of MLflow's",
    "trace": "traces are not kept",
    "span": "traces are not kept",
    "assessment": "traces are not kept",
    "scorer": "scorers are not kept",
    "graphql": "MLflow's own pages use it",
    "promptlab": "MLflow's own pages use it",
    "prompt": "prompts are not kept",
    "gateway": "the model gateway is another product",
    "webhook": "webhooks are not kept",
    "static_prefix": "an option of MLflow's server",
    "calls_optimized_impl": "a test of MLflow's own store",
    "get_sampled_steps": "a test of MLflow's own code",
    "docker": "an example of MLflow's",
    "test_mlflow_artifacts_example": "an example of MLflow's",
    "validation_regex": "an option of MLflow's server",
    "with_path_source": "runs have no local paths here",
    "with_file_uri": "runs have no local paths here",
    "local_artifact_uri": "runs have no local paths here",
    "artifact_operations_are_workspace_scoped": "runs have no local paths here",
    "get_model_version_artifact_api": "it writes to MLflow's own database",
    "evaluation_dataset": "evaluation datasets are not kept",
    "dataset_experiment_association": "evaluation datasets are not kept",
    "experiments_rest_tracking": "evaluation datasets are not kept",
    "experiments_at_once": "evaluation datasets are not kept",
    "workspace_crud": "workspaces are not made: any name is one",
    "permission": "a test of MLflow's own code",
}

# Where MLflow's tests expect the artifacts of a server that was given a folder for them.
LOCATION = "mlflow-artifacts:/"


class Server:
    """A kfmesh, as the tests of MLflow start a server."""

    def __init__(self, *_args, port: int = 0, **_options):
        """Stores and other options of MLflow's mean nothing here."""
        self.folder = tempfile.TemporaryDirectory(prefix="kfmesh-mlflow-suite-")
        self.mesh = OneProcess(pathlib.Path(self.folder.name) / "kfmesh")
        if port:
            self.mesh.http_address = f"127.0.0.1:{port}"
            self.mesh.url = f"http://{self.mesh.http_address}"

    def __enter__(self) -> str:
        """Start, and say where it is."""
        self.mesh.start()
        return self.mesh.url

    def __exit__(self, *_):
        """Stop, and leave nothing."""
        self.mesh.kill()
        self.folder.cleanup()


@contextlib.contextmanager
def launch(_host: str, port: int, _store: str, _root: str, destination: str):
    """Start a kfmesh on a port that keeps artifacts at a place, as _launch_server starts MLflow."""
    server = Server(port=port)
    kept = server.mesh.data_dir / "blobs" / "mlflow-artifacts"
    kept.mkdir(parents=True)
    pathlib.Path(destination).symlink_to(kept)
    with server:
        yield server.mesh.process


def pytest_configure():
    """Put kfmesh behind the doors before a test takes hold of them."""
    sys.path.insert(0, str(pathlib.Path.cwd()))
    doors = importlib.import_module(DOORS)
    doors._init_server = Server
    doors.ServerThread = Server
    MlflowClient.create_workspace = lambda _client, name, **_: name


def pytest_collection_modifyitems(items):
    """Skip what does not apply, and open the doors that a module keeps to itself."""
    for item in items:
        if hasattr(item.module, "_launch_server"):
            item.module._launch_server = launch
        if hasattr(item.module, "path_to_local_file_uri"):
            item.module.path_to_local_file_uri = lambda _path: LOCATION
        for part, why in NOT_APPLICABLE.items():
            if part in item.name:
                item.add_marker(pytest.mark.skip(reason=why))
                break

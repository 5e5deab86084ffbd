"""Fixtures: the server under test, and an unmodified MLflow client of it.

The tests run under an MLflow 2 and an MLflow 3. KFMESH_TEST_MLFLOW_URL names
another server to run them against, such as an `mlflow server`: what they expect is
what that one does, except where kfmesh_only is asked for.
"""

import os
import uuid

import mlflow
import pytest
from harness.mesh import OneProcess
from harness.split import Split
from mlflow import MlflowClient
from rest import Rest

OTHER_SERVER = "KFMESH_TEST_MLFLOW_URL"
MLFLOW_3 = int(mlflow.__version__.split(".")[0]) >= 3


@pytest.fixture(scope="session")
def url(tmp_path_factory):
    """Where the server is that all tests share."""
    if OTHER_SERVER in os.environ:
        yield os.environ[OTHER_SERVER]
        return
    # One process keeps SQLite; separate services take the PostgreSQL that is named.
    shape = Split if "KFMESH_TEST_POSTGRES" in os.environ else OneProcess
    mesh = shape(tmp_path_factory.mktemp("tracking"))
    try:
        yield mesh.start().url
    finally:
        mesh.stop()


@pytest.fixture
def kfmesh_only():
    """Skip on a server that is not kfmesh."""
    if OTHER_SERVER in os.environ:
        pytest.skip("this is kfmesh's own")


@pytest.fixture
def mlflow_3():
    """Skip under an MLflow 2, which does not have it."""
    if not MLFLOW_3:
        pytest.skip("MLflow 3 only")


@pytest.fixture(autouse=True)
def tracking(url, monkeypatch):
    """Point the fluent API at the server; it fails at once where it would retry for minutes."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    # Autologging starts a Python to see what a model imports: the answer is no part of these tests.
    monkeypatch.setenv("MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT", "1")
    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
    mlflow.set_tracking_uri(url)
    yield
    while mlflow.active_run():
        mlflow.end_run()
    mlflow.sklearn.autolog(disable=True)


@pytest.fixture
def client(url) -> MlflowClient:
    """MLflow's own client."""
    return MlflowClient(url)


@pytest.fixture
def rest(url) -> Rest:
    """Plain REST, for what no client would send."""
    return Rest(url)


@pytest.fixture
def unique(request) -> str:
    """A name that no other test uses."""
    return f"{request.node.name[:40]}-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def experiment(client, unique) -> str:
    """Id of an experiment of the test's own, which is the active one."""
    made = client.create_experiment(unique)
    mlflow.set_experiment(experiment_id=made)
    return made


@pytest.fixture
def run_id(client, experiment) -> str:
    """A run of the test's own."""
    return client.create_run(experiment).info.run_id

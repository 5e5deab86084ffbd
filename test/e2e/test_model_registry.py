"""The model registry: Kubeflow Model Registry's Python client, MLflow's REST API and the command line."""

import json
import subprocess
import warnings

import pytest
import requests
from harness.process import BIN

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of pydantic, about the client's field names
    from model_registry import ModelRegistry
    from model_registry.exceptions import StoreError


@pytest.fixture(scope="module")
def registry(mesh) -> ModelRegistry:
    """A client of the shared kfmesh."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the token that it has not
        return ModelRegistry(mesh.url, author="ada", is_secure=False)


@pytest.fixture
def mlflow(mesh):
    """A function that calls MLflow's REST API."""

    def call(method: str, path: str, expect: int = 200, **fields):
        where = {"params" if method == "GET" else "json": fields}
        answer = requests.request(method, f"{mesh.url}/api/2.0/mlflow/{path}", timeout=30, **where)
        assert answer.status_code == expect, answer.text
        return answer.json()

    return call


def register(registry: ModelRegistry, name: str, version: str, **more):
    """Register a version of a model."""
    described = {"model_format_name": "onnx", "model_format_version": "1", **more}
    return registry.register_model(name, f"s3://models/{name}/{version}", version=version, **described)


def test_register_and_get(registry, unique):
    made = register(
        registry,
        unique,
        "1.0",
        storage_key="key",
        storage_path="path",
        service_account_name="account",
        version_description="the first",
        metadata={"accuracy": 0.9, "epochs": 3, "good": True, "team": "vision"},
    )
    assert made.owner == "ada"
    assert registry.get_registered_model(unique).id == made.id
    version = registry.get_model_version(unique, "1.0")
    assert (version.description, version.author) == ("the first", "ada")
    assert version.custom_properties == {"accuracy": 0.9, "epochs": 3, "good": True, "team": "vision"}
    artifact = registry.get_model_artifact(unique, "1.0")
    assert artifact.uri == f"s3://models/{unique}/1.0"
    assert (artifact.model_format_name, artifact.storage_key, artifact.storage_path) == (
        "onnx",
        "key",
        "path",
    )
    assert artifact.service_account_name == "account"


def test_what_is_not_there_is_none(registry, unique):
    assert registry.get_registered_model(unique) is None
    register(registry, unique, "1")
    assert registry.get_model_version(unique, "2") is None
    with pytest.raises(StoreError, match="already exists"):
        register(registry, unique, "1")


def test_lists_come_in_pages(registry, unique):
    for version in ("a", "7", "c", "d", "e"):
        register(registry, unique, version)
    assert [v.name for v in registry.get_model_versions(unique).page_size(2)] == ["a", "7", "c", "d", "e"]
    newest = registry.get_model_versions(unique).order_by_creation_time().descending().page_size(3)
    assert [v.name for v in newest] == ["e", "d", "c", "7", "a"]
    assert unique in [m.name for m in registry.get_registered_models().page_size(1)]


def test_update(registry, unique):
    model = register(registry, unique, "1", metadata={"before": "x"})
    model.description, model.owner = "changed", "bob"
    assert registry.update(model).description == "changed"
    version = registry.get_model_version(unique, "1")
    version.custom_properties = {"after": 2.5}
    assert registry.update(version).custom_properties == {"after": 2.5}
    artifact = registry.get_model_artifact(unique, "1")
    artifact.uri = "s3://elsewhere"
    assert registry.update(artifact).uri == "s3://elsewhere"
    assert registry.get_registered_model(unique).owner == "bob"


def test_mlflow_sees_what_kubeflow_registered(registry, mlflow, unique):
    register(registry, unique, "first", metadata={"team": "vision", "epochs": 3})
    version = mlflow("GET", "model-versions/get", name=unique, version="1")["model_version"]
    assert version["source"] == f"s3://models/{unique}/first"
    assert {"key": "epochs", "value": "3"} in version["tags"]
    mlflow("POST", "registered-models/alias", name=unique, alias="champion", version="1")
    found = mlflow("GET", "registered-models/alias", name=unique, alias="champion")["model_version"]
    assert found["aliases"] == ["champion"]
    searched = mlflow("GET", "model-versions/search", filter=f"name = '{unique}' AND tags.team = 'vision'")
    assert [v["version"] for v in searched["model_versions"]] == ["1"]


def test_kubeflow_sees_what_mlflow_registered(registry, mlflow, unique):
    mlflow("POST", "registered-models/create", name=unique)
    made = mlflow(
        "POST", "model-versions/create", name=unique, source="s3://m/1", tags=[{"key": "k", "value": "v"}]
    )
    assert made["model_version"]["status"] == "READY"
    assert registry.get_model_version(unique, "1").custom_properties == {"k": "v"}
    assert registry.get_model_artifact(unique, "1").uri == "s3://m/1"
    register(registry, unique, "9")
    again = mlflow("POST", "model-versions/create", name=unique, source="s3://m/2")
    assert again["model_version"]["version"] == "10"
    refused = mlflow("POST", "registered-models/create", name=unique, expect=400)
    assert refused["error_code"] == "RESOURCE_ALREADY_EXISTS"


def test_an_experiment_run_is_tracked(registry, mlflow, unique):
    with registry.start_experiment_run(experiment_name=unique) as outer:
        outer.log_param("rate", 0.1)
        outer.log_metric("loss", 0.25, step=2)
        outer.log_dataset(
            name="flowers", uri="s3://data/flowers", source_type="s3", source="s3://data/flowers"
        )
        with registry.start_experiment_run(experiment_name=unique, nested=True) as inner:
            inner.log_metric("loss", 0.5)
    run = mlflow("GET", "runs/get", run_id=outer.info.id)["run"]
    assert run["data"]["params"] == [{"key": "rate", "value": "0.1"}]
    assert (run["data"]["metrics"][0]["value"], run["data"]["metrics"][0]["step"]) == (0.25, 2)
    assert run["inputs"]["dataset_inputs"][0]["dataset"]["name"] == "flowers"
    nested = {
        t["key"]: t["value"] for t in mlflow("GET", "runs/get", run_id=inner.info.id)["run"]["data"]["tags"]
    }
    assert nested["mlflow.parentRunId"] == outer.info.id
    assert {r.id for r in registry.get_experiment_runs(experiment_name=unique)} == {
        outer.info.id,
        inner.info.id,
    }
    assert unique in [e.name for e in registry.get_experiments()]


@pytest.mark.parametrize("version", ["v1alpha3", "v1"])
def test_rest(mesh, unique, version):
    root = f"{mesh.url}/api/model_registry/{version}"

    def call(method: str, path: str, expect: int, **fields):
        answer = requests.request(method, root + path, timeout=30, **fields)
        assert answer.status_code == expect, answer.text
        return answer.json()

    model = call(
        "POST",
        "/registered_models",
        201,
        json={"name": f"org/{unique}", "language": ["en"], "license": "mit"},
    )
    environment = call("POST", "/serving_environments", 201, json={"name": unique})
    body = {"name": "v", "registeredModelId": model["id"], "externalId": unique}
    made = call("POST", "/model_versions", 201, json=body)
    body = {
        "name": "service",
        "registeredModelId": model["id"],
        "modelVersionId": made["id"],
        "runtime": "ovms",
    }
    service = call("POST", f"/serving_environments/{environment['id']}/inference_services", 201, json=body)
    assert (service["desiredState"], service["runtime"]) == ("DEPLOYED", "ovms")
    assert call("GET", f"/inference_services/{service['id']}/version", 200)["id"] == made["id"]
    call("POST", f"/inference_services/{service['id']}/serves", 201, json={"modelVersionId": made["id"]})
    assert call("GET", f"/inference_services/{service['id']}/serves", 200)["size"] == 1
    assert call("GET", "/model_version", 200, params={"externalId": unique})["id"] == made["id"]
    found = call(
        "GET", "/registered_models", 200, params={"filterQuery": f"name = 'org/{unique}' AND state = 'LIVE'"}
    )
    assert [m["license"] for m in found["items"]] == ["mit"]
    call("PATCH", f"/registered_models/{model['id']}", 200, json={"state": "ARCHIVED", "readme": "# Hello"})
    archived = call("GET", f"/registered_models/{model['id']}", 200)
    assert (archived["state"], archived["license"], archived["readme"]) == ("ARCHIVED", "mit", "# Hello")
    for method, path, status, fields in [
        ("POST", "/registered_models", 409, {"json": {"name": f"org/{unique}"}}),
        ("POST", "/registered_models", 400, {"json": {}}),
        ("POST", "/registered_models", 400, {"data": "{", "headers": {"Content-Type": "application/json"}}),
        ("POST", "/registered_models", 400, {"json": {"name": "x", "customProperties": {"a": 1}}}),
        ("GET", "/registered_models/nope", 400, {}),
        ("GET", "/registered_models/999999", 404, {}),
        ("GET", "/registered_models", 400, {"params": {"filterQuery": "name = 'a' OR"}}),
        ("GET", "/registered_models", 400, {"params": {"pageSize": "-1"}}),
        ("GET", "/registered_models", 400, {"params": {"nextPageToken": "x"}}),
        ("GET", "/registered_model", 400, {}),
        ("DELETE", f"/registered_models/{model['id']}", 404, {}),
        ("GET", "/nothing", 404, {}),
    ]:
        problem = call(method, path, status, **fields)
        assert problem["code"] == str(status)
        assert problem["message"]


def test_older_versions_of_the_api_are_not_found(mesh):
    answer = requests.get(f"{mesh.url}/api/model_registry/v1alpha1/registered_models", timeout=30)
    assert answer.status_code == 404
    assert "v1alpha3" in answer.json()["message"]


def kfmesh(mesh, *arguments: str, expect: int = 0) -> str:
    """Run the command line against a server and return what it printed."""
    command = [BIN / "kfmesh", f"--server={mesh.grpc_address}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == expect, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def test_command_line(mesh, registry, mlflow, unique):
    experiment = mlflow("POST", "experiments/create", name=unique)["experiment_id"]
    run = mlflow("POST", "runs/create", experiment_id=experiment, run_name="bright")["run"]["info"]
    mlflow("POST", "runs/log-metric", run_id=run["run_id"], key="loss", value=0.125, timestamp=1)
    kfmesh(
        mesh,
        "models",
        "register",
        unique,
        "--run",
        run["run_id"],
        "--alias",
        "candidate",
        "--tag",
        "team=vision",
    )
    kfmesh(mesh, "models", "register", unique, "s3://models/2", "--version", "two")
    kfmesh(mesh, "models", "promote", unique, "candidate")
    kfmesh(mesh, "models", "promote", unique, "two", "--archive-existing")
    listed = json.loads(kfmesh(mesh, "get", "modelversions", "--model", unique, "-o", "json"))["items"]
    stages = {v["name"]: v["stage"] for v in listed}
    assert stages == {"two": "MODEL_STAGE_PRODUCTION", "1": "MODEL_STAGE_ARCHIVED"}
    described = kfmesh(mesh, "describe", "model", unique)
    assert "loss=0.125" in described
    described = kfmesh(mesh, "describe", "modelversion", f"{unique}/candidate")
    for part in ("bright", "0.125", "team=vision", run["artifact_uri"]):
        assert part in described
    kfmesh(mesh, "models", "alias", unique, "candidate", "--delete")
    assert registry.get_model_version(unique, "two").author is None
    assert "not found" in kfmesh(mesh, "models", "promote", unique, "candidate", expect=1)
    kfmesh(mesh, "delete", "model", unique)
    assert registry.get_registered_model(unique) is None

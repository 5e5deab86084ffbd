"""kfmesh apply and delete of files that hold jobs and what they need."""

import subprocess
import uuid

import pytest
import yaml
from harness.jobs import manifest
from harness.process import BIN, until


@pytest.fixture
def name() -> str:
    """What a job, its namespace and its priority class are called."""
    return f"a{uuid.uuid4().hex[:8]}"


@pytest.fixture
def kfmesh(mesh, name):
    """The command line, in a namespace of the test's own."""

    def run(*args: str, status: int = 0) -> str:
        command = [BIN / "kfmesh", f"--server={mesh.grpc_address}", "-n", name, *args]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
        assert done.returncode == status, done.stderr
        return done.stdout + done.stderr

    return run


def documents(name: str) -> list[dict]:
    """A job before what it needs, which is applied first all the same."""
    job = manifest("PyTorchJob", name, 'echo "$PASSWORD"; cat /c/k; exec sleep 600', Master=1)
    pod = job["spec"]["pytorchReplicaSpecs"]["Master"]["template"]["spec"]
    pod["volumes"] = [
        {"name": "d", "persistentVolumeClaim": {"claimName": "data"}},
        {"name": "c", "configMap": {"name": "settings"}},
    ]
    pod["priorityClassName"] = name
    pod["containers"][0] |= {
        "env": [{"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}],
        "volumeMounts": [{"name": "d", "mountPath": "/data"}, {"name": "c", "mountPath": "/c"}],
    }
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}}
    return [
        job,
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "stringData": {"password": "x1"}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"k": "v"}},
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": claim},
        {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": name},
            "value": 7,
        },
    ]


def test_a_job_with_what_it_needs(kfmesh, name, tmp_path):
    all_of_it = documents(name)
    file = tmp_path / "all.yaml"
    file.write_text(yaml.safe_dump_all(all_of_it))
    names = [f"{doc['kind'].lower()}/{doc['metadata']['name']}" for doc in [*all_of_it[1:], all_of_it[0]]]
    tried = kfmesh("apply", "-f", str(file), "--dry-run=server")
    assert tried.splitlines() == [f"{one} created (server dry run)" for one in names]
    assert kfmesh("apply", "-f", str(file)).splitlines() == [f"{one} created" for one in names]
    assert kfmesh("apply", "-f", str(file)).splitlines() == [f"{one} unchanged" for one in names]
    until("a log", lambda: kfmesh("logs", f"job/{name}") == "x1\nv")
    assert "7" in kfmesh("get", "priorityclass", name)

    all_of_it[1]["stringData"]["password"] = "x2"  # noqa: S105
    file.write_text(yaml.safe_dump_all(all_of_it))
    assert "secret/db configured (server dry run)" in kfmesh("apply", "-f", str(file), "--dry-run=server")
    assert kfmesh("apply", "-f", str(file)).splitlines()[0] == "secret/db configured"

    deleted = kfmesh("delete", "-f", str(file)).splitlines()
    assert deleted[0] == f"deleted job pytorchjob/{name}"
    assert set(deleted[1:]) == {f"deleted {one}" for one in names[:-1]}
    assert f'{file}, object 1: there is no PyTorchJob "{name}"' in kfmesh("delete", "-f", str(file), status=1)
    assert kfmesh("delete", "-f", str(file), "--ignore-not-found") == ""


def test_everything_that_is_wrong_is_said_with_its_place(kfmesh, name, tmp_path):
    all_of_it = documents(name)
    all_of_it[0]["spec"]["pytorchReplicaSpecs"]["Master"]["restartPolicy"] = "Sometimes"
    all_of_it[2]["data"] = {"a/b": "1"}
    all_of_it[3]["spec"]["accessModes"] = ["Often"]
    file = tmp_path / "wrong.yaml"
    file.write_text(yaml.safe_dump_all(all_of_it[:4]))
    said = kfmesh("apply", "-f", str(file), "--dry-run=server", status=2)
    assert "secret/db created (server dry run)" in said
    assert f"{file}, object 1: " in said
    assert "spec.pytorchReplicaSpecs[Master].restartPolicy" in said
    assert f'{file}, object 3: data: key "a/b"' in said
    assert f"{file}, object 4: spec.accessModes: Often is no access mode" in said

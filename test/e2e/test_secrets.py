"""Secrets, config maps and volumes, used as the kfp SDK's kubernetes extension has steps use them."""

import functools
import hashlib
import pathlib
import subprocess

import pytest
from harness.api import Api
from harness.process import BIN, until
from harness.steps import SHELL, shell
from kfp import dsl, kubernetes

PASSWORD = "correct-horse-battery"  # noqa: S105 - it opens nothing
DIGEST = hashlib.sha256(PASSWORD.encode()).hexdigest()

password_as_env = functools.partial(
    kubernetes.use_secret_as_env,
    secret_name="db",  # noqa: S106 - a name
    secret_key_to_env={"password": "PASSWORD"},
)


def is_password(command: str) -> str:
    """A shell command that fails unless another one prints the password, without saying what it is."""
    return f'[ "$({command} | sha256sum | cut -c1-64)" = {DIGEST} ]'


def kfmesh(mesh, *arguments: str, stdin: str = "", expect: int = 0) -> str:
    """Run the command line against a server and return what it printed."""
    done = subprocess.run(
        [BIN / "kfmesh", f"--server={mesh.grpc_address}", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == expect, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@dsl.container_component
def read(script: str, text: dsl.OutputPath(str)):
    """Return what a script prints."""
    return dsl.ContainerSpec(image=SHELL, command=["sh", "-ec", '{ eval "$0"; } > "$1"'], args=[script, text])


@pytest.fixture
def secret(own_mesh) -> str:
    """A secret with a password."""
    kfmesh(own_mesh, "create", "secret", "generic", "db", "--from-file=password=-", stdin=PASSWORD)
    return "db"


def holding(folder: pathlib.Path, text: str) -> list[pathlib.Path]:
    """Files below a folder in which a text can be read."""
    wanted = text.encode()
    return [f for f in folder.rglob("*") if f.is_file() and wanted in f.read_bytes()]


def test_steps_get_secrets_and_config_maps(own_mesh, secret):
    settings = "--from-literal=mode=fast"
    kfmesh(own_mesh, "create", "configmap", "app", settings, "--from-literal=empty=")
    check = " && ".join(map(is_password, ['printf %s "$PASSWORD"', "cat /kfmesh-e2e/db/password"]))

    @dsl.pipeline(name="secrets")
    def secrets():
        step = read(script=f'{check} && printf "%s %s" "$MODE" "$(cat /kfmesh-e2e/app/mode)"')
        password_as_env(step)
        kubernetes.use_secret_as_volume(step, secret_name=secret, mount_path="/kfmesh-e2e/db")
        kubernetes.use_config_map_as_env(step, config_map_name="app", config_map_key_to_env={"mode": "MODE"})
        kubernetes.use_config_map_as_volume(step, config_map_name="app", mount_path="/kfmesh-e2e/app")

    outcome = Api(own_mesh).run(secrets)
    assert outcome.output("read", "text") == "fast fast"
    assert PASSWORD not in str(outcome.tasks)
    own_mesh.stop()
    assert not holding(own_mesh.folder, PASSWORD)
    assert not pathlib.Path("/kfmesh-e2e").exists()


def test_a_secret_that_is_not_there_fails_the_task(own_mesh, secret):
    @dsl.pipeline(name="missing")
    def missing():
        step = shell(script="true")
        kubernetes.use_secret_as_env(step, secret_name=secret, secret_key_to_env={"user": "DB_USER"})

    outcome = Api(own_mesh).run(missing, expect="FAILED")
    sentence = 'env DB_USER: secret "db" of namespace default has no key "user"; it has password'
    assert sentence in outcome.explain()


def test_nothing_shows_a_value(own_mesh, secret):
    shown = [kfmesh(own_mesh, *args, "secret", "db") for args in (["get"], ["describe"])]
    shown += [kfmesh(own_mesh, "get", "secret", "db", "-o", form) for form in ("json", "yaml", "wide")]
    api = Api(own_mesh)
    got = api.get("/kfmesh/v1/namespaces/default/secrets/db")
    listed = api.get("/kfmesh/v1/secrets")
    assert got["sizes"] == {"password": str(len(PASSWORD))}
    assert listed["secrets"] == [got]
    assert PASSWORD not in f"{shown}{got}{listed}"
    assert "21 bytes" in shown[1]
    refused = kfmesh(own_mesh, "create", "secret", "generic", "db", "--from-literal=a=b", expect=1)
    assert "exists already" in refused
    not_base64 = {"metadata": {"name": "x"}, "data": {"k": f"{PASSWORD}!"}}
    answer = api.request("POST", "/kfmesh/v1/namespaces/default/secrets", json=not_base64)
    assert answer.status_code == 400
    assert "want base64" in answer.text
    assert PASSWORD not in answer.text
    stale = dict(got, data={"password": "eA=="}, metadata=dict(got["metadata"], resource_version="1"))
    stale.pop("sizes")
    answer = api.request("PUT", "/kfmesh/v1/namespaces/default/secrets/db", json=stale)
    assert answer.status_code == 409
    assert "get it again" in answer.text


def test_a_volume_outlives_runs_and_kill_9(own_mesh, secret, marks):
    kfmesh(own_mesh, "create", "volume", "data", "--size=1Gi")

    @dsl.pipeline(name="volume")
    def volume(file: str):
        waits = f"echo begin >> {file}; while [ ! -e {file}.go ]; do sleep 0.02; done"
        slow = shell(script=f'{waits}; echo "$PASSWORD" > /mnt/deep/down; echo end >> {file}')
        kubernetes.mount_pvc(slow, pvc_name="data", mount_path="/mnt")
        password_as_env(slow)

    @dsl.pipeline(name="prepare")
    def prepare():
        step = shell(script="mkdir -p /mnt/deep && echo x >> /mnt/deep/runs")
        kubernetes.mount_pvc(step, pvc_name="data", mount_path="/mnt")

    Api(own_mesh).run(prepare)
    run_id = Api(own_mesh).submit(volume, {"file": str(marks)})
    until("the step to begin", lambda: marks.read_text() == "begin\n")
    own_mesh.kill()
    own_mesh.start()
    assert "deleted volume data" in kfmesh(own_mesh, "delete", "volume", "data")
    assert "DELETING" in kfmesh(own_mesh, "get", "volumes")
    directory = own_mesh.data_dir / "agent/volumes/default/data"
    assert (directory / "deep/runs").read_text() == "x\n"
    pathlib.Path(f"{marks}.go").touch()
    outcome = Api(own_mesh).outcome(run_id)
    assert outcome.state == "SUCCEEDED", outcome.explain()
    assert marks.read_text() == "begin\nend\n"
    until("the volume to go", lambda: "no volumes" in kfmesh(own_mesh, "get", "volumes"))
    assert not directory.exists()


def test_secrets_outlive_kill_9(own_mesh, secret):
    own_mesh.kill()
    own_mesh.start()

    @dsl.pipeline(name="after")
    def after():
        password_as_env(shell(script=is_password('printf %s "$PASSWORD"')))

    Api(own_mesh).run(after)

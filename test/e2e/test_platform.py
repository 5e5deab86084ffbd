"""The Kubernetes platform spec, as the SDK's kubernetes extension writes it."""

import base64
import contextlib
import json
import pathlib

import pytest
from harness.process import until
from harness.steps import PYTHON, SHELL, echo, shell
from kfp import dsl, kubernetes
from kfp.kubernetes import kubernetes_executor_config_pb2 as executor_config

ROOT = pathlib.Path(__file__).parents[2]
POD_FIELDS = ROOT / "services/pipeline/internal/launch/testdata/pod_fields.json"


@dsl.container_component
def variable(name: str, value: dsl.OutputPath(str)):
    """Return a variable of the environment."""
    return dsl.ContainerSpec(
        image=SHELL, command=["sh", "-c", 'printenv "$0" | tr -d "\\n" > "$1"'], args=[name, value]
    )


@dsl.container_component
def content(file: str, text: dsl.OutputPath(str)):
    """Return the content of a file, or nothing."""
    return dsl.ContainerSpec(image=SHELL, command=["sh", "-c", 'cat "$0" > "$1" || true'], args=[file, text])


@pytest.fixture
def kept(api, unique):
    """A secret and a config map, by the names "secret" and "config_map"."""
    name = unique.replace("_", "-").replace("[", "-").replace("]", "").lower()
    secrets, maps = "/kfmesh/v1/namespaces/default/secrets", "/kfmesh/v1/namespaces/default/configmaps"
    password = base64.b64encode(b"s3cret").decode()
    for path, body in ((secrets, {"data": {"password": password}}), (maps, {"data": {"setting": "on"}})):
        response = api.request("POST", path, json={"metadata": {"name": name}} | body)
        assert response.ok, response.text
    yield name
    for path in (secrets, maps):
        api.request("DELETE", f"{path}/{name}")


def test_secrets_and_config_maps_as_variables(api, kept):
    @dsl.pipeline(name="variables")
    def variables(name: str):
        secret = variable(name="PASSWORD")
        kubernetes.use_secret_as_env(secret, secret_name=name, secret_key_to_env={"password": "PASSWORD"})
        setting = variable(name="SETTING")
        kubernetes.use_config_map_as_env(
            setting, config_map_name=name, config_map_key_to_env={"setting": "SETTING"}
        )

    outcome = api.run(variables, {"name": kept})
    assert [
        t["output_parameters"]["value"] for t in outcome.named("variable") + outcome.named("variable-2")
    ] == ["s3cret", "on"]


def test_secrets_and_config_maps_as_files(api, kept):
    @dsl.pipeline(name="files")
    def files(name: str):
        named = echo(text=name)
        secret = content(file="/etc/kfmesh-test/secret/password")
        kubernetes.use_secret_as_volume(
            secret, secret_name=named.outputs["output"], mount_path="/etc/kfmesh-test/secret"
        )
        with dsl.ParallelFor([kept]) as item:
            setting = content(file="/etc/kfmesh-test/map/setting")
            kubernetes.use_config_map_as_volume(
                setting, config_map_name=item, mount_path="/etc/kfmesh-test/map"
            )

    outcome = api.run(files, {"name": kept})
    assert [
        t["output_parameters"]["text"] for t in outcome.named("content") + outcome.named("content-2")
    ] == ["s3cret", "on"]
    assert not pathlib.Path("/etc/kfmesh-test").exists(), "nothing is mounted on the host"


def test_what_is_optional_may_be_missing_and_what_is_not_may_not(api):
    @dsl.pipeline(name="missing")
    def missing(optional: bool, name: str = "nowhere"):
        with dsl.If(optional == True):  # noqa: E712 - builds an expression
            spared = variable(name="PATH")
            kubernetes.use_secret_as_env(
                spared, secret_name=name, secret_key_to_env={"k": "K"}, optional=True
            )
            kubernetes.use_config_map_as_volume(
                spared, config_map_name=name, mount_path="/mnt/map", optional=True
            )
        with dsl.Else():
            needs = variable(name="K")
            kubernetes.use_secret_as_env(needs, secret_name=name, secret_key_to_env={"k": "K"})

    api.run(missing, {"optional": True})
    outcome = api.run(missing, {"optional": False}, expect="FAILED")
    message = outcome.task("variable-2")["message"]
    assert "secret" in message
    assert "nowhere" in message


def test_a_volume_is_made_shared_and_deleted(api):
    @dsl.pipeline(name="volumes")
    def volumes():
        made = kubernetes.CreatePVC(
            pvc_name_suffix="-data", access_modes=["ReadWriteMany"], size="5Mi", storage_class_name="standard"
        )
        first = shell(script="mkdir /mnt/kfmesh-volume/sub; echo kept > /mnt/kfmesh-volume/sub/file")
        kubernetes.mount_pvc(first, pvc_name=made.outputs["name"], mount_path="/mnt/kfmesh-volume")
        second = content(file="/mnt/kfmesh-sub/file").after(first)
        kubernetes.mount_pvc(
            second, pvc_name=made.outputs["name"], mount_path="/mnt/kfmesh-sub", sub_path="sub"
        )
        kubernetes.DeletePVC(pvc_name=made.outputs["name"]).after(second)

    outcome = api.run(volumes)
    assert outcome.output("content", "text") == "kept\n"
    name = outcome.output("createpvc", "name")
    assert name.endswith("-data")
    gone = lambda: api.request("GET", f"/kfmesh/v1/namespaces/default/volumes/{name}").status_code == 404  # noqa: E731
    until("the volume to go", gone)
    assert not pathlib.Path("/mnt/kfmesh-volume").exists()


def test_labels_annotations_and_fields(api):
    @dsl.component(base_image=PYTHON)
    def fields() -> dict:
        import os

        return {name: os.environ.get(name) for name in ("TIER", "NOTE", "NONE", "RUN", "SPACE", "NAME")}

    @dsl.pipeline(name="fields")
    def with_fields():
        task = fields()
        kubernetes.add_pod_label(task, "tier", "gold")
        kubernetes.add_pod_annotation(task, "a.example/note", "some text")
        for name, path in {
            "TIER": "metadata.labels['tier']",
            "NOTE": "metadata.annotations['a.example/note']",
            "NONE": "metadata.labels['none']",
            "RUN": "metadata.labels['pipeline/runid']",
            "SPACE": "metadata.namespace",
            "NAME": "metadata.name",
        }.items():
            kubernetes.use_field_path_as_env(task, name, path)

    outcome = api.run(with_fields)
    assert outcome.output("fields") == {
        "TIER": "gold",
        "NOTE": "some text",
        "NONE": "",
        "RUN": outcome.run_id,
        "SPACE": "default",
        "NAME": outcome.task("fields")["workload"],
    }


def test_scratch_directories(api):
    @dsl.pipeline(name="scratch")
    def scratch():
        task = shell(
            script='cd /mnt; test -z "$(ls -A kfmesh-scratch)"; '
            "for dir in scratch fast own; do touch kfmesh-$dir/x; done"
        )
        kubernetes.empty_dir_mount(
            task, volume_name="scratch", mount_path="/mnt/kfmesh-scratch", size_limit="1Mi"
        )
        kubernetes.empty_dir_mount(task, volume_name="fast", mount_path="/mnt/kfmesh-fast", medium="Memory")
        kubernetes.add_ephemeral_volume(
            task, volume_name="own", mount_path="/mnt/kfmesh-own", access_modes=["ReadWriteOnce"], size="1Mi"
        )

    api.run(scratch)


def test_a_step_is_stopped_at_its_timeout(api):
    @dsl.pipeline(name="late")
    def late():
        kubernetes.set_timeout(shell(script="sleep 60"), 1)

    outcome = api.run(late, expect="FAILED")
    assert "1s" in outcome.task("shell")["message"] or "deadline" in outcome.task("shell")["message"].lower()


def test_what_cannot_be_honoured_is_a_warning(api):
    @dsl.pipeline(name="warned")
    def warned():
        task = shell(script="true")
        kubernetes.add_node_affinity(
            task, match_expressions=[{"key": "a", "operator": "In", "values": ["b"]}], weight=1
        )
        kubernetes.add_toleration(task, key="gpu", operator="Exists", effect="NoSchedule")
        kubernetes.set_image_pull_policy(task, "Always")

    warnings = api.run(warned).task("shell")["warnings"]
    assert any("nodeAffinity: what it prefers was ignored" in w for w in warnings)
    assert not any("toleration" in w for w in warnings)


def test_a_node_selector_waits_for_its_node(api):
    import platform

    @dsl.pipeline(name="selects")
    def selects(labels: dict):
        here = shell(script="true")
        kubernetes.add_node_selector(here, "kubernetes.io/os", platform.system().lower())
        there = echo(text="never").after(here)
        kubernetes.add_node_selector_json(there, labels)

    run_id = api.submit(selects, {"labels": {"disk": "holographic"}})

    def message():
        return next(
            (t.get("message") for t in api.tasks(run_id) if t.get("name") == "echo" and t.get("message")),
            None,
        )

    assert "disk" in until("the task to say why it waits", message)
    with contextlib.suppress(Exception):
        api.kfp.terminate_run(run_id)
    assert api.finished(run_id).state in ("CANCELED", "FAILED")


def fields_of(descriptor, ours):
    """Paths of all fields of a message; of messages of other files, such as constants, the name alone."""
    for field in descriptor.fields:
        yield field.json_name
        inner = field.message_type
        if inner is not None and inner.file is ours and not inner.GetOptions().map_entry:
            yield from (f"{field.json_name}.{path}" for path in fields_of(inner, ours))


def paths_in(value):
    """Paths of all that JSON holds, list indexes left out."""
    if isinstance(value, list):
        for item in value:
            yield from paths_in(item)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from (f"{key}.{path}" for path in paths_in(inner))


def test_every_field_of_the_sdk_is_looked_at():
    """TestNoFieldOfAPodIsDropped looks at what is in its file; that is all there is."""
    descriptor = executor_config.KubernetesExecutorConfig.DESCRIPTOR
    missing = set(fields_of(descriptor, descriptor.file)) - set(paths_in(json.loads(POD_FIELDS.read_text())))
    assert not missing, f"the SDK has fields that {POD_FIELDS.name} does not: {sorted(missing)}"

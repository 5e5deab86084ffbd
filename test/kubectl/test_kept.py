"""What jobs are given besides: config maps, secrets, claims; and what a cluster has: namespaces, nodes."""

import base64
import json

import pytest

HIDDEN = base64.b64encode(b"<hidden>").decode()


@pytest.fixture
def kept(job, name) -> list[dict]:
    """A job in a namespace of its own, before what it mounts and reads."""
    del job["spec"]["pytorchReplicaSpecs"]["Worker"]
    pod = job["spec"]["pytorchReplicaSpecs"]["Master"]["template"]["spec"]
    pod["containers"][0] |= {
        "command": [
            "sh",
            "-c",
            'echo "$PASSWORD"; cat /settings/train.yaml; echo x > /data/x; exec sleep 600',
        ],
        "env": [{"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}],
        "volumeMounts": [{"name": "d", "mountPath": "/data"}, {"name": "s", "mountPath": "/settings"}],
    }
    pod["volumes"] = [
        {"name": "d", "persistentVolumeClaim": {"claimName": "data"}},
        {"name": "s", "configMap": {"name": "settings"}},
    ]
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "5Gi"}}}
    documents = [
        {
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"},
            "data": {"train.yaml": "lr: 1"},
        },
        {
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"},
            "stringData": {"password": "hunter2"}, "data": {"user": base64.b64encode(b"ann").decode()},
        },
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": claim},
        job,
    ]  # fmt: skip
    for document in documents:
        document["metadata"]["namespace"] = name
    return [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, *documents]


def test_a_job_with_what_it_needs(kubectl, kept, name):
    file = kubectl.file(*kept)
    created = kubectl("apply", "-f", file)
    assert created.count(" created\n") == len(kept)
    kubectl("wait", "-n", name, f"pytorchjob/{name}", "--for=condition=Running", "--timeout=60s")
    assert kubectl("logs", "-n", name, f"{name}-master-0") == "hunter2\nlr: 1"
    again = kubectl("apply", "-f", file)
    for what in (
        f"namespace/{name}",
        "configmap/settings",
        "persistentvolumeclaim/data",
        f"pytorchjob.kubeflow.org/{name}",
    ):
        assert f"{what} unchanged\n" in again
    assert "secret/db configured\n" in again  # for nobody is told what is in it
    shown = kubectl("get", "-n", name, "cm,secrets,pvc")
    assert "Bound" in shown
    assert "5Gi" in shown
    assert name in kubectl("get", "namespaces")
    assert "as long as something is in it" in kubectl.fails("delete", "namespace", name)
    kubectl("delete", "-n", name, f"pytorchjob/{name}", "pvc/data", "secret/db", "cm/settings")
    assert name not in kubectl("get", "namespaces")


def test_values_of_secrets_stay_hidden_and_stay(kubectl, kept, name):
    """What reads a secret and writes it back, as label and edit do, leaves its values as they are."""
    kubectl("apply", "-f", kubectl.file(*kept))
    secret = json.loads(kubectl("get", "-n", name, "secret", "db", "-o", "json"))
    assert secret["data"] == {"password": HIDDEN, "user": HIDDEN}
    assert "hunter2" not in json.dumps(secret)
    assert base64.b64encode(b"ann").decode() not in json.dumps(secret)
    kubectl("label", "-n", name, "secret", "db", "a=b")
    kubectl("edit", "-n", name, "secret", "db", KUBE_EDITOR="sed -i 's/a: b/a: c/'")
    kubectl("patch", "-n", name, "secret", "db", "-p", '{"stringData":{"more":"1"}}')
    kubectl("wait", "-n", name, f"pytorchjob/{name}", "--for=condition=Running", "--timeout=60s")
    kubectl("delete", "-n", name, "pytorchjob", name)
    kubectl("apply", "-f", kubectl.file(kept[-1]))
    kubectl("wait", "-n", name, f"pytorchjob/{name}", "--for=condition=Running", "--timeout=60s")
    assert kubectl("logs", "-n", name, f"{name}-master-0").startswith("hunter2\n")
    fresh = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "new", "namespace": name},
        "data": {"a": HIDDEN},
    }
    assert "no value to be kept" in kubectl.fails("create", "-f", kubectl.file(fresh))
    kubectl("delete", "-n", name, f"pytorchjob/{name}", "pvc/data", "secret/db", "cm/settings")


def test_what_kubectl_makes_by_itself(kubectl, name):
    """These come as protobuf, for kubectl was built with their types."""
    kubectl("create", "-n", name, "configmap", "c", "--from-literal=a=1", "--from-literal=b=")
    assert kubectl("get", "-n", name, "cm", "c", "-o", "jsonpath={.data}") == '{"a":"1","b":""}'
    kubectl("create", "-n", name, "secret", "generic", "s", "--from-literal=password=x", "--type=own")
    assert kubectl("get", "-n", name, "secret", "s", "-o", "jsonpath={.type}") == "own"
    assert "already exists" in kubectl.fails("create", "-n", name, "secret", "generic", "s")
    kubectl(
        "create",
        "-n",
        name,
        "secret",
        "docker-registry",
        "r",
        "--docker-server=s",
        "--docker-username=u",
        "--docker-password=p",
    )
    kubectl("create", "priorityclass", name, "--value=-5", "--description=low")
    assert kubectl("get", "pc", name, "--no-headers").split()[:2] == [name, "-5"]
    assert "created" in kubectl("create", "namespace", f"{name}-empty")
    kubectl("delete", "priorityclass", name)
    kubectl("delete", "-n", name, "cm,secrets", "--all")


def test_what_may_not_be_is_said(kubectl, name):
    def wrong(kind: str, **fields) -> str:
        document = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}} | fields
        return kubectl.fails("create", "-f", kubectl.file(document))

    assert "data: found a number; want a string" in wrong("ConfigMap", data={"a": 1})
    assert 'unknown field "dat"' in wrong("ConfigMap", dat={})
    assert 'data: key "a/b"' in wrong("ConfigMap", data={"a/b": "1"})
    assert "1048577 bytes" in wrong("ConfigMap", data={"a": "x" * (1 << 20 | 1)})
    assert "data.a is not base64" in wrong("Secret", data={"a": "?"})
    claim = {"accessModes": ["Often"], "resources": {"requests": {"storage": "lots"}}, "volumeMode": "Block"}
    said = wrong("PersistentVolumeClaim", spec=claim)
    assert "spec.volumeMode: Unsupported value" in said
    assert "spec.resources[storage]: Invalid value" in said


def test_what_is_immutable(kubectl, name):
    fixed = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": {"a": "1"},
        "immutable": True,
    }
    kubectl("apply", "-f", kubectl.file(fixed))
    said = kubectl.fails("patch", "cm", name, "-p", '{"data":{"a":"2"},"immutable":false}')
    assert "field is immutable when `immutable` is set" in said
    kubectl("label", "cm", name, "a=b")
    kubectl("delete", "cm", name)
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}}
    kubectl(
        "apply",
        "-f",
        kubectl.file(
            {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": claim}
        ),
    )

    def resize(size: str) -> tuple:
        return (
            "patch",
            "pvc",
            name,
            "-p",
            json.dumps({"spec": {"resources": {"requests": {"storage": size}}}}),
        )

    kubectl(*resize("3Gi"))
    assert "can not be less" in kubectl.fails(*resize("1Gi"))
    assert "spec is immutable" in kubectl.fails(
        "patch", "pvc", name, "-p", '{"spec":{"accessModes":["ReadWriteMany"]}}'
    )
    kubectl("delete", "pvc", name)


def test_watching_what_is_kept(kubectl, name):
    gone = kubectl.start("wait", f"cm/{name}", "--for=delete", "--timeout=60s")
    assert gone.wait(60) == 0
    kubectl("create", "configmap", name)
    waits = kubectl.start("wait", f"cm/{name}", "--for=jsonpath={.data.a}=1", "--timeout=60s")
    kubectl("patch", "cm", name, "-p", '{"data":{"a":"1"}}')
    assert waits.wait(60) == 0
    gone = kubectl.start("wait", f"cm/{name}", "--for=delete", "--timeout=60s")
    kubectl("delete", "cm", name)
    assert gone.wait(60) == 0


def test_nodes(kubectl):
    node = kubectl("get", "nodes", "-o", "name").split()[0].removeprefix("node/")
    assert "Ready" in kubectl("get", "node", node)
    assert "SchedulingDisabled" not in kubectl("get", "node", node)
    kubectl("cordon", node)
    try:
        assert "Ready,SchedulingDisabled" in kubectl("get", "node", node)
    finally:
        kubectl("uncordon", node)
    kubectl("taint", "node", node, "team=a:NoSchedule")
    try:
        taints = kubectl("get", "node", node, "-o", "jsonpath={.spec.taints}")
        assert json.loads(taints) == [{"effect": "NoSchedule", "key": "team", "value": "a"}]
    finally:
        kubectl("taint", "node", node, "team:NoSchedule-")
    assert "kubernetes.io/hostname" in kubectl("describe", "node", node)
    assert node in kubectl("top", "nodes")

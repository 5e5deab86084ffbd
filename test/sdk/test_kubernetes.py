"""The Python client of Kubernetes, unmodified: custom objects, what they need, pods, logs and watches."""

import base64

import pytest
from harness.jobs import manifest
from kubernetes import client, config, watch

KIND = ("kubeflow.org", "v1", "default", "pytorchjobs")


@pytest.fixture
def api(kubeconfig) -> client.ApiClient:
    return config.new_client_from_config(str(kubeconfig))


def test_a_job_with_what_it_needs(api, name):
    jobs, core = client.CustomObjectsApi(api), client.CoreV1Api(api)
    meta = client.V1ObjectMeta(name=name)
    core.create_namespaced_config_map("default", client.V1ConfigMap(metadata=meta, data={"k": "v"}))
    core.create_namespaced_secret("default", client.V1Secret(metadata=meta, string_data={"p": "secret"}))
    job = manifest("PyTorchJob", name, 'echo "$P $K"', Master=1)
    container = job["spec"]["pytorchReplicaSpecs"]["Master"]["template"]["spec"]["containers"][0]
    container["env"] = [
        {"name": "P", "valueFrom": {"secretKeyRef": {"name": name, "key": "p"}}},
        {"name": "K", "valueFrom": {"configMapKeyRef": {"name": name, "key": "k"}}},
    ]
    jobs.create_namespaced_custom_object(*KIND, job)
    seen = []
    stream = watch.Watch().stream(
        jobs.list_namespaced_custom_object, *KIND, field_selector=f"metadata.name={name}", timeout_seconds=60
    )
    for event in stream:
        seen += [c["type"] for c in event["object"]["status"].get("conditions", []) if c["status"] == "True"]
        if "Succeeded" in seen:
            break
    assert "Succeeded" in seen
    assert core.read_namespaced_pod_log(f"{name}-master-0", "default") == "secret v\n"
    pods = core.list_namespaced_pod("default", label_selector=f"training.kubeflow.org/job-name={name}").items
    assert [pod.status.phase for pod in pods] == ["Succeeded"]

    core.patch_namespaced_config_map(name, "default", {"data": {"k": "w"}})
    assert core.read_namespaced_config_map(name, "default").data == {"k": "w"}
    hidden = core.read_namespaced_secret(name, "default").data["p"]
    assert base64.b64decode(hidden) == b"<hidden>"
    assert name in [item.metadata.name for item in core.list_namespaced_secret("default").items]

    jobs.delete_namespaced_custom_object(*KIND, name)
    core.delete_namespaced_config_map(name, "default")
    core.delete_namespaced_secret(name, "default")
    with pytest.raises(client.ApiException) as missing:
        jobs.get_namespaced_custom_object(*KIND, name)
    assert missing.value.status == 404


def test_what_a_cluster_has(api):
    core = client.CoreV1Api(api)
    assert core.list_node().items[0].status.capacity["cpu"]
    assert "default" in [item.metadata.name for item in core.list_namespace().items]
    assert client.VersionApi(api).get_code().major == "1"

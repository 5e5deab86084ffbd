"""Making, changing and deleting jobs."""

import copy
import json

import pytest


def containers(job: dict, role: str = "Master") -> list[dict]:
    return job["spec"]["pytorchReplicaSpecs"][role]["template"]["spec"]["containers"]


def shown(kubectl, name: str, *more: str) -> dict:
    return json.loads(kubectl("get", "pytorchjob", name, "-o", "json", *more))


def test_apply(kubectl, job, name):
    """What has not changed is unchanged, and what is taken out of the manifest goes."""
    containers(job)[0]["ports"] = [{"name": "http", "containerPort": 18080}]
    job["metadata"]["annotations"] = {"note": "1"}
    file = kubectl.file(job)
    assert kubectl("apply", "-f", file) == f"pytorchjob.kubeflow.org/{name} created\n"
    assert kubectl("apply", "-f", file) == f"pytorchjob.kubeflow.org/{name} unchanged\n"
    assert kubectl("diff", "-f", file) == ""
    changed = copy.deepcopy(job)
    del changed["metadata"]["annotations"]["note"]
    containers(changed)[0]["env"] = [{"name": "A", "value": "2"}]
    file = kubectl.file(changed)
    assert "- name: A" in kubectl.fails("diff", "-f", file)
    assert "(server dry run)" in kubectl("apply", "-f", file, "--dry-run=server")
    assert kubectl("apply", "-f", file) == f"pytorchjob.kubeflow.org/{name} configured\n"
    now = shown(kubectl, name)
    assert containers(now) == containers(changed)
    assert "note" not in now["metadata"]["annotations"]
    assert kubectl("delete", "-f", file).startswith(f'pytorchjob.kubeflow.org "{name}" deleted')
    assert "NotFound" in kubectl.fails("get", "pytorchjob", name)


def test_server_side_apply(kubectl, job, name):
    """Each manager owns what it applied; what another owns is a conflict unless it is forced."""
    file = kubectl.file(job)
    applied = f"pytorchjob.kubeflow.org/{name} serverside-applied\n"
    assert kubectl("apply", "--server-side", "-f", file) == applied
    assert kubectl("apply", "--server-side", "-f", file) == applied
    revision = shown(kubectl, name)["metadata"]["resourceVersion"]
    kubectl("wait", f"pytorchjob/{name}", "--for=condition=Running", "--timeout=60s")

    part = {key: job[key] for key in ("apiVersion", "kind")} | {
        "metadata": {"name": name, "labels": {"extra": "x"}}
    }
    worker = {"pytorchReplicaSpecs": {"Worker": {"replicas": 3}}}
    other = kubectl.file(part | {"spec": worker})
    mine = ("apply", "--server-side", "--field-manager=tuner", "-f")
    refused = kubectl.fails(*mine, other)
    assert 'conflict with "kubectl"' in refused
    assert ".spec.pytorchReplicaSpecs.Worker.replicas" in refused
    assert "extra" not in shown(kubectl, name)["metadata"]["labels"]
    kubectl(*mine, other, "--force-conflicts")
    now = shown(kubectl, name, "--show-managed-fields")
    assert now["metadata"]["labels"]["extra"] == "x"
    assert now["spec"]["pytorchReplicaSpecs"]["Worker"]["replicas"] == 3
    assert now["metadata"]["resourceVersion"] != revision
    assert {m["manager"] for m in now["metadata"]["managedFields"] if m["operation"] == "Apply"} == {
        "kubectl",
        "tuner",
    }
    assert "tuner" in kubectl.fails("apply", "--server-side", "-f", file)

    # What a manager no longer applies, and nobody else owns, goes.
    kubectl(*mine, kubectl.file(part | {"metadata": {"name": name}, "spec": worker}))
    assert "extra" not in shown(kubectl, name)["metadata"]["labels"]
    kubectl("delete", "pytorchjob", name)


def test_lists_are_merged_element_by_element(kubectl, job, name):
    """Containers, variables and ports have keys: managers own them one by one."""
    containers(job)[0]["env"] = [{"name": "A", "value": "1"}]
    containers(job)[0]["ports"] = [{"name": "http", "containerPort": 18080}]
    kubectl("apply", "--server-side", "-f", kubectl.file(job))
    mine = ("apply", "--server-side", "--field-manager=tuner", "-f")
    part = {key: job[key] for key in ("apiVersion", "kind")} | {"metadata": {"name": name}}

    def with_env(*env: dict) -> str:
        template = {"spec": {"containers": [{"name": "pytorch", "env": list(env)}]}}
        return kubectl.file(part | {"spec": {"pytorchReplicaSpecs": {"Master": {"template": template}}}})

    kubectl(*mine, with_env({"name": "B", "value": "2"}))
    both = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    assert containers(shown(kubectl, name))[0]["env"] == both
    refused = kubectl.fails(*mine, with_env({"name": "A", "value": "9"}))
    assert '.containers[name="pytorch"].env[name="A"].value' in refused
    kubectl(*mine, with_env())
    assert containers(shown(kubectl, name))[0]["env"] == both[:1]
    assert "command" in containers(shown(kubectl, name))[0]
    kubectl("delete", "pytorchjob", name)


def test_client_side_fields_can_be_taken_over(kubectl, job, name):
    """kubectl apply --server-side takes over what kubectl apply has made."""
    file = kubectl.file(job)
    kubectl("apply", "-f", file)
    kubectl("apply", "--server-side", "-f", file)
    del job["metadata"]["labels"]
    kubectl("apply", "--server-side", "-f", kubectl.file(job))
    assert "labels" not in shown(kubectl, name)["metadata"]
    kubectl("delete", "pytorchjob", name)


def test_create_and_replace(kubectl, job, name):
    file = kubectl.file(job)
    assert kubectl("create", "-f", file, "--dry-run=server").endswith("created (server dry run)\n")
    assert "NotFound" in kubectl.fails("get", "pytorchjob", name)
    assert kubectl("create", "-f", file) == f"pytorchjob.kubeflow.org/{name} created\n"
    assert f'pytorchjobs.kubeflow.org "{name}" already exists' in kubectl.fails("create", "-f", file)
    job["spec"]["pytorchReplicaSpecs"]["Worker"]["replicas"] = 1
    assert kubectl("replace", "-f", kubectl.file(job)) == f"pytorchjob.kubeflow.org/{name} replaced\n"
    assert shown(kubectl, name)["spec"]["pytorchReplicaSpecs"]["Worker"]["replicas"] == 1
    assert "replaced" in kubectl("replace", "--force", "-f", file)
    kubectl("delete", "pytorchjob", name)


def test_create_finds_what_is_wrong(kubectl, job):
    wrong = copy.deepcopy(job)
    del containers(wrong)[0]["image"]
    wrong["spec"]["pytorchReplicaSpecs"]["Worker"]["restartPolicy"] = "Sometimes"
    said = kubectl.fails("create", "-f", kubectl.file(wrong))
    assert "image" in said
    assert "Sometimes" in said
    unknown = copy.deepcopy(job)
    unknown["spec"]["worker"] = 2
    assert 'unknown field "spec.worker"' in kubectl.fails("create", "-f", kubectl.file(unknown))
    assert 'Warning: unknown field "spec.worker"' in kubectl(
        "create", "-f", kubectl.file(unknown), "--validate=warn", "--dry-run=server"
    )


@pytest.mark.parametrize(
    ("kind", "patch"),
    [
        ("merge", {"metadata": {"labels": {"tier": "gold"}}}),
        ("json", [{"op": "add", "path": "/metadata/labels/tier", "value": "gold"}]),
    ],
)
def test_patch(kubectl, running, name, kind, patch):
    assert "patched" in kubectl("patch", "pytorchjob", name, "--type", kind, "-p", json.dumps(patch))
    assert shown(kubectl, name)["metadata"]["labels"]["tier"] == "gold"


def test_a_strategic_patch_is_refused_as_for_any_custom_resource(kubectl, running, name):
    said = kubectl.fails("patch", "pytorchjob", name, "-p", '{"metadata":{"labels":{"tier":"gold"}}}')
    assert (
        "application/strategic-merge-patch+json is not supported by kubeflow.org/v1, Kind=PyTorchJob" in said
    )


def test_labels_and_annotations(kubectl, running, name):
    assert "labeled" in kubectl("label", "pytorchjob", name, "a=1")
    assert "already has a value" in kubectl.fails("label", "pytorchjob", name, "a=2")
    kubectl("label", "pytorchjob", name, "a=2", "--overwrite")
    kubectl("annotate", "pytorchjob", name, "b=x")
    now = shown(kubectl, name)["metadata"]
    assert (now["labels"]["a"], now["annotations"]["b"]) == ("2", "x")
    kubectl("label", "pytorchjob", name, "a-")
    assert "a" not in shown(kubectl, name)["metadata"]["labels"]


def test_edit(kubectl, running, name):
    assert "edited" in kubectl("edit", "pytorchjob", name, KUBE_EDITOR="sed -i 's/replicas: 2/replicas: 1/'")
    assert shown(kubectl, name)["spec"]["pytorchReplicaSpecs"]["Worker"]["replicas"] == 1
    assert "no changes made" in kubectl("edit", "pytorchjob", name, KUBE_EDITOR="true")


def test_scale(kubectl, running, name):
    assert kubectl("scale", "pytorchjob", name, "--replicas=3") == f"pytorchjob.kubeflow.org/{name} scaled\n"
    assert shown(kubectl, name)["spec"]["pytorchReplicaSpecs"]["Worker"]["replicas"] == 3
    assert "Expected replicas to be 7, was 3" in kubectl.fails(
        "scale", "pytorchjob", name, "--replicas=1", "--current-replicas=7"
    )
    kubectl("scale", "pytorchjob", name, "--replicas=1", "--current-replicas=3")
    scale = json.loads(kubectl("get", "pytorchjob", name, "--subresource=scale", "-o", "json"))
    assert (scale["kind"], scale["spec"]["replicas"]) == ("Scale", 1)
    assert scale["status"]["selector"].endswith("replica-type=worker")


def test_the_status_is_not_for_clients_to_set(kubectl, running, name):
    patch = ("patch", "pytorchjob", name, "--type=merge", "-p", '{"status":{"conditions":[]}}')
    assert "the server's to say" in kubectl.fails(*patch, "--subresource=status")
    kubectl(*patch)  # through the job itself it is passed over
    assert shown(kubectl, name)["status"]["conditions"]


def test_delete(kubectl, job, name):
    for n in range(3):
        job["metadata"] |= {"name": f"{name}-{n}", "labels": {"of": name, "nr": str(n)}}
        kubectl("create", "-f", kubectl.file(job))
    assert "(server dry run)" in kubectl("delete", "pytorchjob", f"{name}-0", "--dry-run=server")
    assert f'"{name}-0" deleted' in kubectl(
        "delete", "pytorchjob", f"{name}-0", "--cascade=foreground", "--wait"
    )
    assert f'"{name}-1" deleted' in kubectl("delete", "pytorchjobs", "-l", f"of={name},nr=1", "--now")
    assert kubectl("delete", "pytorchjob", f"{name}-0", "--ignore-not-found") == ""
    assert f'"{name}-2" deleted' in kubectl("delete", "pytorchjobs", "-l", f"of={name}", "--cascade=orphan")
    assert "No resources found" in kubectl("get", "pytorchjobs", "-l", f"of={name}")


def test_delete_all_of_a_namespace(kubectl, job, name):
    kubectl("create", "-n", name, "-f", kubectl.file(job))
    assert f'"{name}" deleted' in kubectl("delete", "pytorchjobs", "--all", "-n", name)
    assert "No resources found" in kubectl("get", "pytorchjobs", "-n", name)

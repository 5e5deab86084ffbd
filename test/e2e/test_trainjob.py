"""TrainJobs of Kubeflow Trainer at Kubernetes' API; test/sdk has the real SDK."""

import json
import urllib.request

import pytest
from harness.jobs import Jobs, Refused, condition, holds
from harness.nodes import Node
from harness.process import until

API = "/apis/trainer.kubeflow.org/v1alpha1"
STEP = "trainer.kubeflow.org/trainjob-ancestor-step"

REPORT = """
import json, os, urllib.request
said = json.dumps({"trainerStatus": {"progressPercentage": 40, "metrics": [{"name": "loss", "value": "1"}]}})
url = os.environ["KUBEFLOW_TRAINER_SERVER_URL"]
request = urllib.request.Request(url, said.encode(), method="POST")
request.add_header("Content-Type", "application/json")
request.add_header("Authorization", "Bearer " + open(os.environ["KUBEFLOW_TRAINER_SERVER_TOKEN"]).read())
urllib.request.urlopen(request)
print("rank", os.environ["PET_NODE_RANK"], "of", os.environ["PET_NNODES"], flush=True)
"""


def part(name: str, step: str, script: str, **more) -> dict:
    """One replicated job of a runtime."""
    container = {
        "name": "node" if step == "trainer" else step,
        "image": "python:3",
        "command": ["python3", "-c", script],
    }
    template = {
        "metadata": {"labels": {STEP: step}},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }
    return {"name": name, "template": template, **more}


def runtime(name: str, *parts: dict) -> dict:
    return {
        "apiVersion": "trainer.kubeflow.org/v1alpha1",
        "kind": "TrainingRuntime",
        "metadata": {"name": name, "labels": {"trainer.kubeflow.org/framework": "torch"}},
        "spec": {
            "mlPolicy": {"numNodes": 2, "torch": {}},
            "template": {"spec": {"replicatedJobs": list(parts)}},
        },
    }


def trainjob(name: str, of: str, **spec) -> dict:
    return {
        "apiVersion": "trainer.kubeflow.org/v1alpha1",
        "kind": "TrainJob",
        "metadata": {"name": name},
        "spec": {"runtimeRef": {"name": of, "kind": "TrainingRuntime"}, **spec},
    }


@pytest.fixture
def jobs(mesh) -> Jobs:
    return Jobs(mesh)


@pytest.fixture
def name(unique) -> str:
    return "t" + "".join(c if c.isalnum() else "-" for c in unique.lower())[-30:].strip("-")


def log(jobs: Jobs, pod: str) -> str:
    with urllib.request.urlopen(f"{jobs.url}/api/v1/namespaces/{jobs.namespace}/pods/{pod}/log") as answer:
        return answer.read().decode()


def pods(jobs: Jobs, job: str) -> dict:
    """The pods of a job by the name of their replicated job and index."""
    path = f"/api/v1/namespaces/{jobs.namespace}/pods?labelSelector=jobset.sigs.k8s.io/jobset-name={job}"
    found = {}
    for pod in jobs.call("GET", path)["items"]:
        labels = pod["metadata"]["labels"]
        index = labels["batch.kubernetes.io/job-completion-index"]
        found[f"{labels['jobset.sigs.k8s.io/replicatedjob-name']}-{index}"] = pod
    return found


def test_stages_pods_and_progress(shape, name):
    """In either shape: separate binaries are told where jobs reach the gateway."""
    jobs = Jobs(shape)
    space = f"{API}/namespaces/{jobs.namespace}"
    made = runtime(
        name,
        part("dataset-initializer", "dataset-initializer", "print('fetched')"),
        part("node", "trainer", REPORT, dependsOn=[{"name": "dataset-initializer", "status": "Complete"}]),
    )
    jobs.call("POST", f"{space}/trainingruntimes", made)
    job = trainjob(name, name, trainer={"numNodes": 2}, suspend=True)
    jobs.call("POST", f"{space}/trainjobs", job)
    path = f"{space}/trainjobs/{name}"
    assert condition(jobs.call("GET", path), "Suspended")["reason"] == "Suspended"
    with pytest.raises(Refused) as refused:
        jobs.call("DELETE", f"{space}/trainingruntimes/{name}")
    assert refused.value.code == 409
    jobs.call("PATCH", path, {"spec": {"suspend": False}}, "application/merge-patch+json")

    def done() -> dict | None:
        found = jobs.call("GET", path)
        assert "Failed" not in holds(found), found["status"]
        return found if "Complete" in holds(found) else None

    found = until("the job to complete", done)
    assert condition(found, "Complete")["reason"] == "AllJobsCompleted"
    assert found["status"]["trainerStatus"]["progressPercentage"] == 40
    assert {s["name"]: s["succeeded"] for s in found["status"]["jobsStatus"]} == {
        "node": 1,
        "dataset-initializer": 1,
    }
    shown = pods(jobs, name)
    assert set(shown) == {"dataset-initializer-0", "node-0", "node-1"}
    assert {p["status"]["phase"] for p in shown.values()} == {"Succeeded"}
    assert shown["node-1"]["metadata"]["name"].startswith(f"{name}-node-0-1-")
    until("the log", lambda: log(jobs, shown["node-1"]["metadata"]["name"]) == "rank 1 of 2\n")
    assert log(jobs, shown["dataset-initializer-0"]["metadata"]["name"]) == "fetched\n"
    jobs.call("DELETE", path)
    jobs.call("DELETE", f"{space}/trainingruntimes/{name}")


def test_what_is_built_in(jobs):
    found = jobs.call("GET", f"{API}/clustertrainingruntimes")["items"]
    assert len(found) == 9
    assert all("trainer.kubeflow.org/framework" in r["metadata"]["labels"] for r in found)
    with pytest.raises(Refused) as refused:
        jobs.call("DELETE", f"{API}/clustertrainingruntimes/torch-distributed")
    assert refused.value.code == 403
    with pytest.raises(Refused) as refused:
        jobs.call(
            "POST", f"{API}/namespaces/{jobs.namespace}/trainjobs", trainjob("no-such-runtime", "nothing")
        )
    assert "must be created before the TrainJob is created" in json.dumps(refused.value.status)


def claims(jobs: Jobs) -> dict[str, dict]:
    """The claims of a namespace by name."""
    path = f"/api/v1/namespaces/{jobs.namespace}/persistentvolumeclaims"
    return {c["metadata"]["name"]: c for c in jobs.call("GET", path)["items"]}


def sharing(keeps: str, gpus: int = 0) -> dict:
    """A runtime with a volume that two initializers write to, beside each other, and the training reads."""
    write = "open('/made/{}', 'w').write('there')"
    read = "print(open('/made/dataset').read(), open('/made/model').read())"
    before = [{"name": f"{of}-initializer", "status": "Complete"} for of in ("dataset", "model")]
    parts = [
        part("dataset-initializer", "dataset-initializer", write.format("dataset")),
        part("model-initializer", "model-initializer", write.format("model")),
        part("node", "trainer", read, dependsOn=before),
    ]
    containers = [each["template"]["spec"]["template"]["spec"]["containers"][0] for each in parts]
    for container in containers:
        container["volumeMounts"] = [{"name": "made", "mountPath": "/made"}]
    if gpus:
        containers[-1]["resources"] = {"limits": {"nvidia.com/gpu": gpus}}
    made = runtime("sharing", *parts)
    wanted = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    made["spec"]["template"]["spec"]["volumeClaimPolicies"] = [
        {
            "templates": [{"metadata": {"name": "made"}, "spec": wanted}],
            "retentionPolicy": {"whenDeleted": keeps},
        }
    ]
    return made


def completes(jobs: Jobs, path: str) -> None:
    """Wait for a job to complete."""
    until("it to end", lambda: holds(jobs.call("GET", path)) & {"Complete", "Failed"})
    found = jobs.call("GET", path)
    assert "Complete" in holds(found), found["status"]


@pytest.mark.parametrize("keeps", ["Delete", "Retain"])
def test_volumes_that_a_runtime_has_made(mesh, name, keeps):
    jobs = Jobs(mesh, f"{name}-{keeps}".lower())
    space = f"{API}/namespaces/{jobs.namespace}"
    jobs.call("POST", f"{space}/trainingruntimes", sharing(keeps))
    path = f"{space}/trainjobs/j"
    for _ in range(2):  # the second finds the volume of the first, or that it has gone
        jobs.call("POST", f"{space}/trainjobs", trainjob("j", "sharing", trainer={"numNodes": 1}))
        completes(jobs, path)
        node = pods(jobs, "j")["node-0"]["metadata"]["name"]
        until("the log", lambda node=node: log(jobs, node) == "there there\n")
        claim = claims(jobs)["made-j"]
        assert claim["metadata"]["labels"]["jobset.sigs.k8s.io/jobset-name"] == "j"
        assert claim["spec"]["resources"]["requests"]["storage"] == "1Gi"
        jobs.call("DELETE", path)
        if keeps == "Delete":
            until("the claim to go", lambda: not claims(jobs))
    assert set(claims(jobs)) == ({"made-j"} if keeps == "Retain" else set())


def test_the_volume_is_where_the_gpus_are(head):
    """The head has one GPU, and the training asks for two: all of the job runs on the other node."""
    other = Node(head, 2, "--fake-gpus=2xH100").start()
    try:
        jobs = Jobs(head)
        space = f"{API}/namespaces/default"
        jobs.call("POST", f"{space}/trainingruntimes", sharing("Delete", gpus=2))
        jobs.call("POST", f"{space}/trainjobs", trainjob("j", "sharing", trainer={"numNodes": 1}))
        completes(jobs, f"{space}/trainjobs/j")
        assert {pod["spec"]["nodeName"] for pod in pods(jobs, "j").values()} == {other.name}
        jobs.call("DELETE", f"{space}/trainjobs/j")
        until("the claim to go", lambda: not claims(jobs))
    finally:
        other.process.stop()

"""Looking at jobs, pods and events, and at what the server has."""

import json
import threading

import pytest
from harness.jobs import manifest
from harness.process import until


def test_get(kubectl, running, name):
    assert kubectl("get", "pytorchjob", name).split()[:5] == ["NAME", "STATE", "AGE", name, "Running"]
    assert kubectl("get", "pytorchjob", name, "-o", "name") == f"pytorchjob.kubeflow.org/{name}\n"
    assert name in kubectl("get", "pytorchjobs", "--all-namespaces")
    assert name in kubectl(
        "get", "pytorchjobs.v1.kubeflow.org", "-l", f"of in ({name}),!none", "--show-labels"
    )
    by_name = kubectl("get", "pytorchjobs", "--field-selector", f"metadata.name={name}", "-o", "name")
    assert by_name == f"pytorchjob.kubeflow.org/{name}\n"
    assert "field label not supported: spec.x" in kubectl.fails(
        "get", "pytorchjobs", "--field-selector", "spec.x=1"
    )
    path = "{.spec.pytorchReplicaSpecs.Worker.replicas}"
    assert kubectl("get", "pytorchjob", name, "-o", f"jsonpath={path}") == "2"
    columns = "custom-columns=N:.metadata.name,W:.spec.pytorchReplicaSpecs.Worker.replicas"
    assert kubectl("get", "pytorchjob", name, "-o", columns, "--no-headers").split() == [name, "2"]
    assert "managedFields" not in kubectl("get", "pytorchjob", name, "-o", "yaml")
    assert f"pod/{name}-master-0" in kubectl("get", "all")
    assert "the server doesn't have a resource type" in kubectl.fails("get", "deployments")


def test_pods(kubectl, running, name):
    selector = f"training.kubeflow.org/job-name={name}"
    pods = kubectl("get", "pods", "-l", selector, "-o", "wide", "--no-headers").splitlines()
    assert [pod.split()[:3] for pod in pods] == [
        [f"{name}-master-0", "1/1", "Running"],
        [f"{name}-worker-0", "1/1", "Running"],
        [f"{name}-worker-1", "1/1", "Running"],
    ]
    assert (
        len(
            kubectl(
                "get", "pods", "-l", selector, "--field-selector=status.phase=Running", "-o", "name"
            ).split()
        )
        == 3
    )
    assert "No resources found" in kubectl(
        "get", "pods", "-l", selector, "--field-selector=status.phase=Failed"
    )
    kubectl("wait", "pod", "-l", selector, "--for=condition=Ready", "--timeout=60s")
    assert f"{name}-master-0" in kubectl("describe", "pod", f"{name}-master-0")


def test_describe(kubectl, running, name):
    said = kubectl("describe", "pytorchjob", name)
    assert "API Version:  kubeflow.org/v1" in said
    assert "PyTorchJobRunning" in said.partition("Events:")[2]


def test_watch(kubectl, job, name):
    """A watch goes on: it tells of what becomes of a job, and of its end."""
    watch = kubectl.start("get", "pytorchjobs", "-w", "-l", f"of={name}", "--output-watch-events")
    lines: list[str] = []
    threading.Thread(target=lambda: lines.extend(iter(watch.stdout.readline, "")), daemon=True).start()
    try:
        kubectl("apply", "-f", kubectl.file(job))
        kubectl(
            "wait",
            f"pytorchjob/{name}",
            "--for=jsonpath={.status.replicaStatuses.Worker.active}=2",
            "--timeout=60s",
        )
        gone = kubectl.start("wait", f"pytorchjob/{name}", "--for=delete", "--timeout=60s")
        kubectl("delete", "pytorchjob", name)
        assert gone.wait(60) == 0
        until("the deletion to be told", lambda: any("DELETED" in line for line in lines), 60)
        assert "ADDED" in lines[1], lines
    finally:
        watch.kill()
        watch.communicate()


def test_events(kubectl, running, name):
    assert "PyTorchJobRunning" in kubectl("events", "--for", f"pytorchjob/{name}")
    assert f"pod/{name}-worker-1" in kubectl("get", "events")
    of_pod = kubectl(
        "get", "events", "--field-selector", f"involvedObject.name={name}-worker-1", "-o", "json"
    )
    assert {event["involvedObject"]["kind"] for event in json.loads(of_pod)["items"]} == {"Pod"}


def test_events_that_come_later_are_told(kubectl, mesh, job, name):
    watch = kubectl.start("get", "events", "-w")
    lines: list[str] = []
    threading.Thread(target=lambda: lines.extend(iter(watch.stdout.readline, "")), daemon=True).start()
    try:
        kubectl("apply", "-f", kubectl.file(job))
        for what in ("PyTorchJobCreated", "PyTorchJobRunning"):
            until(what, lambda what=what: any(what in line and name in line for line in lines), 60)
        until("a pod's event", lambda: any(f"pod/{name}-worker-1" in line for line in lines), 60)
    finally:
        watch.kill()
        watch.communicate()
        kubectl("delete", "pytorchjob", name)


def test_logs(kubectl, running, name):
    worker = f"{name}-worker-0"
    assert kubectl("logs", worker) == "hello\n"
    assert kubectl("logs", worker, "-c", "pytorch", "--tail=1") == "hello\n"
    assert kubectl("logs", worker, "--tail=0") == ""
    assert kubectl("logs", worker, "--limit-bytes=2") == "he"
    assert kubectl("logs", worker, "--all-containers") == "hello\n"
    of_all = kubectl("logs", "-l", f"training.kubeflow.org/job-name={name}", "--prefix").splitlines()
    assert sorted(of_all) == [
        f"[pod/{name}-{pod}/pytorch] hello" for pod in ("master-0", "worker-0", "worker-1")
    ]
    assert "not valid for pod" in kubectl.fails("logs", worker, "-c", "none")
    assert "previous terminated container" in kubectl.fails("logs", worker, "--previous")
    timed = kubectl("logs", worker, "--since=1h", "--timestamps")
    assert timed.startswith("hello\n")
    assert "Warning: lines of logs carry no times here" in timed
    assert "NotFound" in kubectl.fails("logs", f"{name}-worker-9")


def test_logs_are_followed(kubectl, name):
    job = manifest("PyTorchJob", name, "echo one; sleep 1; echo two", Master=1)
    kubectl("apply", "-f", kubectl.file(job))
    kubectl("wait", "pod", f"{name}-master-0", "--for=create", "--timeout=60s")
    assert kubectl("logs", "-f", f"{name}-master-0") == "one\ntwo\n"
    kubectl("wait", f"pytorchjob/{name}", "--for=condition=Succeeded", "--timeout=60s")
    kubectl("delete", "pytorchjob", name)


def test_logs_of_the_attempt_before(kubectl, name):
    job = manifest(
        "PyTorchJob",
        name,
        'echo "attempt $KFMESH_ATTEMPT"; [ "$KFMESH_ATTEMPT" = 1 ] && exit 1; exec sleep 600',
        Master=1,
    )
    kubectl("apply", "-f", kubectl.file(job))
    kubectl("wait", f"pytorchjob/{name}", "--for=condition=Restarting", "--timeout=60s")
    pod = f"{name}-master-0"
    until("the next attempt", lambda: kubectl.finish("logs", pod)[1] == "attempt 2\n", 60)
    assert kubectl("logs", pod, "--previous") == "attempt 1\n"
    kubectl("delete", "pytorchjob", name)


@pytest.mark.parametrize("kind", ["TrainJob", "MPIJob"])
def test_other_kinds(kubectl, name, kind):
    job = {
        "TrainJob": {
            "apiVersion": "trainer.kubeflow.org/v1alpha1", "kind": "TrainJob", "metadata": {"name": name},
            "spec": {
                "runtimeRef": {"name": "torch-distributed"},
                "trainer": {"numNodes": 1, "image": "probe", "command": ["sh", "-c", "echo hello"]},
            },
        },
        "MPIJob": manifest("MPIJob", name, "echo hello", Launcher=1),
    }[kind]  # fmt: skip
    file = kubectl.file(job)
    kubectl("apply", "-f", file)
    assert kubectl("apply", "-f", file).endswith("unchanged\n")
    done = {"TrainJob": "Complete", "MPIJob": "Succeeded"}[kind]
    kubectl("wait", f"{kind.lower()}/{name}", f"--for=condition={done}", "--timeout=60s")
    kubectl("delete", "-f", file)


def test_runtimes(kubectl, name):
    assert "torch-distributed" in kubectl("get", "clustertrainingruntimes", "-o", "name")
    stock = json.loads(kubectl("get", "clustertrainingruntime", "torch-distributed", "-o", "json"))
    own = {
        "apiVersion": stock["apiVersion"],
        "kind": "TrainingRuntime",
        "metadata": {"name": name},
        "spec": stock["spec"],
    }
    file = kubectl.file(own)
    assert kubectl("apply", "-f", file).endswith("created\n")
    assert kubectl("apply", "-f", file).endswith("unchanged\n")
    assert kubectl("apply", "--server-side", "-f", file).endswith("serverside-applied\n")
    kubectl("delete", "-f", file)
    assert "Forbidden" in kubectl.fails("delete", "clustertrainingruntime", "torch-distributed")


def test_what_the_server_has(kubectl):
    assert "Server Version: v1." in kubectl("version")
    assert "kubeflow.org/v1" in kubectl("api-versions").split()
    resources = kubectl("api-resources", "--namespaced", "-o", "wide")
    assert "pytorchjobs" in resources
    assert kubectl("auth", "can-i", "create", "pytorchjobs").startswith("yes")
    assert "*.*" in kubectl("auth", "can-i", "--list")
    assert "system:anonymous" in kubectl("auth", "whoami")
    assert kubectl("config", "current-context") == "c\n"
    assert kubectl("get", "--raw", "/livez") == "ok"


def test_what_there_is_not_is_said(kubectl, running, name):
    view = "pods and events are a view of jobs here"
    pod = f"{name}-master-0"
    assert view in kubectl.fails("run", "x", "--image=y")
    assert view in kubectl.fails("delete", "pod", pod)
    assert "pods have no exec here" in kubectl.fails("exec", pod, "--", "ls")
    assert "pods have no portforward here" in kubectl.fails("port-forward", f"pod/{pod}", ":8000")
    assert "pods have no attach here" in kubectl.fails("attach", pod)


def test_explain(kubectl):
    """The schemas are made of the structs that manifests are read into."""
    assert "KIND:       PyTorchJob" in kubectl("explain", "pytorchjob")
    said = kubectl("explain", "pytorchjob.spec.pytorchReplicaSpecs.template.spec.containers")
    assert "command\t<[]string>\n    Program that is run" in said
    tree = kubectl("explain", "pytorchjobs", "--recursive")
    assert "elasticPolicy\t<Object>" in tree
    assert "ttlSecondsAfterFinished\t<integer>" in tree
    assert "runtimeRef" in kubectl("explain", "trainjob.spec")
    assert "slotsPerWorker" in kubectl("explain", "mpijob.spec", "--api-version=kubeflow.org/v2beta1")
    assert "replicatedJobs" in kubectl("explain", "clustertrainingruntime.spec.template.spec")
    assert "stringData" in kubectl("explain", "secret")
    assert "does not exist" in kubectl.fails("explain", "pytorchjob.spec.nothing")

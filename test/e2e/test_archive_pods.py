"""Pods, logs and events of training jobs in the archive: as they were when the job ended."""

import json
import subprocess
import urllib.request

import pytest
from harness.jobs import Jobs, Refused, manifest
from harness.process import BIN, until

# The worker fails the first time, and has the job start again.
SCRIPT = """
echo "$KFMESH_REPLICA wrote this, attempt $KFMESH_ATTEMPT"
case $KFMESH_REPLICA-$KFMESH_ATTEMPT in worker-0-1) exit 3;; *-1) exec sleep 60;; esac
"""
PODS = "/api/v1/namespaces/default/pods"
EVENTS = "/api/v1/namespaces/default/events"
TRAINJOBS = "/apis/trainer.kubeflow.org/v1alpha1/namespaces/default/trainjobs"


def until_archived(mesh, job: dict) -> None:
    """Wait until nothing of a job is anywhere else."""

    def archived() -> bool:
        url = f"{mesh.url}/kfmesh/v1/namespaces/default/trainingjobs/{job['kind']}/{job['metadata']['name']}"
        with urllib.request.urlopen(url) as answer:
            return json.load(answer).get("archived", False)

    def workloads() -> list:
        with urllib.request.urlopen(f"{mesh.url}/kfmesh/v1/workloads") as answer:
            return json.load(answer).get("workloads", [])

    until("it to be archived", archived)
    until("its workloads to go", lambda: not workloads())


def kfmesh(mesh, *args: str) -> str:
    done = subprocess.run(
        [BIN / "kfmesh", f"--server={mesh.grpc_address}", *args],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def log(mesh, pod: str, query: str = "") -> str:
    with urllib.request.urlopen(f"{mesh.url}{PODS}/{pod}/log?{query}") as answer:
        return answer.read().decode()


def what(jobs: Jobs, query: str) -> list[tuple[str, str]]:
    """Names and phases of pods."""
    return [
        (pod["metadata"]["name"], pod["status"]["phase"])
        for pod in jobs.call("GET", f"{PODS}?{query}")["items"]
    ]


def reasons(jobs: Jobs, name: str) -> set[str]:
    """Reasons of the events of an object."""
    found = jobs.call("GET", f"{EVENTS}?fieldSelector=involvedObject.name%3D{name}")["items"]
    return {event["reason"] for event in found}


def test_pods_logs_and_events_are_there_as_long_as_the_job(archiving):
    jobs = Jobs(archiving)
    job = manifest("PyTorchJob", "kept", SCRIPT, Master=1, Worker=2)
    jobs.create(job)
    jobs.wait(job, "Succeeded")
    until_archived(archiving, job)

    def look() -> None:
        pods = [
            ("kept-master-0", "Succeeded"),
            ("kept-worker-0", "Succeeded"),
            ("kept-worker-1", "Succeeded"),
        ]
        assert what(jobs, "labelSelector=training.kubeflow.org%2Fjob-name%3Dkept") == pods
        assert what(jobs, "") == pods
        assert what(jobs, "fieldSelector=metadata.name%3Dkept-worker-1") == pods[2:]
        lead = (
            "labelSelector=training.kubeflow.org%2Fjob-name%3Dkept,training.kubeflow.org%2Fjob-role%3Dmaster"
        )
        assert what(jobs, lead) == pods[:1]
        pod = jobs.call("GET", f"{PODS}/kept-worker-0")
        ended = pod["status"]["containerStatuses"][0]["state"]["terminated"]
        assert (ended["exitCode"], ended["reason"]) == (0, "Completed")
        assert pod["spec"]["containers"][0]["command"] == ["sh", "-c", SCRIPT]
        assert log(archiving, "kept-worker-0", "container=pytorch") == "worker-0 wrote this, attempt 2\n"
        assert log(archiving, "kept-worker-0", "previous=true") == "worker-0 wrote this, attempt 1\n"
        assert kfmesh(archiving, "logs", "job/kept") == "master-0 wrote this, attempt 2\n"
        assert kfmesh(archiving, "logs", "job/kept", "--replica=worker-0", "--attempt=1") == (
            "worker-0 wrote this, attempt 1\n"
        )
        assert reasons(jobs, "kept") >= {"PyTorchJobCreated", "PyTorchJobSucceeded"}
        assert reasons(jobs, "kept-worker-1") == {"Started", "Completed"}
        described = kfmesh(archiving, "describe", "job", "kept")
        assert "worker-1" in described
        assert "PyTorchJobSucceeded" in described

    look()
    archiving.kill()
    archiving.start()
    look()
    jobs.patch(job, {"metadata": {"labels": {"seen": "yes"}}})  # for which it comes back
    until_archived(archiving, job)
    look()
    jobs.delete(job)
    assert what(jobs, "") == []
    with pytest.raises(Refused):
        jobs.call("GET", f"{PODS}/kept-worker-0")


def test_how_replicas_failed_is_kept(archiving):
    jobs = Jobs(archiving)
    job = manifest("JAXJob", "broken", "echo oh; exit 7", Worker=1)
    jobs.create(job)
    jobs.wait(job, "Failed")
    until_archived(archiving, job)
    pod = jobs.call("GET", f"{PODS}/broken-worker-0")
    ended = pod["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (pod["status"]["phase"], ended["exitCode"], ended["message"]) == ("Failed", 7, "oh\n")
    assert reasons(jobs, "broken-worker-0") == {"Started", "Failed"}
    assert "exit status 7" in kfmesh(archiving, "describe", "job", "broken")


def test_pods_of_a_trainjob(archiving):
    jobs = Jobs(archiving)
    job = {
        "apiVersion": "trainer.kubeflow.org/v1alpha1",
        "kind": "TrainJob",
        "metadata": {"name": "new-style"},
        "spec": {
            "runtimeRef": {"name": "torch-distributed"},
            "trainer": {"numNodes": 2, "image": "probe", "command": ["sh", "-c", "echo node $PET_NODE_RANK"]},
        },
    }
    jobs.call("POST", TRAINJOBS, job)
    until_archived(archiving, job)
    found = what(jobs, "labelSelector=jobset.sigs.k8s.io%2Fjobset-name%3Dnew-style")
    assert [phase for _, phase in found] == ["Succeeded"] * 2
    assert [log(archiving, name, "container=node") for name, _ in found] == ["node 0\n", "node 1\n"]


def test_nothing_is_kept_that_the_job_had_removed(archiving):
    jobs = Jobs(archiving)
    job = manifest("PyTorchJob", "clean", "true", Master=1)
    job["spec"]["runPolicy"] = {"cleanPodPolicy": "All"}
    jobs.create(job)
    jobs.wait(job, "Succeeded")
    until_archived(archiving, job)
    assert what(jobs, "") == []


def test_a_watch_does_not_see_pods_go_to_the_archive(archiving):
    jobs = Jobs(archiving)
    job = manifest("JAXJob", "moved", "true", Worker=1)
    url = f"{archiving.url}{PODS}?watch=true&timeoutSeconds=60"
    with urllib.request.urlopen(url, timeout=60) as changes:
        jobs.create(job)
        until_archived(archiving, job)
        last = manifest("JAXJob", "last", "true", Worker=1)
        jobs.create(last)
        seen = []
        for line in changes:
            change = json.loads(line)
            if change["object"]["metadata"]["name"] == "last-worker-0":
                break
            seen.append((change["type"], change["object"]["metadata"]["name"]))
    assert seen[0] == ("ADDED", "moved-worker-0")
    assert {kind for kind, _ in seen[1:]} == {"MODIFIED"}

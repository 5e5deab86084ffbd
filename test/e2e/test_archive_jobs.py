"""Training jobs that ended are archived, and looked at as before."""

import glob
import json
import subprocess
import urllib.request

import pytest
from harness.jobs import Jobs, Refused, holds, manifest
from harness.process import BIN, until
from harness.split import SERVICES, Split

SCRIPT = 'echo "$KFMESH_REPLICA was here"; echo x > "$KFMESH_CHECKPOINT_DIR/last"'


def archived(mesh, job: dict) -> bool:
    name = job["metadata"]["name"]
    url = f"{mesh.url}/kfmesh/v1/namespaces/default/trainingjobs/{job['kind']}/{name}"
    with urllib.request.urlopen(url) as answer:
        return json.load(answer).get("archived", False)


def checkpoints(mesh) -> list[str]:
    return glob.glob(f"{mesh.data_dir}/agent/kept/*/*/checkpoints/last")


def workloads(mesh) -> int:
    with urllib.request.urlopen(f"{mesh.url}/kfmesh/v1/workloads") as answer:
        return len(json.load(answer).get("workloads", []))


def test_an_archived_job_is_as_before(archiving):
    jobs = Jobs(archiving)

    def kfmesh(*args):
        done = subprocess.run(
            [BIN / "kfmesh", f"--server={archiving.grpc_address}", *args],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    job = manifest("PyTorchJob", "old", SCRIPT, Master=1, Worker=1)
    job["metadata"]["labels"] = {"team": "a"}
    jobs.create(job)
    before = jobs.wait(job, "Succeeded")
    until("it to be archived", lambda: archived(archiving, job))
    until("its workload to go", lambda: workloads(archiving) == 0)
    got = jobs.get(job)
    assert {k: v for k, v in got["metadata"].items() if k != "resourceVersion"} == {
        k: v for k, v in before["metadata"].items() if k != "resourceVersion"
    }
    assert (got["spec"], holds(got)) == (before["spec"], {"Created", "Succeeded"})
    assert checkpoints(archiving), "its checkpoints are there as long as it is"

    live = manifest("PyTorchJob", "live", "sleep 60", Master=1)
    jobs.create(live)
    path = jobs.path("PyTorchJob")
    listed = jobs.call("GET", path)
    assert [item["metadata"]["name"] for item in listed["items"]] == ["live", "old"]
    assert listed["items"][1] == {k: v for k, v in got.items() if k in listed["items"][1]}
    page = jobs.call("GET", path + "?limit=1")
    rest = jobs.call("GET", path + f"?limit=1&continue={page['metadata']['continue']}")
    assert [item["metadata"]["name"] for item in page["items"] + rest["items"]] == ["live", "old"]
    for query in ("labelSelector=team%3Da", "fieldSelector=metadata.name%3Dold"):
        found = jobs.call("GET", f"{path}?{query}")["items"]
        assert [item["metadata"]["name"] for item in found] == ["old"]

    assert "SUCCEEDED" in kfmesh("get", "job", "old")
    assert "PyTorchJobSucceeded" in kfmesh("describe", "job", "old")
    assert kfmesh("logs", "job/old", "--replica", "worker-0") == "worker-0 was here\n"

    with pytest.raises(Refused) as refused:
        jobs.create(job)
    assert refused.value.status["reason"] == "AlreadyExists"
    changed = jobs.patch(job, {"metadata": {"annotations": {"note": "x"}}})
    assert changed["metadata"]["uid"] == got["metadata"]["uid"]
    until("it to be archived again", lambda: archived(archiving, job))
    assert jobs.get(job)["metadata"]["annotations"]["note"] == "x"

    jobs.delete(job)
    with pytest.raises(Refused):
        jobs.get(job)
    until("its checkpoints to go", lambda: not checkpoints(archiving))
    again = jobs.create(job)
    assert again["metadata"]["uid"] != got["metadata"]["uid"]
    jobs.wait(job, "Succeeded")


def test_a_watch_does_not_see_the_move(archiving):
    jobs = Jobs(archiving)
    job = manifest("JAXJob", "moved", SCRIPT, Worker=1)
    version = jobs.call("GET", jobs.path("JAXJob"))["metadata"]["resourceVersion"]
    jobs.create(job)
    until("it to be archived", lambda: archived(archiving, job))
    last = jobs.get(job)["metadata"]["resourceVersion"]
    jobs.delete(job)
    url = f"{archiving.url}{jobs.path('JAXJob')}?watch=true&resourceVersion={version}&timeoutSeconds=30"
    seen = []
    with urllib.request.urlopen(url, timeout=60) as changes:
        for line in changes:
            change = json.loads(line)
            seen.append((change["type"], change["object"]["metadata"]["resourceVersion"]))
            if change["type"] == "DELETED":
                assert change["object"]["metadata"]["name"] == "moved"
                break
    kinds = [kind for kind, _ in seen]
    assert kinds[0] == "ADDED"
    assert set(kinds[1:-1]) == {"MODIFIED"}
    assert seen[-2][1] == last, "its last change is the last that was told"


def test_kill_9_while_jobs_are_archived(archiving):
    """Whatever moment kfmesh dies at, every job is there once, in whole."""
    jobs = Jobs(archiving)
    all_jobs = [manifest("JAXJob", f"k{n}", SCRIPT, Worker=1) for n in range(12)]
    for n, job in enumerate(all_jobs):
        jobs.create(job)
        if n % 3 == 2:
            archiving.kill()
            archiving.start()
    until("all to be archived", lambda: all(archived(archiving, job) for job in all_jobs))
    archiving.kill()
    archiving.start()
    listed = jobs.call("GET", jobs.path("JAXJob"))["items"]
    assert sorted(item["metadata"]["name"] for item in listed) == sorted(
        j["metadata"]["name"] for j in all_jobs
    )
    for item in listed:
        assert "Succeeded" in holds(item)
        assert item["spec"]["jaxReplicaSpecs"]["Worker"]["replicas"] == 1
    until("all workloads to go", lambda: workloads(archiving) == 0)
    assert len(checkpoints(archiving)) == len(all_jobs)
    for job in all_jobs:
        jobs.delete(job)
    archiving.kill()
    archiving.start()
    until("all checkpoints to go", lambda: not checkpoints(archiving))
    assert jobs.call("GET", jobs.path("JAXJob"))["items"] == []


def test_jobs_stay_while_metadata_is_away(tmp_path):
    """One process a service: a job that ends while metadata is down stays live, and is archived later."""
    mesh = Split(tmp_path / "split", KFMESH_ARCHIVE_JOBS_AFTER="100ms")
    try:
        mesh.start()
        jobs = Jobs(mesh)
        first, second = (manifest("JAXJob", name, SCRIPT, Worker=1) for name in ("first", "second"))
        jobs.create(first)
        until("it to be archived", lambda: archived(mesh, first))
        metadata = mesh.processes[SERVICES[::-1].index("metadata")]
        metadata.kill()
        jobs.create(second)
        jobs.wait(second, "Succeeded")
        assert not archived(mesh, second)
        with pytest.raises(Refused) as refused:  # which is in the archive alone
            jobs.get(first)
        assert "archive of the metadata service" in refused.value.status["message"]
        jobs.call("DELETE", "/kfmesh/v1/namespaces/default/trainingjobs/JAXJob/first")
        mesh.restart("metadata")
        until("the other to be archived", lambda: archived(mesh, second), 100)
        listed = jobs.call("GET", jobs.path("JAXJob"))["items"]
        assert [item["metadata"]["name"] for item in listed] == ["second"]
    finally:
        mesh.stop()

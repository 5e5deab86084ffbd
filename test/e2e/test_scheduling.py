"""How workloads are placed, as those see it who submit them: gangs that grow, taints, priorities."""

import json
import pathlib
import subprocess

import kfp
import pytest
import yaml
from harness.jobs import Jobs, condition, holds, manifest
from harness.nodes import Head
from harness.process import BIN, environment, until
from kfp import dsl, kubernetes

SECONDS = 60
UNTIL_GO = (
    'echo "run $$" >> "$OUT/$KFMESH_JOB.$KFMESH_REPLICA"; '
    'until [ -e "$OUT/$KFMESH_JOB.go" ]; do sleep 0.05; done'
)


@pytest.fixture
def head(tmp_path):
    """A head with two GPUs, whose queues take turns by their share."""
    flags = ("--fake-gpus=2xH100", "--fair-share", "--node-lease=2s", "--fair-share-half-life=1h")
    own = Head(tmp_path / "head", *flags)
    try:
        yield own.start()
    finally:
        own.stop()


@pytest.fixture
def jobs(head) -> Jobs:
    return Jobs(head)


def gpu_job(name: str, out: pathlib.Path, workers: int = 1, gpus: int = 1, script: str = UNTIL_GO) -> dict:
    """A job whose workers need GPUs each, and end once a file is there."""
    job = manifest("PyTorchJob", name, script, env={"OUT": str(out)}, Worker=workers)
    pod = job["spec"]["pytorchReplicaSpecs"]["Worker"]["template"]["spec"]
    pod["containers"][0]["resources"] = {"limits": {"nvidia.com/gpu": gpus}}
    return job


def apply(head: Head, folder: pathlib.Path, *flags: str, **objects: dict) -> str:
    """Apply objects with the CLI."""
    for name, found in objects.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(found))
    files = [part for name in objects for part in ("-f", str(folder / f"{name}.yaml"))]
    return head.cli("apply", *flags, *files)


def waits(head: Head) -> dict[str, str]:
    """Why jobs wait in the default queue, by name, in order."""
    waiting = json.loads(head.cli("queue", "default", "-o", "json")).get("waiting", [])
    return {each["name"].rsplit("-", 2)[0]: each["reason"] for each in waiting}


def test_an_elastic_job_begins_with_its_least_and_grows(head, jobs, tmp_path):
    other, job = gpu_job("other", tmp_path), gpu_job("grows", tmp_path, workers=2)
    job["spec"]["elasticPolicy"] = {"minReplicas": 1, "maxReplicas": 2}
    jobs.create(other)
    jobs.wait(other, "Running")
    jobs.create(job)
    first = tmp_path / "grows.worker-0"
    until("the first worker runs", first.exists)
    found = jobs.wait(job, "Running")
    assert found["status"]["replicaStatuses"]["Worker"] == {"active": 1}
    assert "joins the others when there is room" in head.cli("describe", "job", "grows")
    assert not (tmp_path / "grows.worker-1").exists()
    head.kill()
    head.start()
    (tmp_path / "other.go").touch()
    until("the second worker joins", (tmp_path / "grows.worker-1").exists)
    (tmp_path / "grows.go").touch()
    done = jobs.wait(job, "Succeeded")
    assert done["status"]["replicaStatuses"]["Worker"] == {"succeeded": 2}
    assert len(first.read_text().splitlines()) == 1, "the first was started anew for the second to join"


def test_taints_keep_off_what_does_not_tolerate_them(head, jobs, tmp_path):
    assert head.cli("taint", "head", "team=a:NoSchedule") == "tainted node head\n"
    assert "team=a:NoSchedule" in head.cli("describe", "node", "head")
    head.kill()
    head.start()
    (tmp_path / "none.go").touch()
    (tmp_path / "tolerates.go").touch()
    job, tolerant = gpu_job("none", tmp_path), gpu_job("tolerates", tmp_path)
    pod = tolerant["spec"]["pytorchReplicaSpecs"]["Worker"]["template"]["spec"]
    pod["tolerations"] = [{"key": "team", "operator": "Equal", "value": "a", "effect": "NoSchedule"}]
    jobs.create(job)
    jobs.create(tolerant)
    assert not jobs.warnings
    jobs.wait(tolerant, "Succeeded")
    assert "waits for a node without taint team=a" in waits(head)["none"]

    @dsl.component(base_image="python:3.12")
    def step():
        print("tolerated")

    @dsl.pipeline
    def tolerating():
        kubernetes.add_toleration(step(), key="team", operator="Exists")

    client = kfp.Client(host=head.url)
    run = client.create_run_from_pipeline_func(tolerating, enable_caching=False)
    assert client.wait_for_run_completion(run.run_id, SECONDS).state == "SUCCEEDED"
    assert head.cli("taint", "head", "team-") == "untainted node head\n"
    jobs.wait(job, "Succeeded")


def test_what_asks_for_too_much_waits_or_fails(head, jobs, tmp_path):
    large, larger = gpu_job("large", tmp_path, gpus=3), gpu_job("larger", tmp_path, gpus=4)
    apply(head, tmp_path, large=large)
    apply(head, tmp_path, "--when-unsatisfiable=fail", larger=larger)
    failed = jobs.wait(larger, "Failed")
    why = condition(failed, "Failed")
    assert why["reason"] == "PyTorchJobUnsatisfiable"
    assert "asks for more than there is: it waits for a node with more GPUs" in why["message"]
    assert not holds(jobs.get(large)) & {"Running", "Failed"}
    assert "waits for a node with more GPUs" in head.cli("describe", "job", "large")

    @dsl.component(base_image="python:3.12")
    def step():
        print("never")

    @dsl.pipeline
    def asking():
        task = step().set_accelerator_type("nvidia.com/gpu").set_accelerator_limit(9)
        kubernetes.add_pod_annotation(task, "kfmesh.dev/when-unsatisfiable", "fail")

    client = kfp.Client(host=head.url)
    run = client.create_run_from_pipeline_func(asking, enable_caching=False)
    assert client.wait_for_run_completion(run.run_id, SECONDS).state == "FAILED"
    assert "asks for more than there is" in head.cli("describe", "run", run.run_id)


def test_priority_decides_who_is_first(head, jobs, tmp_path):
    high = {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": "high"},
        "value": 1000,
    }
    assert apply(head, tmp_path, high=high) == "priorityclass/high created\n"
    head.cli("create", "priorityclass", "low", "--value=-5")
    assert [line.split()[:2] for line in head.cli("get", "priorityclasses").splitlines()[1:]] == [
        ["low", "-5"],
        ["high", "1000"],
    ]
    holder = gpu_job("holder", tmp_path, gpus=2)
    holder["metadata"]["annotations"] = {"kfmesh.dev/priority": "2000"}
    jobs.create(holder)
    jobs.wait(holder, "Running")
    given = {"low": "low", "none": "", "high": "high"}
    for name, priority in given.items():
        job = gpu_job(name, tmp_path, gpus=2)
        job["spec"]["runPolicy"] = {"schedulingPolicy": {"priorityClass": priority}}
        (tmp_path / f"{name}.go").touch()
        jobs.create(job)
    until("all wait", lambda: len(waits(head)) == len(given))
    assert list(waits(head)) == ["high", "none", "low"]
    assert head.cli("queue").splitlines()[0].split()[-2:] == ["SHARE", "COHORT"]
    (tmp_path / "holder.go").touch()
    jobs.wait(gpu_job("low", tmp_path), "Succeeded")


def test_logs_are_followed_over_attempts(head, jobs, tmp_path):
    script = 'echo "attempt $KFMESH_ATTEMPT"; until [ -e "$OUT/go" ]; do sleep 0.05; done; '
    script += "[ $KFMESH_ATTEMPT -ge 3 ]"
    job = gpu_job("retried", tmp_path, script=script)
    jobs.create(job)
    jobs.wait(job, "Running")
    follows = subprocess.Popen(
        [BIN / "kfmesh", "logs", "job/retried", "-f"],
        env=environment(KFMESH_SERVER=head.grpc_address),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert follows.stdout.readline() == "attempt 1\n"
    (tmp_path / "go").touch()
    rest, _ = follows.communicate(timeout=SECONDS)
    assert rest == "attempt 2\nattempt 3\n"
    assert follows.returncode == 0
    assert "Succeeded" in holds(jobs.get(job))

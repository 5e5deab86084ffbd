"""What pod templates of jobs ask for beside a command: other containers, probes, hooks, volumes, names."""

import json
import pathlib
import urllib.request

import pytest
from harness.jobs import Jobs, condition, manifest
from harness.process import until


@pytest.fixture
def jobs(mesh) -> Jobs:
    return Jobs(mesh)


@pytest.fixture
def name(unique) -> str:
    return "p" + "".join(c if c.isalnum() else "-" for c in unique.lower())[-40:].strip("-")


def pod_of(job: dict, role: str = "Worker") -> dict:
    """The specification of a job's pods."""
    field = next(key for key in job["spec"] if key.endswith("ReplicaSpecs"))
    return job["spec"][field][role]["template"]["spec"]


def shell(name: str, script: str, **more) -> dict:
    return {"name": name, "image": "probe", "command": ["sh", "-c", script], **more}


def make(jobs: Jobs, kind: str, name: str, data: dict) -> None:
    jobs.call("POST", f"/kfmesh/v1/namespaces/default/{kind}", {"metadata": {"name": name}, "data": data})


def test_containers_share_volumes_and_run_in_order(jobs, name, tmp_path):
    script = "cat /scratch/a /scratch/b > /out/said; until [ -e /scratch/side ]; do sleep 0.02; done"
    job = manifest("JAXJob", name, script, Worker=1)
    pod = pod_of(job)
    shared = [{"name": "scratch", "mountPath": "/scratch"}, {"name": "out", "mountPath": "/out"}]
    side = 'trap "echo stopped > /out/side; exit 0" TERM; touch /scratch/side; while :; do sleep 0.02; done'
    pod["initContainers"] = [
        shell("first", "echo one > /scratch/a", volumeMounts=shared),
        shell("sidecar", "touch /scratch/up; exec sleep 60", volumeMounts=shared, restartPolicy="Always")
        | {"startupProbe": {"exec": {"command": ["test", "-e", "/scratch/up"]}, "periodSeconds": 1}},
        shell("second", "test -e /scratch/up && echo two > /scratch/b", volumeMounts=shared),
    ]
    pod["containers"][0]["volumeMounts"] = shared
    pod["containers"].append(shell("beside", side, volumeMounts=shared))
    pod["volumes"] = [
        {"name": "scratch", "emptyDir": {}},
        {"name": "out", "hostPath": {"path": str(tmp_path / "made"), "type": "DirectoryOrCreate"}},
    ]
    jobs.create(job)
    assert jobs.warnings == []
    jobs.wait(job, "Succeeded")
    assert (tmp_path / "made" / "said").read_text() == "one\ntwo\n"
    assert (tmp_path / "made" / "side").read_text() == "stopped\n"


def test_variables_of_secrets_and_config_maps(jobs, name, tmp_path):
    make(jobs, "configmaps", f"{name}-c", {"COLOUR": "red", "SIZE": "1"})
    make(jobs, "secrets", f"{name}-s", {"KEY": "cw=="})
    script = 'echo "$A_COLOUR $SIZE $KEY $(NESTED) $MISSING" > "$OUT"'
    env = {"OUT": str(tmp_path / "out"), "SIZE": "2", "NESTED": "$(A_COLOUR)!"}
    job = manifest("JAXJob", name, script, env=env, Worker=1)
    pod_of(job)["containers"][0]["envFrom"] = [
        {"prefix": "A_", "configMapRef": {"name": f"{name}-c"}},
        {"secretRef": {"name": f"{name}-s"}},
        {"configMapRef": {"name": "no-such-map", "optional": True}},
    ]
    jobs.create(job)
    jobs.wait(job, "Succeeded")
    assert (tmp_path / "out").read_text() == "red 2 s red! \n"


def test_a_failing_init_container_fails_the_job(jobs, name):
    job = manifest("JAXJob", name, "true", Worker=1)
    pod_of(job)["initContainers"] = [shell("broken", "echo no data; exit 3")]
    jobs.create(job)
    failed = condition(jobs.wait(job, "Failed"), "Failed")
    assert "init container broken failed: exit status 3" in failed["message"]


def test_a_failing_liveness_probe_has_the_job_tried_again(jobs, name, tmp_path):
    script = 'echo x >> "$OUT"; [ "$KFMESH_ATTEMPT" = 1 ] || exit 0; exec sleep 60'
    env = {"OUT": str(tmp_path / "out")}
    job = manifest("JAXJob", name, script, env=env, Worker={"replicas": 1, "restartPolicy": "OnFailure"})
    probe = {"exec": {"command": ["false"]}, "periodSeconds": 1, "failureThreshold": 1}
    pod_of(job)["containers"][0]["livenessProbe"] = probe | {"initialDelaySeconds": 1}
    jobs.create(job)
    jobs.wait(job, "Succeeded")
    assert (tmp_path / "out").read_text() == "x\nx\n"


def test_probes_ask_the_port_that_was_allotted(jobs, name, tmp_path):
    serve = "import http.server, os; http.server.test(port=int(os.environ['PORT_HTTP']), bind='127.0.0.1')"
    job = manifest("JAXJob", name, ["python3", "-c", serve], Worker=2)
    container = pod_of(job)["containers"][0]
    container["image"] = "python:3"
    container["ports"] = [{"name": "http", "containerPort": 18999}]
    container["startupProbe"] = {
        "httpGet": {"port": "http", "path": "/"},
        "failureThreshold": 30,
        "periodSeconds": 1,
    }
    container["livenessProbe"] = {"tcpSocket": {"port": 18999}, "periodSeconds": 1, "failureThreshold": 1}
    container["lifecycle"] = {"preStop": {"exec": {"command": ["touch", str(tmp_path / "hook")]}}}
    job["spec"]["runPolicy"] = {"activeDeadlineSeconds": 4}
    jobs.create(job)
    failed = condition(jobs.wait(job, "Failed"), "Failed")
    assert "was active longer than specified deadline" in failed["message"], "no probe has failed"
    until("the hook", (tmp_path / "hook").exists)


def test_names_of_replicas_resolve(jobs, name, tmp_path):
    """Where the agent may mount, which it may as root."""
    script = (
        "import os, socket, sys\n"
        "names = [sys.argv[1] + s for s in ('', '.default', '.default.svc', '.default.svc.cluster.local')]\n"
        "file = open(os.environ['OUT'] + os.environ['KFMESH_REPLICA'], 'w')\n"
        "file.write(' '.join(map(socket.gethostbyname, names)))"
    )
    command = ["python3", "-c", script, f"{name}-master-0"]
    job = manifest("PyTorchJob", name, command, env={"OUT": f"{tmp_path}/"}, Master=1, Worker=1)
    job["spec"]["runPolicy"] = {"cleanPodPolicy": "None"}
    pod_of(job)["hostAliases"] = [{"ip": "192.0.2.7", "hostnames": ["store.example"]}]
    pod_of(job)["containers"][0]["command"] = [
        *("sh", "-c", f'getent hosts store.example > "{tmp_path}/alias"; exec "$@"', "sh", *command)
    ]
    jobs.create(job)
    jobs.wait(job, "Succeeded")
    until("both to have looked", lambda: len(list(tmp_path.glob("*-0"))) == 2)
    for file in tmp_path.glob("*-0"):
        assert file.read_text() == " ".join(["127.0.0.1"] * 4)
    assert (tmp_path / "alias").read_text().split() == ["192.0.2.7", "store.example"]


def test_what_is_wrong_with_containers_is_said(jobs, name):
    job = manifest("JAXJob", name, "true", Worker=1)
    pod = pod_of(job)
    pod["initContainers"] = [shell("a", "true", restartPolicy="Sometimes"), shell("a", "true")]
    pod["containers"][0]["livenessProbe"] = {"exec": {}, "tcpSocket": {"port": 1}}
    pod["containers"][0]["envFrom"] = [{}]
    request = urllib.request.Request(jobs.url + jobs.path("JAXJob"), json.dumps(job).encode())
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    fields = {cause["field"] for cause in json.load(refused.value)["details"]["causes"]}
    at = "spec.jaxReplicaSpecs[Worker].template.spec"
    assert fields == {
        f"{at}.initContainers[0].restartPolicy",
        f"{at}.initContainers[1]",
        f"{at}.containers[0].livenessProbe",
        f"{at}.containers[0].envFrom[0]",
    }


def test_kill_9_amid_containers(own_mesh, tmp_path):
    """A pod of several containers runs on when kfmesh dies, and is taken up again."""
    jobs = Jobs(own_mesh)
    script = f"until [ -e {tmp_path}/go ]; do sleep 0.02; done"
    job = manifest("JAXJob", "pods", script, Worker=1)
    beside = f'trap "echo end >> {tmp_path}/side; exit" TERM; echo begin >> {tmp_path}/side; '
    beside += "while :; do sleep 0.02; done"
    pod_of(job)["containers"].append(shell("beside", beside))
    jobs.create(job)
    until("the companion to run", pathlib.Path(tmp_path / "side").exists)
    own_mesh.kill()
    own_mesh.start()
    (tmp_path / "go").touch()
    jobs.wait(job, "Succeeded")
    assert (tmp_path / "side").read_text() == "begin\nend\n"

"""Training jobs of every kind, with a probe that says what it finds in its environment."""

import json
import pathlib
import subprocess
import time
import urllib.request

import pytest
import yaml
from harness.jobs import Jobs, Refused, condition, holds, manifest
from harness.process import BIN, until

PROBE = 'env > "$OUT/$KFMESH_REPLICA.part" && mv "$OUT/$KFMESH_REPLICA.part" "$OUT/$KFMESH_REPLICA"'


@pytest.fixture
def jobs(mesh) -> Jobs:
    return Jobs(mesh)


@pytest.fixture
def name(unique) -> str:
    return "j" + "".join(c if c.isalnum() else "-" for c in unique.lower())[-40:].strip("-")


def found(out: pathlib.Path) -> dict[str, dict[str, str]]:
    """The environment of every replica, by its name."""
    return {
        file.name: dict(line.split("=", 1) for line in file.read_text().splitlines() if "=" in line)
        for file in out.iterdir()
    }


def probe(jobs: Jobs, job: dict, out: pathlib.Path) -> dict[str, dict[str, str]]:
    """Run a job of probes to its success and return what they found."""
    jobs.create(job)
    jobs.wait(job, "Succeeded")
    until("all probes to have written", lambda: not list(out.glob("*.part")))
    return found(out)


def test_pytorch(jobs, name, tmp_path):
    job = manifest("PyTorchJob", name, PROBE, env={"OUT": str(tmp_path)}, Worker=2, Master=1)
    job["spec"]["runPolicy"] = {"cleanPodPolicy": "None"}
    job["spec"]["nprocPerNode"] = "2"
    jobs.create(job)
    until("three probes", lambda: len(list(tmp_path.glob("*-?"))) == 3)
    environments = found(tmp_path)
    master = environments["master-0"]
    for replica, rank in (("master-0", "0"), ("worker-0", "1"), ("worker-1", "2")):
        env = environments[replica]
        assert (env["RANK"], env["PET_NODE_RANK"]) == (rank, rank)
        assert (env["WORLD_SIZE"], env["PET_NNODES"], env["PET_NPROC_PER_NODE"]) == ("6", "3", "2")
        assert env["MASTER_ADDR"] == env["PET_MASTER_ADDR"] == "127.0.0.1"
        assert env["MASTER_PORT"] == env["PET_MASTER_PORT"] == master["PORT_PYTORCHJOB_PORT"]
    assert len({env["PORT_PYTORCHJOB_PORT"] for env in environments.values()}) == 3
    assert len({env["KFMESH_CHECKPOINT_DIR"] for env in environments.values()}) == 1
    done = jobs.wait(job, "Succeeded")
    assert done["status"]["replicaStatuses"]["Master"] == {"succeeded": 1}
    assert condition(done, "Succeeded")["reason"] == "PyTorchJobSucceeded"
    assert condition(done, "Created")["message"] == f"PyTorchJob {name} is created."


def test_elastic_pytorch(jobs, name, tmp_path):
    job = manifest("PyTorchJob", name, PROBE + " && sleep 0.5", env={"OUT": str(tmp_path)}, Worker=2)
    job["spec"]["elasticPolicy"] = {"minReplicas": 1, "maxReplicas": 3, "maxRestarts": 9}
    environments = probe(jobs, job, tmp_path)
    first = environments["worker-0"]
    for env in environments.values():
        assert env["PET_RDZV_ENDPOINT"] == f"127.0.0.1:{first['PORT_PYTORCHJOB_PORT']}"
        assert (env["PET_RDZV_BACKEND"], env["PET_NNODES"], env["PET_MAX_RESTARTS"]) == ("c10d", "1:3", "9")
        assert "RANK" not in env


def test_a_lost_elastic_worker_comes_back_alone(jobs, name, tmp_path):
    script = 'echo x >> "$OUT/$KFMESH_REPLICA"; [ "$KFMESH_REPLICA" = worker-1 ] || exec sleep 2; '
    script += '[ $(wc -l < "$OUT/worker-1") -ge 3 ] || exit 1; sleep 2'
    job = manifest("PyTorchJob", name, script, env={"OUT": str(tmp_path)}, Worker=2)
    job["spec"]["elasticPolicy"] = {"minReplicas": 1, "maxReplicas": 2}
    jobs.create(job)
    jobs.wait(job, "Succeeded")
    assert (tmp_path / "worker-0").read_text() == "x\n", "the other was started once"
    assert (tmp_path / "worker-1").read_text() == "x\nx\nx\n"


def test_tensorflow(jobs, name, tmp_path):
    job = manifest(
        "TFJob", name, PROBE + " && sleep 0.5", env={"OUT": str(tmp_path)}, Worker=2, PS=1, Chief=1
    )
    environments = probe(jobs, job, tmp_path)
    addresses = {replica: f"127.0.0.1:{env['PORT_TFJOB_PORT']}" for replica, env in environments.items()}
    cluster = {
        "chief": [addresses["chief-0"]],
        "ps": [addresses["ps-0"]],
        "worker": [addresses["worker-0"], addresses["worker-1"]],
    }
    for replica, env in environments.items():
        role, index = replica.rsplit("-", 1)
        config = {"cluster": cluster, "task": {"type": role, "index": int(index)}, "environment": "cloud"}
        assert json.loads(env["TF_CONFIG"]) == config


def test_xgboost(jobs, name, tmp_path):
    job = manifest(
        "XGBoostJob", name, PROBE + " && sleep 0.5", env={"OUT": str(tmp_path)}, Worker=2, Master=1
    )
    environments = probe(jobs, job, tmp_path)
    env = environments["worker-1"]
    assert (env["RANK"], env["WORLD_SIZE"], env["MASTER_ADDR"]) == ("2", "3", "127.0.0.1")
    assert env["MASTER_PORT"] == environments["master-0"]["PORT_XGBOOSTJOB_PORT"]
    assert env["WORKER_ADDRS"] == "127.0.0.1,127.0.0.1"


def test_jax(jobs, name, tmp_path):
    environments = probe(
        jobs, manifest("JAXJob", name, PROBE, env={"OUT": str(tmp_path)}, Worker=3), tmp_path
    )
    for index in range(3):
        env = environments[f"worker-{index}"]
        assert (env["PROCESS_ID"], env["NUM_PROCESSES"]) == (str(index), "3")
        assert env["COORDINATOR_ADDRESS"] == "127.0.0.1"
        assert env["COORDINATOR_PORT"] == environments["worker-0"]["PORT_JAXJOB_PORT"]


def test_paddle(jobs, name, tmp_path):
    environments = probe(
        jobs, manifest("PaddleJob", name, PROBE, env={"OUT": str(tmp_path)}, Worker=2), tmp_path
    )
    for env in environments.values():
        assert env["PADDLE_MASTER"] == f"127.0.0.1:{environments['worker-0']['PORT_MASTER']}"
        assert (env["PADDLE_JOB_ID"], env["PADDLE_NNODES"]) == (name, "2")


def test_mxnet(jobs, name, tmp_path):
    job = manifest(
        "MXJob", name, PROBE + " && sleep 0.5", env={"OUT": str(tmp_path)}, Scheduler=1, Server=1, Worker=2
    )
    environments = probe(jobs, job, tmp_path)
    scheduler = environments["scheduler-0"]["PORT_MXJOB_PORT"]
    env = environments["worker-1"]
    assert (env["DMLC_ROLE"], env["DMLC_WORKER_ID"]) == ("worker", "1")
    assert (env["DMLC_NUM_SERVER"], env["DMLC_NUM_WORKER"], env["DMLC_USE_KUBERNETES"]) == ("1", "2", "1")
    assert (env["DMLC_PS_ROOT_URI"], env["DMLC_PS_ROOT_PORT"]) == ("127.0.0.1", scheduler)
    config = json.loads(env["MX_CONFIG"])
    assert config["task"] == {"type": "worker", "index": 1}
    assert config["cluster"]["scheduler"] == [{"url": "127.0.0.1", "port": int(scheduler)}]


@pytest.mark.parametrize(("version", "suffix"), [("v1", ""), ("v2beta1", ".{}.default.svc")])
def test_mpi_needs_no_sshd(jobs, name, tmp_path, version, suffix):
    """The launcher reaches its workers as mpirun does: by the host file and the agent."""
    script = "while read host slots; do "
    script += '"$OMPI_MCA_plm_rsh_agent" $host echo \'$KFMESH_REPLICA\' "$slots" "$host"; done '
    script += '< "$OMPI_MCA_orte_default_hostfile" > "$OUT/said"; cat /etc/mpi/hostfile > "$OUT/hosts"; '
    script += '/etc/mpi/discover_hosts.sh > "$OUT/found"'
    launcher = {"replicas": 1, "command": ["sh", "-c", script]}
    job = manifest("MPIJob", name, "false", version, {"OUT": str(tmp_path)}, Launcher=launcher, Worker=2)
    job["spec"]["slotsPerWorker"] = 2
    for role in ("Launcher", "Worker"):
        job["spec"]["mpiReplicaSpecs"][role]["template"]["spec"]["containers"][0]["name"] = "any"
    jobs.create(job)
    jobs.wait(job, "Succeeded")
    hosts = [f"{name}-worker-{i}{suffix.format(name)}" for i in range(2)]
    assert (tmp_path / "hosts").read_text() == "".join(f"{host} slots=2\n" for host in hosts)
    assert (tmp_path / "said").read_text() == "".join(
        f"worker-{i} slots=2 {host}\n" for i, host in enumerate(hosts)
    )
    slots = ":2" if version == "v1" else ""
    assert (tmp_path / "found").read_text() == "".join(f"{host}{slots}\n" for host in hosts)
    until("the workers to end", lambda: not running(jobs, name))


def running(jobs: Jobs, name: str) -> list[dict]:
    """Workloads of a job that have not ended."""
    path = f"/kfmesh/v1/namespaces/default/workloads?label_selector[training.kubeflow.org/job-name]={name}"
    listed = jobs.call("GET", path).get("workloads", [])
    ended = ("PHASE_SUCCEEDED", "PHASE_FAILED", "PHASE_STOPPED")
    return [w for w in listed if w["status"]["phase"] not in ended]


MEET = """
import os, socket, sys, time
port = int(os.environ["PORT_PYTORCHJOB_PORT"])
server = socket.create_server(("", port))
if os.environ["RANK"] == "0":
    for _ in range(7):
        peer, _ = server.accept()
        peer.sendall(b"x")
else:
    for _ in range(1000):
        try:
            peer = socket.create_connection((os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])))
            break
        except ConnectionRefusedError:
            time.sleep(0.01)
    assert peer.recv(1) == b"x"
"""


def test_eight_replicas_share_a_host(jobs, name, tmp_path):
    for n in range(2):
        job = manifest("PyTorchJob", f"{name}-{n}", ["python3", "-c", MEET], Master=1, Worker=7)
        jobs.create(job)
    for n in range(2):
        job["metadata"]["name"] = f"{name}-{n}"
        done = jobs.wait(job, "Succeeded")
        assert done["status"]["replicaStatuses"]["Master"] == {"succeeded": 1}


def test_variables_and_the_downward_api(jobs, name, tmp_path):
    command = ["sh", "-c", 'printf "%s|" "$@" > "$OUT/said"', "x"]
    job = manifest(
        "PyTorchJob",
        name,
        command,
        env={"OUT": str(tmp_path), "A": "1", "B": "$(A)2", "C": "$$(A)"},
        Worker=1,
    )
    container = job["spec"]["pytorchReplicaSpecs"]["Worker"]["template"]["spec"]["containers"][0]
    job["spec"]["pytorchReplicaSpecs"]["Worker"]["template"]["metadata"] = {"labels": {"l": "v"}}
    for variable, path in {
        "NAME": "metadata.name",
        "IP": "status.podIP",
        "LABEL": "metadata.labels['l']",
        "INDEX": "metadata.labels['training.kubeflow.org/replica-index']",
    }.items():
        container["env"].append({"name": variable, "valueFrom": {"fieldRef": {"fieldPath": path}}})
    container["args"] = [
        "$(B)",
        "$(C)",
        "$(NONE)",
        "${self.index}",
        "$(NAME)",
        "$(IP)",
        "$(LABEL)",
        "$(INDEX)",
        "$(PET_NNODES)",
    ]
    jobs.create(job)
    jobs.wait(job, "Succeeded")
    want = ["12", "$(A)", "$(NONE)", "${self.index}", f"{name}-worker-0", "127.0.0.1", "v", "0", "1"]
    assert (tmp_path / "said").read_text() == "|".join(want) + "|"


@pytest.mark.parametrize(
    ("policy", "code", "ends", "times"),
    [
        ("Never", 1, "Failed", 1),
        ("OnFailure", 1, "Succeeded", 2),
        ("ExitCode", 127, "Failed", 1),
        ("ExitCode", 130, "Succeeded", 2),
    ],
)
def test_restart_policies(jobs, name, tmp_path, policy, code, ends, times):
    """A job that fails once, and goes on from its checkpoint when it may."""
    script = 'echo x >> "$OUT"; cd "$KFMESH_CHECKPOINT_DIR"; '
    script += f"[ -e first ] && exit 0; touch first; exit {code}"
    job = manifest(
        "JAXJob",
        name,
        script,
        env={"OUT": str(tmp_path / "out")},
        Worker={"replicas": 1, "restartPolicy": policy},
    )
    jobs.create(job)
    done = jobs.wait(job, "Succeeded", "Failed")
    assert ends in holds(done)
    assert len((tmp_path / "out").read_text().splitlines()) == times
    if ends == "Failed":
        assert condition(done, "Failed")["message"].endswith(
            f"1 Worker replica(s) failed: worker-0: exit status {code}"
        )


def test_backoff_limit(jobs, name, tmp_path):
    job = manifest(
        "TFJob",
        name,
        'echo x >> "$OUT"; exit 200',
        env={"OUT": str(tmp_path / "out")},
        Worker={"restartPolicy": "ExitCode"},
    )
    job["spec"]["runPolicy"] = {"backoffLimit": 2}
    jobs.create(job)
    done = jobs.wait(job, "Failed")
    assert "reached the specified backoff limit" in condition(done, "Failed")["message"]
    assert (tmp_path / "out").read_text() == "x\n" * 3


def test_deadline(jobs, name):
    job = manifest("JAXJob", name, "exec sleep 60", Worker=2)
    job["spec"]["runPolicy"] = {"activeDeadlineSeconds": 1}
    jobs.create(job)
    done = jobs.wait(job, "Failed")
    assert condition(done, "Failed")["message"].endswith("was active longer than specified deadline")
    until("the replicas to end", lambda: not running(jobs, name))


def test_a_finished_job_goes_after_its_ttl(jobs, name):
    job = manifest("JAXJob", name, "true", Worker=1)
    job["spec"]["runPolicy"] = {"ttlSecondsAfterFinished": 0}
    jobs.create(job)

    def gone():
        try:
            jobs.get(job)
        except Refused as refused:
            return refused.code == 404

    until("the job to go", gone)


def test_suspend_and_resume(jobs, name, tmp_path):
    script = 'echo $KFMESH_ATTEMPT >> "$OUT"; [ $KFMESH_ATTEMPT = 2 ] || exec sleep 60'
    job = manifest("PyTorchJob", name, script, env={"OUT": str(tmp_path / "out")}, Master=1)
    jobs.create(job)
    jobs.wait(job, "Running")
    jobs.patch(job, {"spec": {"runPolicy": {"suspend": True}}})
    suspended = jobs.wait(job, "Suspended")
    assert "Running" not in holds(suspended)
    assert condition(suspended, "Suspended")["reason"] == "PyTorchJobSuspended"
    until("the replicas to end", lambda: not running(jobs, name))
    jobs.patch(job, {"spec": {"runPolicy": {"suspend": False}}})
    jobs.wait(job, "Succeeded")
    assert (tmp_path / "out").read_text() == "1\n2\n"


def test_delete_stops_what_runs(jobs, name, tmp_path):
    script = (
        f'trap "touch {tmp_path}/ended; exit 1" TERM; touch {tmp_path}/begun; while :; do sleep 0.05; done'
    )
    job = manifest("PyTorchJob", name, script, Master=1)
    jobs.create(job)
    until("it to begin", (tmp_path / "begun").exists)
    answer = jobs.delete(job)
    assert (answer["status"], answer["details"]["kind"]) == ("Success", "pytorchjobs")
    until("it to end", (tmp_path / "ended").exists)
    until("its workload to go", lambda: not running(jobs, name))
    with pytest.raises(Refused) as refused:
        jobs.get(job)
    assert refused.value.status["message"] == f'pytorchjobs.kubeflow.org "{name}" not found'


def test_bad_manifests(jobs, name):
    job = manifest("PyTorchJob", name, "true", Master=2, Boss=1)
    with pytest.raises(Refused) as refused:
        jobs.create(job)
    status = refused.value.status
    assert (refused.value.code, status["reason"], status["details"]["kind"]) == (422, "Invalid", "PyTorchJob")
    causes = {cause["field"]: (cause["reason"], cause["message"]) for cause in status["details"]["causes"]}
    assert causes["spec.pytorchReplicaSpecs[Master].replicas"] == (
        "FieldValueForbidden",
        "Forbidden: must be 1",
    )
    assert causes["spec.pytorchReplicaSpecs[Boss]"][0] == "FieldValueNotSupported"
    assert status["message"].startswith(f'PyTorchJob.kubeflow.org "{name}" is invalid: [')
    job = manifest("PyTorchJob", name, "true", Master=1)
    job["spec"]["unheardOf"] = 1
    jobs.create(job)
    assert jobs.warnings == ['299 - "unknown field \\"spec.unheardOf\\""']
    with pytest.raises(Refused) as refused:
        jobs.create(job)
    assert (refused.value.code, refused.value.status["reason"]) == (409, "AlreadyExists")


def test_kubernetes_verbs(jobs, name):
    text = yaml.safe_dump(
        manifest("JAXJob", name, "exec sleep 60", Worker=1)
        | {"metadata": {"name": name, "labels": {"of": name}}}
    )
    made = jobs.call("POST", jobs.path("JAXJob"), text, "application/yaml")
    assert made["metadata"]["generation"] == 1
    jobs.wait(made, "Running")  # after which nobody else changes it
    listed = jobs.call(
        "GET", jobs.path("JAXJob", all_namespaces=True) + f"?labelSelector=of%20in%20({name},x)"
    )
    assert [item["metadata"]["name"] for item in listed["items"]] == [name]
    assert listed["kind"] == "JAXJobList"
    stale = jobs.get(made)
    patch = [{"op": "add", "path": "/metadata/annotations", "value": {"a": "b"}}]
    jobs.call("PATCH", jobs.path("JAXJob", name), patch, "application/json-patch+json")
    with pytest.raises(Refused) as refused:
        jobs.call("PUT", jobs.path("JAXJob", name), stale)
    assert (refused.value.code, refused.value.status["reason"]) == (409, "Conflict")
    fresh = jobs.get(made)
    assert fresh["metadata"]["generation"] == 1  # which counts what changes the spec
    fresh["metadata"]["labels"]["more"] = "x"
    assert jobs.call("PUT", jobs.path("JAXJob", name), fresh)["metadata"]["annotations"] == {"a": "b"}
    jobs.delete(made)
    since = listed["metadata"]["resourceVersion"]
    path = (
        jobs.path("JAXJob") + f"?watch=true&timeoutSeconds=1&labelSelector=of={name}&resourceVersion={since}"
    )
    with subprocess.Popen(["curl", "-sN", jobs.url + path], stdout=subprocess.PIPE, text=True) as watch:
        types = [json.loads(line)["type"] for line in watch.stdout]
    assert types[0] == "MODIFIED"
    assert types[-1] == "DELETED"
    resources = jobs.call("GET", "/apis/kubeflow.org/v1")["resources"]
    assert {"pytorchjobs", "tfjobs", "mpijobs", "xgboostjobs", "paddlejobs", "jaxjobs", "mxjobs"} <= {
        r["name"] for r in resources
    }


def test_the_command_line(mesh, name, tmp_path):
    def kfmesh(*args, status=0):
        done = subprocess.run(
            [BIN / "kfmesh", f"--server={mesh.grpc_address}", *args],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == status, done.stderr
        return done.stdout + done.stderr

    job = manifest("PyTorchJob", name, "echo I am $RANK; sleep 60", Master=1, Worker=1)
    job["spec"]["pytorchReplicaSpecs"]["Worker"]["template"]["spec"]["readinessGates"] = [
        {"conditionType": "x"}
    ]
    file = tmp_path / "job.yaml"
    file.write_text("# jobs\n---\n" + yaml.safe_dump(job))
    assert "created (server dry run)" in kfmesh("apply", "-f", str(file), "--dry-run=server")
    said = kfmesh("apply", "-f", str(tmp_path))
    assert f"pytorchjob/{name} created" in said
    assert "Warning: spec.pytorchReplicaSpecs[Worker].template.spec.readinessGates has no effect here" in said
    assert f"pytorchjob/{name} unchanged" in kfmesh("apply", "-f", str(file))
    until("it to run", lambda: "RUNNING" in kfmesh("get", "jobs"))
    until("a log", lambda: kfmesh("logs", f"job/{name}") == "I am 0\n")
    until("a log", lambda: kfmesh("logs", f"job/{name}", "--replica", "worker-0") == "I am 1\n")
    described = kfmesh("describe", "job", name)
    assert "PyTorchJobRunning" in described
    assert "worker-0" in described
    kfmesh("suspend", "job", name)
    until("it to be suspended", lambda: "SUSPENDED" in kfmesh("get", "job", name))
    kfmesh("scale", "job", name, "--replicas", "2")
    kfmesh("resume", "job", name)
    until("three replicas", lambda: "3/3" in kfmesh("get", "job", name))
    events = kfmesh("describe", "job", name).partition("\nevents\n")[2].split()
    assert [word for word in events if word in ("PyTorchJobSuspended", "PyTorchJobResumed")] == [
        "PyTorchJobSuspended",
        "PyTorchJobResumed",
    ]
    assert "spec.pytorchReplicaSpecs: Required value: must be required" in kfmesh(
        "apply", "-f", str(bad(tmp_path)), status=2
    )
    assert f"deleted job pytorchjob/{name}" in kfmesh("delete", "-f", str(file))


def bad(folder: pathlib.Path) -> pathlib.Path:
    file = folder / "bad.json"
    file.write_text(
        '{"apiVersion": "kubeflow.org/v1", "kind": "PyTorchJob", "metadata": {"name": "x"}, "spec": {}}'
    )
    return file


def test_kill_9_in_flight(own_mesh, tmp_path):
    """Whatever moment kfmesh dies at, every attempt runs once and every job ends."""
    jobs = Jobs(own_mesh)
    begun = tmp_path / "begun"
    begun.touch()
    script = 'echo "$KFMESH_JOB $KFMESH_ATTEMPT $KFMESH_REPLICA" >> "$OUT"; sleep 0.$RANK; '
    script += '[ "$KFMESH_REPLICA$KFMESH_ATTEMPT" != worker-01 ] || exit 1'
    all_jobs = [
        manifest("PyTorchJob", f"k{n}", script, env={"OUT": str(begun)}, Master=1, Worker=2) for n in range(6)
    ]
    for n, job in enumerate(all_jobs):
        jobs.create(job)
        if n % 2:
            time.sleep(0.05)
            own_mesh.kill()
            own_mesh.start()
    own_mesh.kill()
    own_mesh.start()
    for job in all_jobs:
        jobs.wait(job, "Succeeded")
    lines = begun.read_text().splitlines()
    assert len(lines) == len(set(lines)), "a replica ran twice in one attempt"


def test_split(tmp_path):
    """One process a service: a job runs, and survives the death of the training service."""
    from harness.split import Split

    mesh = Split(tmp_path / "split")
    try:
        mesh.start()
        jobs = Jobs(mesh)
        job = manifest(
            "PyTorchJob", "apart", f"until [ -e {tmp_path}/go ]; do sleep 0.02; done", Master=1, Worker=1
        )
        jobs.create(job)
        jobs.wait(job, "Running")
        mesh.restart("training")
        (tmp_path / "go").touch()
        jobs.wait(job, "Succeeded")
    finally:
        mesh.stop()


def test_what_kubectl_asks_for(jobs, name):
    """Tables, the parameter fieldValidation, and the document in which kubectl looks for it."""
    job = manifest("PyTorchJob", name, "exec sleep 60", Master=1)
    job["spec"]["unheardOf"] = 1
    with pytest.raises(Refused) as refused:
        jobs.call("POST", jobs.path("PyTorchJob") + "?fieldValidation=Strict", job)
    assert (refused.value.code, refused.value.status["message"]) == (
        400,
        'PyTorchJob in version "v1" cannot be handled as a PyTorchJob: '
        'strict decoding error: unknown field "spec.unheardOf"',
    )
    jobs.call("POST", jobs.path("PyTorchJob") + "?fieldValidation=Ignore", job)
    assert jobs.warnings == []
    jobs.wait(job, "Running")
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"

    def table(path: str) -> dict:
        request = urllib.request.Request(jobs.url + path, headers={"Accept": accept})
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    shown = table(jobs.path("PyTorchJob") + f"?fieldSelector=metadata.name={name}")
    assert [c["name"] for c in shown["columnDefinitions"]] == ["Name", "State", "Age"]
    assert shown["rows"][0]["cells"][:2] == [name, "Running"]
    pods = table(f"/api/v1/namespaces/default/pods?labelSelector=training.kubeflow.org/job-name={name}")
    assert pods["rows"][0]["cells"][:4] == [f"{name}-master-0", "1/1", "Running", "0"]
    jobs.delete(job)
    index = jobs.call("GET", "/openapi/v3")["paths"]["apis/kubeflow.org/v1"]["serverRelativeURL"]
    paths = jobs.call("GET", index)["paths"]
    patch = paths["/apis/kubeflow.org/v1/namespaces/{namespace}/pytorchjobs/{name}"]["patch"]
    assert patch["x-kubernetes-group-version-kind"]["kind"] == "PyTorchJob"
    assert "fieldValidation" in [parameter["name"] for parameter in patch["parameters"]]


# What a library that tracks with MLflow does, without one.
TRACKING = """
import json, os, urllib.request

def call(path, **body):
    request = urllib.request.Request(
        os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/runs/" + path,
        data=json.dumps(body | {"run_id": os.environ["MLFLOW_RUN_ID"]}).encode(),
        headers={"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request).read()

for step, loss in enumerate([0.5, 0.25]):
    call("log-metric", key="loss", value=loss, timestamp=step + 1, step=step)
"""


def test_a_job_is_a_tracked_run(mesh, name):
    """What replicas log is the job's: described, listed, and found by MLflow's clients."""
    jobs = Jobs(mesh)
    job = manifest("PyTorchJob", name, ["python3", "-c", TRACKING], Master=1)
    jobs.create(job)
    uid = jobs.wait(job, "Succeeded")["metadata"]["uid"]

    def kfmesh(*args):
        done = subprocess.run(
            [BIN / "kfmesh", f"--server={mesh.grpc_address}", *args],
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.stdout

    described = kfmesh("describe", "job", name)
    assert "Metric loss" in described
    assert "0.25 at step 1" in described
    assert "loss=0.25" in kfmesh("get", "job", name, "-o", "wide")
    url = f"{mesh.url}/api/2.0/mlflow/runs/get?run_id={uid.replace('-', '')}"
    with urllib.request.urlopen(url) as answer:
        info = json.load(answer)["run"]["info"]
    assert (info["run_name"], info["status"]) == (name, "FINISHED")

"""Jobs whose replicas run as another user than kfmesh, which takes a kfmesh of root's."""

import os

import pytest
from harness.jobs import Jobs, condition, manifest

USER = 12345

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root's kfmesh can have replicas run as another user"
)

# Writes wherever a replica may, fails once, and goes on from what it has kept.
SCRIPT = """
set -eu
test "$(id -u):$(id -g)" = 12345:12345
echo x > here; echo x > "$TMPDIR/x"; echo x > /scratch/x; echo x > "/data/$KFMESH_REPLICA"
getent hosts "$MASTER" > /dev/null
mine="$KFMESH_CHECKPOINT_DIR/$KFMESH_REPLICA"
if ! test -e "$mine"; then echo kept > "$mine"; exit 1; fi
cat "$mine"
"""


@pytest.fixture
def jobs(mesh) -> Jobs:
    return Jobs(mesh)


@pytest.fixture
def name(unique) -> str:
    return "u" + "".join(c if c.isalnum() else "-" for c in unique.lower())[-40:].strip("-")


def as_user(job: dict, role: str, user: int) -> dict:
    """Have replicas of a role run as a user, and return the specification of their pods."""
    (field,) = (f for f in job["spec"] if f.endswith("ReplicaSpecs"))
    spec = job["spec"][field][role]["template"]["spec"]
    spec["securityContext"] = {"runAsUser": user}
    return spec


def test_they_write_what_they_must(jobs, name):
    volume = f"v-{name}"
    jobs.call("POST", f"/kfmesh/v1/namespaces/{jobs.namespace}/volumes", {"metadata": {"name": volume}})
    replica = {"replicas": 1, "restartPolicy": "OnFailure"}
    env = {"MASTER": f"{name}-master-0"}
    job = manifest("PyTorchJob", name, SCRIPT, env=env, Master=replica, Worker=replica)
    for role in ("Master", "Worker"):
        spec = as_user(job, role, USER)
        spec["volumes"] = [
            {"name": "scratch", "emptyDir": {}},
            {"name": "data", "persistentVolumeClaim": {"claimName": volume}},
        ]
        spec["containers"][0]["volumeMounts"] = [
            {"name": "scratch", "mountPath": "/scratch"},
            {"name": "data", "mountPath": "/data"},
        ]
    jobs.create(job)
    jobs.wait(job, "Succeeded")


@pytest.mark.parametrize("worker", [USER, 0])
def test_a_launcher_reaches_its_workers(jobs, name, tmp_path, worker):
    """The pi examples of the MPI operator run launcher and workers as user 1000."""
    out = tmp_path / "out"
    out.mkdir()
    out.chmod(0o777)
    reach = 'while read -r host _; do "$OMPI_MCA_plm_rsh_agent" "$host" echo from "$host" as "$(id -u)"; done'
    script = f"{reach} < /etc/mpi/hostfile > /out/said"
    job = manifest("MPIJob", name, script, "v2beta1", Launcher=1, Worker=2)
    as_user(job, "Worker", worker)
    spec = as_user(job, "Launcher", USER)
    spec["volumes"] = [{"name": "out", "hostPath": {"path": str(out)}}]
    spec["containers"][0]["volumeMounts"] = [{"name": "out", "mountPath": "/out"}]
    jobs.create(job)
    jobs.wait(job, "Succeeded")
    assert (out / "said").read_text() == "".join(
        f"from {name}-worker-{i}.{name}.default.svc as {USER}\n" for i in range(2)
    )


def test_a_program_that_they_do_not_reach(jobs, name, tmp_path):
    program = tmp_path / "closed" / "program"
    program.parent.mkdir(mode=0o700)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    job = manifest("PyTorchJob", name, [str(program)], Master={"replicas": 1, "restartPolicy": "Never"})
    as_user(job, "Master", USER)
    jobs.create(job)
    message = condition(jobs.wait(job, "Failed"), "Failed")["message"]
    assert str(program) in message
    assert f"for user {USER}, as whom it runs" in message

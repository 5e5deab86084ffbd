"""The example jobs run as they are and end as they say."""

import re

import pytest
import yaml
from harness.jobs import Jobs
from harness.process import ROOT, until

EXAMPLES = ROOT / "examples" / "jobs"


@pytest.fixture
def logs(kfmesh):
    """What all replicas of a job wrote, in any attempt."""
    return lambda job, namespace: kfmesh("logs", f"job/{job}", "--all", "-n", namespace).stdout


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("job", "says"),
    [
        ("descent", r"step 3000 loss=0\.0\d+ y = (2\.9|3\.0)\d+ x \+ (1\.9|2\.0)\d+"),
        ("xgboost", r"\[19\]\s+test-auc:0\.99"),
    ],
    ids=["descent", "xgboost"],
)
def test_job(mesh, kfmesh, logs, job, says):
    jobs, namespace = Jobs(mesh, f"examples-{job}"), f"examples-{job}"
    assert kfmesh("apply", "-n", namespace, "-f", str(EXAMPLES / f"{job}.yaml")).returncode == 0
    manifest = yaml.safe_load((EXAMPLES / f"{job}.yaml").read_text())
    jobs.wait(manifest, "Succeeded", within_seconds=500)
    text = logs(manifest["metadata"]["name"], namespace)
    assert re.search(says, text), text


def test_descent_goes_on_from_its_checkpoint(mesh, logs):
    jobs = Jobs(mesh, "examples-suspended")
    descent = yaml.safe_load((EXAMPLES / "descent.yaml").read_text())
    for role in descent["spec"]["pytorchReplicaSpecs"].values():
        role["template"]["spec"]["containers"][0]["env"] = [{"name": "STEPS", "value": "1000000000"}]

    jobs.create(descent)
    until("a checkpoint", lambda: "step 500 " in logs("descent", jobs.namespace))
    jobs.patch(descent, {"spec": {"runPolicy": {"suspend": True}}})
    jobs.wait(descent, "Suspended")
    jobs.patch(descent, {"spec": {"runPolicy": {"suspend": False}}})
    until("it to go on", lambda: re.search(r"begins at step [1-9]\d+", logs("descent", jobs.namespace)))
    jobs.delete(descent)

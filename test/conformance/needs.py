"""What pipelines need that a host without clouds and clusters does not have, and how they should end."""

import json
import pathlib
import re
import socket

# What gives a need away in the text of a spec, and what to say of it.
NEEDS = [
    (r'"image": "(gcr\.io/image|dummy|kfp-image)"', "its image does not exist"),
    (r"'aiplatform'", "it installs the package aiplatform, which the package index does not have"),
    (r"google/cloud-sdk|google-cloud-pipeline-components", "it needs an account at Google Cloud"),
    (r"gs://", "it reads from Google Cloud Storage"),
    (r"s3://|minio://", "it needs an object store of that name"),
]

# Steps that read from a host, by what gives them away.
HOSTS = [(r"load_dataset\(", "huggingface.co")]

# Pipelines that are meant to fail though they are not below failing/, and the steps that fail.
FAILING = {
    # A step fails, to show its exit task the state.
    "pipeline_as_exit_task": {"exit-handler-1/fail-op"},
    "pipeline_with_task_final_status": {"exit-handler-1/fail-op"},
    # A step fails, to show that another outlives it.
    "local_execution_pipeline_with_ignore_upstream_failure": {"fail-always"},
    "pipeline_with_task_using_ignore_upstream_failure": {"fail-op"},
    # One step fails unless a variable is set to nothing, and nothing sets it.
    "create_pod_metadata_complex": {"validate-no-pod-metadata"},
}


def missing(spec: dict, gpus: int) -> str:
    """Say what a pipeline needs that is not here, or return nothing."""
    if spec.get("root", {}).get("inputDefinitions", {}).get("artifacts"):
        return "it takes an artifact, which no run request can give"
    text = json.dumps(spec.get("deploymentSpec"))
    for pattern, need in NEEDS:
        if re.search(pattern, text):
            return need
    for pattern, host in HOSTS:
        if re.search(pattern, text) and not resolves(host):
            return f"it reads from {host}, which cannot be reached from here"
    if gpus == 0 and re.search(r"nvidia\.com/gpu|acceleratorType", text):
        return "it needs a GPU"
    return ""


def resolves(host: str) -> bool:
    """Say whether the name of a host is known here."""
    try:
        socket.getaddrinfo(host, 443)
    except OSError:
        return False
    return True


def expected_state(file: pathlib.Path) -> str:
    """Return the state in which a run of a file should end."""
    return "FAILED" if "failing" in file.parts or file.stem in FAILING else "SUCCEEDED"

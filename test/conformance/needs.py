"""What pipelines need that a host without clouds and clusters does not have, and how they should end."""

import json
import pathlib
import re

# What gives a need away in the text of a spec, and the need.
NEEDS = [
    (r"gcr\.io/image|\"dummy\"|kfp-image", "its image does not exist"),
    (r"my_program", "its program does not exist"),
    (r"load_dataset", "a hub of data sets"),
    (r"google/cloud-sdk|google-cloud-pipeline-components|gs://|gcpc", "Google Cloud"),
    (r"argostub/(create|delete)pvc|pvcMount", "Kubernetes volumes"),
    (r"nvidia\.com/gpu|acceleratorType|resourceType", "a GPU"),
    (r"s3://|minio://", "an object store"),
    (r"podMetadata|fieldPathAsEnv", "Kubernetes pod metadata"),
    (r"secretAs|configMapAs", "Kubernetes secrets and config maps"),
]

# Pipelines that are meant to fail though they are not below failing/.
SHOWS_ITS_STATE = "a step fails, to show its exit task the state"
OUTLIVED = "a step fails, to show that another outlives it"
FAILING = {
    "component_with_task_final_status_GH-12033": "an exit task on its own has no state to be shown",
    "pipeline_as_exit_task": SHOWS_ITS_STATE,
    "pipeline_with_task_final_status": SHOWS_ITS_STATE,
    "local_execution_pipeline_with_ignore_upstream_failure": OUTLIVED,
    "pipeline_with_task_using_ignore_upstream_failure": OUTLIVED,
}


def missing(spec: dict, platform: list[dict]) -> str:
    """Say what a pipeline needs that is not here, or return nothing."""
    if spec.get("root", {}).get("inputDefinitions", {}).get("artifacts"):
        return "it takes an artifact, which no run request can give"
    text = json.dumps([spec.get("deploymentSpec"), platform])
    return next(
        (
            f"{need if need.startswith('its') else 'it needs ' + need}"
            for pattern, need in NEEDS
            if re.search(pattern, text)
        ),
        "",
    )


def expected_state(file: pathlib.Path) -> str:
    """Return the state in which a run of a file should end."""
    return "FAILED" if "failing" in file.parts or file.stem in FAILING else "SUCCEEDED"

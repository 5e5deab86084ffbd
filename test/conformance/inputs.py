"""Values for the parameters that a pipeline leaves to whoever runs it."""

import itertools
import pathlib

VALUES = {
    "NUMBER_INTEGER": 3,
    "NUMBER_DOUBLE": 0.5,
    "STRING": "text",
    "BOOLEAN": True,
    "LIST": ["a", "b"],
    "STRUCT": {"key": 1},
    "TASK_FINAL_STATUS": {
        "state": "SUCCEEDED",
        "pipelineJobResourceName": "pipeline-run",
        "pipelineTaskName": "task",
        "error": {},
    },
}

_numbers = itertools.count()


def arguments_for(spec: dict, scratch: pathlib.Path) -> dict:
    """Return a value of the right type for each parameter that needs one. Paths lie below scratch.

    An exit task that runs alone is told of no other task, so the request has to
    tell it of one though its parameter is optional.
    """
    parameters = spec.get("root", {}).get("inputDefinitions", {}).get("parameters", {})
    arguments = {}
    for name, definition in parameters.items():
        if name.endswith("_secs"):
            arguments[name] = 1  # nobody waits for a nap of its own length
        elif definition["parameterType"] == "TASK_FINAL_STATUS":
            arguments[name] = VALUES["TASK_FINAL_STATUS"]
        elif "defaultValue" in definition or definition.get("isOptional"):
            continue
        elif name.endswith("_path"):
            arguments[name] = str(scratch / f"{name}-{next(_numbers)}")
        else:
            arguments[name] = VALUES[definition["parameterType"]]
    return arguments

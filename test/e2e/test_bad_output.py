"""Steps that leave something wrong behind fail with a sentence that says what."""

import pytest
from harness.steps import SHELL
from kfp import dsl
from kfp.dsl import Dataset, Output


@dsl.container_component
def leave(script: str, number: dsl.OutputPath(int), data: Output[Dataset]):
    """Run a script that gets the paths of two outputs and of executor_output.json."""
    return dsl.ContainerSpec(
        image=SHELL,
        command=["sh", "-ec"],
        args=[script, number, data.path, dsl.PIPELINE_TASK_EXECUTOR_OUTPUT_PATH_PLACEHOLDER],
    )


@dsl.pipeline(name="bad-output")
def bad_output(script: str):
    leave(script='mkdir -p "$(dirname "$0")"; ' + f"{script}")


OUTSIDE = """echo 3 > $0; echo '{"artifacts": {"data": {"artifacts": [{"uri": "/etc/hostname"}]}}}' > $2"""


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("true", ['output parameter "number"', "without writing"]),
        ("echo three > $0", ['output parameter "number"', '"three\\n"', "NUMBER_INTEGER"]),
        ("echo 3.5 > $0", ['output parameter "number"', "NUMBER_INTEGER"]),
        ("truncate -s 70000000 $0", ['output parameter "number"', "more"]),
        ("ln -s /etc/hostname $0", ['output parameter "number"', "link"]),
        ("mkfifo $0", ['output parameter "number"', "without writing"]),
        ("echo '{' > $2", ["executor_output.json is malformed", "byte"]),
        ("echo '[1]' > $2", ["executor_output.json is malformed", "a JSON array"]),
        ("""echo '{"parameterValues": 3}' > $2""", ["executor_output.json is malformed", "parameterValues"]),
        (
            """echo '{"parameterValues": {"number": NaN}}' > $2""",
            ["executor_output.json is malformed", "NaN"],
        ),
        (
            """echo '{"parameterValues": {"number": "3"}}' > $2""",
            ['output parameter "number"', 'the text "3"'],
        ),
        ("echo 3 > $0; truncate -s 70000000 $2", ["executor_output.json takes more than the 64 MiB"]),
        (OUTSIDE, ['output artifact "data"', "/etc/hostname"]),
        ("echo 3 > $0; ln -s /etc $1", ['output artifact "data"', "is a link to /etc"]),
    ],
)
def test_a_bad_output_is_named(api, script, said):
    message = api.run(bad_output, {"script": script}, expect="FAILED").task("leave")["message"]
    assert all(part in message for part in said), message


def test_what_was_not_promised_is_a_warning(api):
    script = """echo '{"parameterValues": {"number": 3, "other": 1}}' > $2"""
    assert any('"other"' in w for w in api.run(bad_output, {"script": script}).task("leave")["warnings"])

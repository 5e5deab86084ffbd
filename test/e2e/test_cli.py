"""The command line against a running kfmesh: exit statuses and the formats that scripts read."""

import json

import pytest
from harness.steps import echo, shell
from kfp import compiler, dsl


@dsl.pipeline(name="from-the-cli")
def greet(text: str = "hello") -> str:
    """Return its parameter."""
    return echo(text=text).output


@dsl.pipeline(name="fails-from-the-cli")
def fails():
    """Fail."""
    shell(script="echo about to fail; exit 7").set_caching_options(False)


def compile_to(folder, pipeline) -> str:
    file = str(folder / "pipeline.yaml")
    compiler.Compiler().compile(pipeline, file)
    return file


def test_a_followed_run_that_succeeds(kfmesh, tmp_path):
    result = kfmesh("run", compile_to(tmp_path, greet), "-p", "text=from the shell", "--follow")
    assert result.returncode == 0, result.stderr
    assert "echo" in result.stdout
    assert "SUCCEEDED" in result.stdout


def test_a_followed_run_that_fails(kfmesh, tmp_path):
    result = kfmesh("run", compile_to(tmp_path, fails), "--follow")
    assert result.returncode == 1
    everything = result.stdout + result.stderr
    assert "7" in everything
    assert "about to fail" in everything


@pytest.mark.parametrize(
    "arguments", [["run"], ["run", "no-such-file.yaml"], ["nonsense"], ["get", "nonsense"]]
)
def test_wrong_usage(kfmesh, arguments):
    result = kfmesh(*arguments)
    assert result.returncode != 0
    assert result.stderr
    assert not result.stdout


def test_a_wrong_parameter_is_named(kfmesh, tmp_path):
    result = kfmesh("run", compile_to(tmp_path, greet), "-p", "colour=red")
    assert result.returncode != 0
    assert "colour" in result.stderr


def test_get_describe_logs_delete(kfmesh, api):
    run_id = api.run(fails, expect="FAILED").run_id
    runs = json.loads(kfmesh("get", "runs", "-o", "json").stdout)
    assert run_id in json.dumps(runs)
    assert run_id[:8] in kfmesh("get", "runs").stdout
    described = kfmesh("describe", "run", run_id).stdout
    assert "FAILED" in described
    assert "about to fail" in kfmesh("logs", run_id).stdout
    assert kfmesh("delete", "run", run_id).returncode == 0
    assert kfmesh("describe", "run", run_id).returncode != 0


def test_nobody_answers(kfmesh):
    result = kfmesh("get", "runs", "--server", "127.0.0.1:1")
    assert result.returncode != 0
    assert "127.0.0.1:1" in result.stderr
    assert "kfmesh up" in result.stderr


def test_version_and_doctor(kfmesh):
    assert kfmesh("version").returncode == 0
    assert "uv" in kfmesh("doctor").stdout

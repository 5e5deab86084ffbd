"""Lineage: what an artifact was made from, and what was made from it."""

import pytest
from harness.steps import copy, read, write
from kfp import dsl


@dsl.pipeline(name="lineage")
def lineage():
    """write -> data -> copy -> target -> copy-2 -> target -> read."""
    data = write(text="origin").set_caching_options(False)
    first = copy(source=data.outputs["data"]).set_caching_options(False)
    second = copy(source=first.outputs["target"]).set_caching_options(False)
    read(source=second.outputs["target"]).set_caching_options(False)


@pytest.fixture(scope="module")
def outcome(api):
    return api.run(lineage)


def walk(api, artifact: dict, direction: str) -> tuple[list[str], list[str]]:
    graph = api.get(f"/kfmesh/v1/artifacts/{artifact['artifact_id']}/lineage", direction=direction)
    names = [a["name"] for a in graph["artifacts"]]
    return names, sorted(e["name"] for e in graph.get("executions", []))


def test_up(api, outcome):
    end = outcome.artifact("copy-2", "target")
    names, executions = walk(api, end, "DIRECTION_UP")
    assert len(names) == 3
    assert executions == ["copy", "copy-2", "write"]


def test_down(api, outcome):
    start = outcome.artifact("write", "data")
    names, executions = walk(api, start, "DIRECTION_DOWN")
    assert len(names) == 3
    assert executions == ["copy", "copy-2", "read"]


def test_both_from_the_middle(api, outcome):
    middle = outcome.artifact("copy", "target")
    _, executions = walk(api, middle, "DIRECTION_BOTH")
    assert executions == ["copy", "copy-2", "read", "write"]


def test_artifacts_of_a_run_and_their_content(api, outcome):
    listed = api.get("/kfmesh/v1/artifacts", page_size=200, order_by="create_time desc")["artifacts"]
    mine = [a for a in listed if a.get("context") == outcome.run_id]
    assert len(mine) == 3
    start = outcome.artifact("write", "data")
    assert api.get(f"/kfmesh/v1/artifacts/{start['artifact_id']}")["uri"] == start["uri"]
    content = api.request("GET", f"/kfmesh/v1/artifacts/{start['artifact_id']}/content")
    assert content.text == "origin"


def test_a_reused_artifact_keeps_one_lineage(api):
    @dsl.pipeline(name="lineage-cached")
    def pipeline():
        copy(source=write(text="reused").outputs["data"])

    first = api.run(pipeline)
    second = api.run(pipeline)
    assert second.task("write")["cached_from_run_id"]
    reused, original = second.artifact("write", "data"), first.artifact("write", "data")
    assert reused["artifact_id"] == original["artifact_id"]

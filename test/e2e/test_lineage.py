"""Lineage: what an artifact was made from, and what was made from it."""

import http.server
import json
import subprocess
import threading

import pytest
from harness.api import Api
from harness.mesh import OneProcess
from harness.process import BIN, environment, until
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


class Refusing(http.server.BaseHTTPRequestHandler):
    """A receiver of OpenLineage events that will have none but those that end a run."""

    def do_POST(self):
        """Refuse START."""
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.heard.append(event)
        self.send_response(422 if event["eventType"] == "START" else 201)
        self.end_headers()
        self.wfile.write(b"a run must not start")

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def receiver():
    """A receiver that refuses, with what it heard."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        server.heard = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_events_that_a_receiver_refuses_can_be_looked_at(receiver, tmp_path):
    mesh = OneProcess(tmp_path / "mesh", f"--openlineage-url=http://127.0.0.1:{receiver.server_port}")
    try:
        api = Api(mesh.start())
        api.run(lineage)
        page = lambda **which: api.get("/kfmesh/v1/refusedevents", **which)  # noqa: E731
        until("four refused events", lambda: page().get("total_size") == "4")
        refused = page(page_size=2)
        names = [e["execution_name"] for e in refused["events"]]
        names += [e["execution_name"] for e in page(page_token=refused["next_page_token"])["events"]]
        assert sorted(names) == ["copy", "copy-2", "read", "write"]
        first = refused["events"][0]
        assert (first["status"], first["reason"]) == (422, "a run must not start")
        assert first["event"] in receiver.heard
        command = [BIN / "kfmesh", "lineage", "--refused"]
        env = environment(KFMESH_SERVER=mesh.grpc_address)
        shown = subprocess.run(command, capture_output=True, text=True, env=env, timeout=60, check=True)
        assert shown.stdout.count("START") == 4
        assert "a run must not start" in shown.stdout
    finally:
        mesh.stop()

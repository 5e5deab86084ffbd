"""A client that costs little: what it spends would be measured as if it were kfmesh's."""

import http.client
import json
import time
import urllib.parse

from harness.mesh import Mesh

RUNS = "/apis/v2beta1/runs"
LONGEST_SECONDS = 900
PAUSE_SECONDS = 0.05


class Client:
    """One connection to a kfmesh, kept open."""

    def __init__(self, mesh: Mesh):
        """Connect at the first request."""
        self.connection = http.client.HTTPConnection(mesh.http_address, timeout=120)

    def create(self, body: bytes) -> str:
        """Make a run and return its id."""
        return json.loads(self.request("POST", RUNS, body))["run_id"]

    def state(self, run_id: str) -> str:
        """State of a run, read from a list: a get would return all of its tasks."""
        found = self.list(filter=matching("run_id", run_id))
        return found["runs"][0]["state"]

    def list(self, **parameters) -> dict:
        """List runs."""
        return json.loads(self.request("GET", f"{RUNS}?{urllib.parse.urlencode(parameters)}"))

    def request(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """Send a request and return the body of its answer, which must be good."""
        self.connection.request(method, path, body)
        response = self.connection.getresponse()
        content = response.read()
        assert response.status == http.client.OK, f"{method} {path}: {response.status} {content[:500]!r}"
        return content


def matching(key: str, value: str, operation: str = "EQUALS") -> str:
    """A filter of one predicate."""
    return json.dumps({"predicates": [{"operation": operation, "key": key, "string_value": value}]})


def await_true(what: str, holds) -> None:
    """Poll until something holds."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"waited {LONGEST_SECONDS} s in vain for {what}"
        time.sleep(PAUSE_SECONDS)

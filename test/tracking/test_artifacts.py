"""Artifacts through the proxy: what clients put is what they get, and nothing climbs out."""

import http.client
import pathlib
import socket
import urllib.parse

import mlflow
import pytest
from rest import API, ARTIFACTS, Rest, good, refusal


def test_artifacts_of_a_run(client, run_id, tmp_path):
    tree = tmp_path / "tree"
    (tree / "deep" / "er").mkdir(parents=True)
    (tree / "a.txt").write_text("a")
    (tree / "deep" / "er" / "b ü.bin").write_bytes(bytes(range(256)))
    client.log_artifacts(run_id, str(tree))
    client.log_artifact(run_id, str(tree / "a.txt"), "deep")
    client.log_text(run_id, "hello", "notes/hello.txt")
    client.log_dict(run_id, {"k": [1, 2]}, "notes/d.json")
    listed = client.list_artifacts(run_id)
    assert [(f.path, f.is_dir, f.file_size) for f in listed] == [
        ("a.txt", False, 1),
        ("deep", True, None),
        ("notes", True, None),
    ]
    assert [f.path for f in client.list_artifacts(run_id, "deep")] == ["deep/a.txt", "deep/er"]
    assert client.list_artifacts(run_id, "a.txt") == []
    assert client.list_artifacts(run_id, "none") == []
    got = pathlib.Path(client.download_artifacts(run_id, "", str(tmp_path)))
    assert (got / "deep" / "er" / "b ü.bin").read_bytes() == bytes(range(256))
    assert mlflow.artifacts.load_text(f"runs:/{run_id}/notes/hello.txt") == "hello"
    assert mlflow.artifacts.load_dict(f"runs:/{run_id}/notes/d.json") == {"k": [1, 2]}


def test_an_artifact_is_replaced_and_deleted(client, rest, run_id):
    client.log_text(run_id, "one", "f.txt")
    client.log_text(run_id, "two", "f.txt")
    assert mlflow.artifacts.load_text(f"runs:/{run_id}/f.txt") == "two"
    path = proxied(client, run_id)
    good(rest.send("DELETE", f"{ARTIFACTS}/{path}/f.txt"))
    assert client.list_artifacts(run_id) == []
    assert rest.send("GET", f"{ARTIFACTS}/{path}/f.txt").status_code == 404


def test_an_empty_artifact(client, run_id):
    client.log_text(run_id, "", "empty")
    assert [(f.path, f.file_size or 0) for f in client.list_artifacts(run_id)] == [("empty", 0)]
    assert mlflow.artifacts.load_text(f"runs:/{run_id}/empty") == ""


def test_a_large_artifact(client, run_id, tmp_path):
    big = tmp_path / "big.bin"
    big.write_bytes(bytes(range(256)) * 4096 * 32)  # 32 MiB
    client.log_artifact(run_id, str(big))
    got = pathlib.Path(client.download_artifacts(run_id, "big.bin", str(tmp_path / "..")))
    assert got.read_bytes() == big.read_bytes()


def proxied(client, run_id: str) -> str:
    """Path of a run's artifacts below the proxy's."""
    uri = client.get_run(run_id).info.artifact_uri
    assert uri.startswith("mlflow-artifacts:/"), uri
    return urllib.parse.urlsplit(uri).path.lstrip("/")


CLIMBING = [
    "../up.txt",
    "a/../../up.txt",
    "%2e%2e/up.txt",
    "%2e%2e%2fup.txt",
    "..%2fup.txt",
    "a/%2e%2e/%2e%2e/up.txt",
    "%252e%252e%252fup.txt",
]
# A path that an `mlflow server` would take, or fail at.
STRANGE = ["..%5cup.txt", "a/%00/b"]


def raw(rest: Rest, method: str, target: str, body: bytes | None = None) -> int:
    """Status of a request whose target goes out as it is: requests would tidy it up."""
    parts = urllib.parse.urlsplit(rest.url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    connection.putrequest(method, target, skip_host=False, skip_accept_encoding=True)
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status


@pytest.mark.parametrize("method", ["PUT", "GET", "DELETE"])
@pytest.mark.parametrize("path", CLIMBING)
def test_no_path_climbs_out(client, rest, run_id, method, path):
    check_refused(client, rest, run_id, method, path)


@pytest.mark.parametrize("method", ["PUT", "GET", "DELETE"])
@pytest.mark.parametrize("path", STRANGE)
def test_no_path_is_strange(kfmesh_only, client, rest, run_id, method, path):
    check_refused(client, rest, run_id, method, path)


def check_refused(client, rest: Rest, run_id: str, method: str, path: str) -> None:
    """A request of a path below a run's artifacts is refused and changes nothing."""
    client.log_text(run_id, "kept", "kept.txt")
    base = f"{ARTIFACTS}/{proxied(client, run_id)}"
    status = raw(rest, method, f"{base}/{path}", b"bad" if method == "PUT" else None)
    assert 400 <= status < 500, f"{method} {path}: {status}"
    assert [f.path for f in client.list_artifacts(run_id)] == ["kept.txt"]
    parent = posix_parent(proxied(client, run_id))
    above = good(rest.send("GET", ARTIFACTS, params={"path": parent}))
    assert "up.txt" not in {f["path"].rpartition("/")[2] for f in above["files"]}


@pytest.mark.parametrize("method", ["PUT", "GET", "DELETE"])
@pytest.mark.parametrize("path", ["/etc/passwd", "%2fetc%2fpasswd", "../up.txt", "%2e%2e/up.txt", ".."])
def test_no_path_of_the_proxy_climbs_out(kfmesh_only, rest, method, path):
    status = raw(rest, method, f"{ARTIFACTS}/{path}", b"bad" if method == "PUT" else None)
    assert 400 <= status < 500, f"{method} {path}: {status}"


def posix_parent(path: str) -> str:
    return path.rpartition("/")[0]


@pytest.mark.parametrize("path", ["../", "/etc", "a/../..", "%2e%2e", "..%2f.."])
def test_no_list_climbs_out(rest, run_id, path):
    message = refusal(
        rest.send("GET", f"{API}/artifacts/list", params={"run_id": run_id, "path": path}),
        400,
        "INVALID_PARAMETER_VALUE",
    )
    assert "path" in message.lower()
    refusal(rest.send("GET", ARTIFACTS, params={"path": path}), 400, "INVALID_PARAMETER_VALUE")


def test_an_upload_cut_off_half_way_leaves_nothing(client, rest, run_id):
    client.log_text(run_id, "before", "kept.txt")
    parts = urllib.parse.urlsplit(rest.url)
    for name in ("cut.bin", "kept.txt"):
        with socket.create_connection((parts.hostname, parts.port)) as connection:
            head = f"PUT {ARTIFACTS}/{proxied(client, run_id)}/{name} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            connection.sendall(head.encode() + b"Content-Length: 4000000\r\n\r\n" + b"x" * 3_000_000)
    assert [f.path for f in client.list_artifacts(run_id)] == ["kept.txt"]
    assert mlflow.artifacts.load_text(f"runs:/{run_id}/kept.txt") == "before"
    base = f"{ARTIFACTS}/{proxied(client, run_id)}"
    assert rest.send("GET", f"{base}/cut.bin").status_code == 404


def test_multipart_uploads_are_refused_as_clients_expect(client, rest, run_id):
    response = rest.send(
        "POST",
        f"/api/2.0/mlflow-artifacts/mpu/create/{proxied(client, run_id)}",
        json={"path": "f", "num_parts": 2},
    )
    assert response.status_code == 501
    assert "Multipart upload is not supported for the current artifact repository" in response.text

"""`kfmesh up` as a program: what it prints, how it stops, how it is configured."""

import re

import pytest
import yaml
from harness.mesh import OneProcess
from harness.process import BIN, Process, answers, environment, free_ports, until


def test_it_says_what_it_serves(own_mesh):
    said = until("the word that it is ready", lambda: "ready" in (out := own_mesh.process.output()) and out)
    assert own_mesh.http_address in said
    assert own_mesh.grpc_address in said
    assert str(own_mesh.data_dir) in said
    assert "level=" not in said, "a start without trouble has nothing to warn of"


def test_port_0_picks_a_free_one_and_prints_it(tmp_path):
    command = [
        BIN / "kfmesh",
        "up",
        f"--data-dir={tmp_path / 'data'}",
        "--http-addr=127.0.0.1:0",
        "--grpc-addr=127.0.0.1:0",
    ]
    process = Process(command, tmp_path / "log", environment())
    try:
        url = until("the address", lambda: re.search(r"http://127\.0\.0\.1:([1-9]\d*)", process.output()))[0]
        until("an answer", lambda: answers(f"{url}/readyz"))
    finally:
        assert process.stop() == 0


def test_a_second_instance_is_refused(own_mesh, tmp_path):
    other = OneProcess(tmp_path / "other")
    other.data_dir = own_mesh.data_dir
    process = other.launch()[0]
    assert process.wait(20) != 0
    assert str(own_mesh.data_dir) in process.output()
    assert "in use" in process.output()
    assert answers(f"{own_mesh.url}/readyz"), "the first one goes on"


def test_damaged_state_is_said_to_be_damaged(tmp_path):
    one = OneProcess(tmp_path)
    database = one.data_dir / "etcd" / "member" / "snap" / "db"
    database.parent.mkdir(parents=True)
    database.write_text("no database")
    process = one.launch()[0]
    assert process.wait(20) == 1
    assert f"what is in {one.data_dir}/etcd is damaged" in process.output()
    assert "goroutine" not in process.output()


def test_a_taken_port_is_refused(own_mesh, tmp_path):
    other = OneProcess(tmp_path / "other")
    other.http_address = own_mesh.http_address
    process = other.launch()[0]
    assert process.wait(20) != 0
    assert own_mesh.http_address in process.output()


def test_sigterm_stops_it_in_good_order(own_mesh):
    assert own_mesh.stop() == [0]
    assert not answers(f"{own_mesh.url}/healthz")
    own_mesh.start()


def with_flags(tmp_path, http: str):
    return [f"--http-addr={http}"], {}


def with_variables(tmp_path, http: str):
    return [], {"KFMESH_HTTP_ADDR": http}


def with_file(tmp_path, http: str):
    config = tmp_path / "kfmesh.yaml"
    config.write_text(yaml.safe_dump({"http-addr": http}))
    return [f"--config={config}"], {}


@pytest.mark.parametrize("configure", [with_flags, with_variables, with_file])
def test_every_way_to_configure_it(tmp_path, configure):
    http, grpc = free_ports(2)
    flags, variables = configure(tmp_path, f"127.0.0.1:{http}")
    command = [
        BIN / "kfmesh",
        "up",
        f"--data-dir={tmp_path / 'data'}",
        f"--grpc-addr=127.0.0.1:{grpc}",
        *flags,
    ]
    process = Process(command, tmp_path / "log", environment(**variables))
    try:
        until("an answer", lambda: answers(f"http://127.0.0.1:{http}/readyz"))
    finally:
        assert process.stop() == 0


def test_the_data_directory_can_come_from_the_environment(tmp_path):
    http, grpc = free_ports(2)
    variables = {
        "KFMESH_DATA_DIR": str(tmp_path / "elsewhere"),
        "KFMESH_HTTP_ADDR": f"127.0.0.1:{http}",
        "KFMESH_GRPC_ADDR": f"127.0.0.1:{grpc}",
    }
    process = Process([BIN / "kfmesh", "up"], tmp_path / "log", environment(**variables))
    try:
        until("an answer", lambda: answers(f"http://127.0.0.1:{http}/readyz"))
        assert any((tmp_path / "elsewhere").iterdir())
    finally:
        assert process.stop() == 0


WRONG = [
    ("unknown-flag", ["--colour=red"], "", "colour"),
    ("unknown-key", [], "colour: red", "colour"),
    ("bad-address", ["--http-addr=nonsense"], "", "http-addr"),
]


@pytest.mark.parametrize(("flags", "config", "says"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_wrong_configuration_is_refused(tmp_path, flags, config, says):
    if config:
        (tmp_path / "kfmesh.yaml").write_text(config)
        flags = [f"--config={tmp_path / 'kfmesh.yaml'}"]
    command = [BIN / "kfmesh", "up", f"--data-dir={tmp_path / 'data'}", "--grpc-addr=127.0.0.1:0", *flags]
    process = Process(command, tmp_path / "log", environment())
    assert process.wait(20) != 0
    assert says in process.output()

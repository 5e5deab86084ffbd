"""What manifests expect to be there: images, volumes, secrets, labels of nodes; and what they cannot have."""

import pathlib
import re
import stat
import sys
from collections.abc import Iterator

import yaml
from harness.jobs import Jobs, Refused

# A replica of a job: writes down what it was started with, waits for the others to have begun, and ends well.
STUB = """#!/bin/sh
# Plays whatever an image would run.
mine="{found}/$KFMESH_NAMESPACE~$KFMESH_REPLICA"
{python} -S -c 'import json, os, sys
said = dict(args=sys.argv[1:], cwd=os.getcwd(), env=dict(os.environ))
print(json.dumps(said))' "${{0##*/}}" "$@" > "$mine.part" || exit 1
mv "$mine.part" "$mine"
sleep 0.3
"""

# What a job cannot have here, by what gives it away, and what must be said of it.
REFUSED = [(r"flux", "Flux")]


def documents(folder: pathlib.Path, file: pathlib.Path) -> Iterator[tuple[str, dict]]:
    """Return the objects of a file with where they were found."""
    found = [d for d in yaml.safe_load_all(file.read_text()) if d]
    for number, document in enumerate(found, 1):
        place = str(file.relative_to(folder)) + (f"#{number}" if len(found) > 1 else "")
        yield place, document


def refusal(document: dict) -> str:
    """What must be said of a job that cannot run here; nothing when it can."""
    text = yaml.safe_dump(document.get("spec", {}).get("runtimeRef", {}))
    return next((said for pattern, said in REFUSED if re.search(pattern, text)), "")


def stub(scratch: pathlib.Path) -> pathlib.Path:
    """Make the stub and return its folder, in which it has the names of all that jobs start."""
    folder = scratch / "stub"
    folder.mkdir()
    file = folder / "entrypoint"
    file.write_text(STUB.format(found=scratch / "found", python=sys.executable))
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    for name in PROGRAMS:
        (folder / name).symlink_to(file)
    return folder


PROGRAMS = [
    *("python", "python2", "python3", "torchrun", "tune", "deepspeed", "accelerate", "mlx.launch", "lmp"),
    *("mpirun", "mpiexec", "mpiexec.hydra", "horovodrun", "bash", "sh", "nvidia-smi"),
]


def pods(value: object) -> Iterator[dict]:
    """Return everything in a document that looks like the specification of a pod."""
    if isinstance(value, dict):
        if isinstance(value.get("containers"), list):
            yield value
        for below in value.values():
            yield from pods(below)
    elif isinstance(value, list):
        for below in value:
            yield from pods(below)


def inside(value: object, key: str) -> Iterator:
    """Return every value under a key, at any depth."""
    if isinstance(value, dict):
        for name, below in value.items():
            if name == key:
                yield below
            yield from inside(below, key)
    elif isinstance(value, list):
        for below in value:
            yield from inside(below, key)


def unknown_program(document: dict) -> str:
    """A program at a path of its own, where no stub can stand; nothing when there is none."""
    for words in inside(document, "command"):
        if (
            isinstance(words, list)
            and words
            and str(words[0]).startswith("/")
            and words[0] not in ("/bin/sh", "/bin/bash")
        ):
            return str(words[0])
    return ""


class World:
    """What the documents of a corpus expect."""

    def __init__(self, of: list[dict]):
        """Nothing is made yet."""
        self.of = of

    def images(self, folder: pathlib.Path) -> list[dict]:
        """An image map in which every image is played by the stub."""
        entry = {
            "entrypoint": [str(folder / "entrypoint")],
            "env": {"PATH": f"{folder}:/usr/local/bin:/usr/bin:/bin"},
            "python": str(folder / "none"),  # an interpreter of kfmesh's would come before the stub
        }
        return [{"pattern": "/".join(["*"] * depth), **entry} for depth in range(1, 6)]

    def node_labels(self) -> str:
        """Labels of a node that all select."""
        labels = {}
        for selector in inside(self.of, "nodeSelector"):
            labels |= selector or {}
        return ",".join(f"{key}={value}" for key, value in labels.items())

    def provide(self, jobs: Jobs, document: dict) -> None:
        """Make the volumes, secrets and config maps that a job names."""
        for claim in inside(document, "claimName"):
            self.make(jobs, "volumes", claim, {})
        keys: dict[tuple[str, str], dict] = {}
        for kind, field in (("secrets", "secretKeyRef"), ("configmaps", "configMapKeyRef")):
            for reference in inside(document, field):
                keys.setdefault((kind, reference["name"]), {})[reference["key"]] = "eA=="
        for kind, field, key in (("secrets", "secret", "secretName"), ("configmaps", "configMap", "name")):
            for volume in inside(document, field):
                keys.setdefault((kind, volume[key]), {})
        for kind, field in (("secrets", "secretRef"), ("configmaps", "configMapRef")):
            for reference in inside(document, field):
                keys.setdefault((kind, reference["name"]), {})
        for (kind, name), data in keys.items():
            self.make(jobs, kind, name, {"data": data})

    def make(self, jobs: Jobs, kind: str, name: str, body: dict) -> None:
        """Make one of them, unless it is there."""
        try:
            jobs.call(
                "POST", f"/kfmesh/v1/namespaces/{jobs.namespace}/{kind}", {"metadata": {"name": name}, **body}
            )
        except Refused as refused:
            if refused.code != 409:
                raise


def pods_of(jobs: Jobs, space: str) -> list[dict]:
    """The pods of a namespace."""
    return jobs.call("GET", f"/api/v1/namespaces/{space}/pods")["items"]

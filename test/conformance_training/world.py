"""What manifests expect to be there: images, volumes, secrets, labels of nodes; and what they cannot have."""

import pathlib
import re
from collections.abc import Iterator

import yaml
from harness.jobs import Jobs, Refused

# A replica of a job: writes down what it was started with, waits for the others to have begun, and ends well.
# It needs no more than a shell, for it may be another user, who reaches no more.
STUB = """#!/bin/sh
# Plays whatever an image would run.
mine="{found}/$KFMESH_NAMESPACE~$KFMESH_JOB~$KFMESH_REPLICA"
{{ printf '%s\\0' "${{0##*/}}" "$@" && printf '\\0\\0' && /usr/bin/env -0; }} > "$mine.part" || exit 1
/bin/mv "$mine.part" "$mine"
/bin/sleep 0.3
"""

# What a job cannot have here, by what gives it away, and what must be said of it.
REFUSED = [
    (r"flux", "Flux"),
    # An example of upstream's that upstream's own webhook refuses.
    (r"torch-with-dataset-init$", "must have volumeMount with name - initializer"),
]


class Loader(yaml.SafeLoader):
    """Reads YAML as Kubernetes' clients do: what looks like a time is text."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def documents(folder: pathlib.Path, file: pathlib.Path) -> Iterator[tuple[str, dict]]:
    """Return the objects of a file with where they were found."""
    found = [d for d in yaml.load_all(file.read_text(), Loader) if d]
    for number, document in enumerate(found, 1):
        place = str(file.relative_to(folder)) + (f"#{number}" if len(found) > 1 else "")
        yield place, document


def refusal(document: dict) -> str:
    """What must be said of a job that cannot run here; nothing when it can."""
    spec = document.get("spec", {})
    names = [(spec.get("runtimeRef") or {}).get("name", ""), *(spec.get("mlPolicy") or {})]
    return next((said for pattern, said in REFUSED if any(re.search(pattern, name) for name in names)), "")


def said(file: pathlib.Path) -> dict:
    """What a stub has written down: its arguments, the program's name first, and its environment."""
    args, _, env = file.read_bytes().decode().partition("\0\0\0")
    entries = (entry.partition("=") for entry in env.split("\0") if entry)
    return {"args": args.split("\0"), "env": {name: value for name, _, value in entries}}


def stub(scratch: pathlib.Path, programs: set[str]) -> pathlib.Path:
    """Make the stub and return its folder, in which it has the names of all that jobs start."""
    folder = scratch / "stub"
    folder.mkdir()
    file = folder / "entrypoint"
    file.write_text(STUB.format(found=scratch / "found"))
    file.chmod(0o755)
    for name in programs:
        (folder / name).symlink_to(file)
    return folder


# What scripts start, which is not seen in a manifest.
PROGRAMS = {"python", "python3", "torchrun", "mpirun", "mpiexec", "nvidia-smi", "pip", "pip3", "nslookup"}


def programs(documents: list[dict]) -> set[str]:
    """The programs that documents name without saying where they are, and those that scripts start."""
    first = (str(words[0]) for words in inside(documents, "command") if isinstance(words, list) and words)
    named = {word for word in first if re.fullmatch(r"[A-Za-z0-9_.+-]+", word)}
    return PROGRAMS | named - {"entrypoint", "sleep"}  # which workers of MPI really do


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


def not_to_run(document: dict) -> str:
    """Why a job is not tried out; nothing when it is.

    There is a program at a path of its own, where no stub can stand, or packages are installed.

    Workers of an MPIJob run none of their own.
    """
    spec = document.get("spec", {})
    if document["kind"] == "MPIJob":
        spec = {role: of for role, of in (spec.get("mpiReplicaSpecs") or {}).items() if role != "Worker"}
    for words in inside(spec, "command"):
        if (
            isinstance(words, list)
            and words
            and str(words[0]).startswith("/")
            and words[0] not in ("/bin/sh", "/bin/bash")
        ):
            return f"{words[0]} is a program of its image, at a path of its own"
    return "it installs packages" if "pip install" in str(list(inside(spec, "command"))) else ""


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


def pods_of(jobs: Jobs, job: str) -> list[dict]:
    """The pods of a job."""
    listed = jobs.call("GET", f"/api/v1/namespaces/{jobs.namespace}/pods")["items"]
    labels = ("training.kubeflow.org/job-name", "jobset.sigs.k8s.io/jobset-name")
    return [pod for pod in listed if job in [pod["metadata"]["labels"].get(label) for label in labels]]

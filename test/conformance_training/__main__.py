"""Run a corpus of training manifests against a kfmesh of its own, one line an object.

The corpus is the folder that KFMESH_CORPUS names, or training/ in it. Every job is applied unmodified: it
must be accepted, and its replicas must start and find the environment that its kind promises. What it would
run is played by a stub, which writes down what it was started with.
"""

import dataclasses
import json
import pathlib
import sys
import tempfile
import time

import yaml
from expect import wrong
from harness import corpus
from harness.jobs import Jobs, Refused, holds
from harness.mesh import OneProcess
from harness.process import until
from world import World, documents, pods_of, refusal, stub, unknown_program

WORKERS = 2
SECONDS_A_JOB = 60


@dataclasses.dataclass
class Result:
    """How one object fared."""

    place: str
    kind: str
    verdict: str  # passed, failed or skipped
    why: str = ""
    seconds: float = 0.0

    def __str__(self) -> str:
        """One line."""
        return f"{self.verdict:<8}{self.seconds:6.2f} s  {self.kind:<24}{self.place}  {self.why}"


class Checker:
    """Tries objects on a kfmesh."""

    def __init__(self, mesh: OneProcess, world: World, scratch: pathlib.Path):
        """Nothing is tried yet."""
        self.mesh, self.world, self.scratch = mesh, world, scratch

    def check(self, number: int, place: str, document: dict) -> Result:
        """Try one object."""
        started = time.monotonic()
        kind = document.get("kind", "?")
        try:
            verdict, why = self.judge(f"c{number}", document)
        except Exception as err:
            verdict, why = "failed", f"{type(err).__name__}: {err}"
        return Result(place, kind, verdict, " ".join(why.split())[:600], time.monotonic() - started)

    def judge(self, space: str, document: dict) -> tuple[str, str]:
        """Say how an object fares in a namespace of its own."""
        jobs = Jobs(self.mesh, space)
        path = jobs.path_of(document)
        if path is None:
            return "skipped", f"{document.get('apiVersion')} is no kind of training"
        if document["kind"] in ("TrainingRuntime", "ClusterTrainingRuntime"):
            return self.runtime(jobs, path, document)
        document["metadata"]["namespace"] = space
        if expected := refusal(document):
            return self.refused(jobs, path, document, expected)
        if program := unknown_program(document):
            jobs.call("POST", path + "?dryRun=All", document)
            return "skipped", f"accepted, not run: {program} is a program of its image, at a path of its own"
        self.world.provide(jobs, document)
        made = jobs.call("POST", path, document)
        warnings = jobs.warnings
        own = f"{path}/{made['metadata']['name']}"
        if made["spec"].get("suspend"):
            until("it to be suspended", lambda: "Suspended" in holds(jobs.call("GET", own)))
            jobs.call("PATCH", own, {"spec": {"suspend": False}}, "application/merge-patch+json")
        found = self.started(jobs, own, space)
        if problems := wrong(jobs.call("GET", own), pods_of(jobs, space), found):
            return "failed", "; ".join(problems)
        told = (
            f"; {len(warnings)} warnings: {' '.join(w.partition('- ')[2] for w in warnings)}"
            if warnings
            else ""
        )
        return "passed", f"{len(found)} replicas found their environment{told}"

    def runtime(self, jobs: Jobs, path: str, document: dict) -> tuple[str, str]:
        """A runtime is accepted, or is one of those that are built in."""
        try:
            jobs.call("POST", path + "?dryRun=All", document)
        except Refused as refused:
            if refused.code != 409:
                raise
            return "passed", "is built in"
        return "passed", "was accepted"

    def refused(self, jobs: Jobs, path: str, document: dict, expected: str) -> tuple[str, str]:
        """A job that cannot run here is refused with a reason."""
        try:
            jobs.call("POST", path, document)
        except Refused as refused:
            text = refused.status["message"]
            return ("skipped", f"refused, as it should be: {text}") if expected in text else ("failed", text)
        return "failed", "was accepted"

    def started(self, jobs: Jobs, path: str, space: str) -> dict[str, dict]:
        """What the replicas of a job say they were started with, once all have been and the job has ended."""
        folder = self.scratch / "found"

        def ended() -> set[str]:
            return holds(jobs.call("GET", path)) & {"Succeeded", "Complete", "Failed"}

        end = until("the job to end", ended, SECONDS_A_JOB)
        if end == {"Failed"}:
            conditions = jobs.call("GET", path)["status"]["conditions"]
            raise AssertionError(f"it failed: {[c['message'] for c in conditions if c['type'] == 'Failed']}")
        return {
            f.name.partition("~")[2]: json.loads(f.read_text())
            for f in folder.glob(f"{space}~*")
            if f.suffix != ".part"
        }


def main() -> int:
    """Try every object and return the exit status."""
    folder, files = corpus.files("make conformance-training", "training", __doc__.splitlines()[0])
    objects = [(place, document) for file in files for place, document in documents(folder, file)]
    with tempfile.TemporaryDirectory(prefix="kfmesh-conformance-") as name:
        scratch = pathlib.Path(name)
        world = World([document for _, document in objects])
        (scratch / "found").mkdir()
        images = scratch / "images.yaml"
        images.write_text(yaml.safe_dump({"images": world.images(stub(scratch))}))
        flags = [f"--image-map={images}", "--fake-gpus=16xA100", f"--node-labels={world.node_labels()}"]
        mesh = OneProcess(scratch / "mesh", *flags)
        try:
            checker = Checker(mesh.start(), world, scratch)
            things = [(n, *each) for n, each in enumerate(objects)]
            results = corpus.check_all(checker.check, things, WORKERS)
        finally:
            mesh.stop()
    return corpus.summary(results)


if __name__ == "__main__":
    sys.exit(main())

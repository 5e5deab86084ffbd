"""Run a corpus of training manifests against a kfmesh of its own, one line an object.

The corpus is the folder that KFMESH_CORPUS names, or training/ in it. The objects of a file are made in a
namespace of their own, unmodified and in their order: runtimes, claims and config maps stay as long as the
jobs that use them. Every job must be accepted, and its replicas must start and find the environment that
its kind promises. What it would run is played by a stub, which writes down what it was started with.
"""

import contextlib
import dataclasses
import pathlib
import re
import sys
import tempfile
import threading
import time

import yaml
from expect import wrong
from harness import corpus
from harness.jobs import Jobs, Refused, holds
from harness.mesh import OneProcess
from harness.process import until
from world import World, documents, not_to_run, pods_of, programs, refusal, said, stub

WORKERS = 2
SECONDS_A_JOB = 60

# What a machine of this size or of these labels will never have. Whatever else a job waits for, it gets.
HOPELESS = re.compile(r"waits for (a node with|a larger cluster)")

RUNTIMES = ("TrainingRuntime", "ClusterTrainingRuntime")


class Waits(Exception):  # noqa: N818
    """A job asks for what the machine does not have; its text is the reason that is given."""


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
        self.cluster = threading.Lock()  # held by a file with objects of no namespace

    def check(self, space: str, objects: list[tuple[str, dict]]) -> list[Result]:
        """Try the objects of a file."""
        jobs, made = Jobs(self.mesh, space), []
        wide = any(document.get("kind") == "ClusterTrainingRuntime" for _, document in objects)
        with self.cluster if wide else contextlib.nullcontext():
            results = [self.one(jobs, made, place, document) for place, document in objects]
            for path in reversed(made):
                jobs.call("DELETE", path)
        return results

    def one(self, jobs: Jobs, made: list[str], place: str, document: dict) -> Result:
        """Try one object."""
        started = time.monotonic()
        try:
            verdict, why = self.judge(jobs, made, document)
        except Waits as waits:
            verdict, why = "skipped", f"accepted, not run: {waits}"
        except Exception as err:
            verdict, why = "failed", f"{type(err).__name__}: {err}"
        seconds = time.monotonic() - started
        return Result(place, document.get("kind", "?"), verdict, " ".join(why.split())[:600], seconds)

    def judge(self, jobs: Jobs, made: list[str], document: dict) -> tuple[str, str]:
        """Say how an object fares. What is made is noted, for it to go in the end."""
        path = jobs.path_of(document)
        if path is None:
            return "skipped", f"{document.get('apiVersion')} is no kind of training"
        if document["kind"] != "ClusterTrainingRuntime":
            document["metadata"]["namespace"] = jobs.namespace
        if expected := refusal(document):
            return self.refused(jobs, path, document, expected)
        if document["kind"] in RUNTIMES:
            return self.runtime(jobs, made, path, document)
        if document["apiVersion"] == "v1":
            jobs.call("POST", path, document)
            made.append(f"{path}/{document['metadata']['name']}")
            return "passed", "was made"
        return self.job(jobs, made, path, document)

    def job(self, jobs: Jobs, made: list[str], path: str, document: dict) -> tuple[str, str]:
        """Run a job."""
        if why := not_to_run(document):
            jobs.call("POST", path + "?dryRun=All", document)
            return "skipped", f"accepted, not run: {why}"
        self.world.provide(jobs, document)
        if absent := self.absent(jobs, document):
            return "skipped", f"its {absent} is not in its file"
        job = jobs.call("POST", path, document)
        warnings = jobs.warnings
        own = f"{path}/{job['metadata']['name']}"
        made.append(own)
        suspended = job["spec"].get("suspend") or job["spec"].get("runPolicy", {}).get("suspend")
        if suspended:
            until("it to be suspended", lambda: "Suspended" in holds(jobs.call("GET", own)))
            change = {"suspend": False} if "suspend" in job["spec"] else {"runPolicy": {"suspend": False}}
            jobs.call("PATCH", own, {"spec": change}, "application/merge-patch+json")
        found = self.started(jobs, own)
        runtime = self.runtime_of(jobs, job)
        if problems := wrong(jobs.call("GET", own), pods_of(jobs, job["metadata"]["name"]), found, runtime):
            return "failed", "; ".join(problems)
        told = (
            f"; {len(warnings)} warnings: {' '.join(w.partition('- ')[2] for w in warnings)}"
            if warnings
            else ""
        )
        return "passed", f"{len(found)} replicas found their environment{told}"

    def runtime(self, jobs: Jobs, made: list[str], path: str, document: dict) -> tuple[str, str]:
        """A runtime is accepted. One that has the name of a built-in one is, under another."""
        name = document["metadata"]["name"]
        try:
            jobs.call("POST", path, document)
        except Refused as refused:
            if refused.code != 409:
                raise
            document = document | {"metadata": document["metadata"] | {"name": f"other-{name}"}}
            jobs.call("POST", path + "?dryRun=All", document)
            return "passed", "was accepted; one of its name is built in"
        made.append(f"{path}/{name}")
        told = f" {' '.join(w.partition('- ')[2] for w in jobs.warnings)}" if jobs.warnings else ""
        return "passed", f"was accepted; {len(jobs.warnings)} warnings:{told}" if told else "was accepted"

    def runtime_of(self, jobs: Jobs, job: dict) -> dict:
        """The runtime of a TrainJob; empty for other kinds."""
        if job["kind"] != "TrainJob":
            return {}
        ref = job["spec"]["runtimeRef"]
        return jobs.call("GET", f"{jobs.path_of(job | {'kind': ref['kind']})}/{ref['name']}")

    def absent(self, jobs: Jobs, document: dict) -> str:
        """The runtime of a TrainJob, if there is none."""
        ref = document["spec"].get("runtimeRef") or {}
        kind = ref.get("kind", "ClusterTrainingRuntime")
        if document["kind"] != "TrainJob" or kind not in RUNTIMES:
            return ""
        try:
            jobs.call("GET", f"{jobs.path_of(document | {'kind': kind})}/{ref['name']}")
        except Refused as refused:
            if refused.code != 404:
                raise
            return f"{kind} {ref['name']}"
        return ""

    def refused(self, jobs: Jobs, path: str, document: dict, expected: str) -> tuple[str, str]:
        """What cannot run here is refused with a reason."""
        try:
            jobs.call("POST", path, document)
        except Refused as refused:
            text = refused.status["message"]
            return ("skipped", f"refused, as it should be: {text}") if expected in text else ("failed", text)
        return "failed", "was accepted"

    def started(self, jobs: Jobs, path: str) -> dict[str, dict]:
        """What the replicas of a job say they were started with, once all have been and the job has ended."""
        name = path.rpartition("/")[2]

        def ended() -> set[str]:
            over = holds(jobs.call("GET", path)) & {"Succeeded", "Complete", "Failed"}
            for pod in [] if over else pods_of(jobs, name):
                for condition in pod["status"]["conditions"]:
                    if HOPELESS.match(condition.get("message", "")):
                        raise Waits(condition["message"])
            return over

        end = until("the job to end", ended, SECONDS_A_JOB)
        if end == {"Failed"}:
            conditions = jobs.call("GET", path)["status"]["conditions"]
            raise AssertionError(f"it failed: {[c['message'] for c in conditions if c['type'] == 'Failed']}")
        files = [f for f in self.scratch.glob(f"found/{jobs.namespace}~{name}~*") if f.suffix != ".part"]
        return {f.name.rpartition("~")[2]: said(f) for f in files}


def main() -> int:
    """Try every object and return the exit status."""
    folder, files = corpus.files("make conformance-training", "training", __doc__.splitlines()[0])
    by_file = [list(documents(folder, file)) for file in files]
    objects = [document for found in by_file for _, document in found]
    with tempfile.TemporaryDirectory(prefix="kfmesh-conformance-") as name:
        scratch = pathlib.Path(name)
        scratch.chmod(0o755)  # replicas may run as another user
        world = World(objects)
        (scratch / "found").mkdir()
        (scratch / "found").chmod(0o777)
        images = scratch / "images.yaml"
        images.write_text(yaml.safe_dump({"images": world.images(stub(scratch, programs(objects)))}))
        flags = [f"--image-map={images}", "--fake-gpus=16xA100", f"--node-labels={world.node_labels()}"]
        mesh = OneProcess(scratch / "mesh", *flags)
        try:
            checker = Checker(mesh.start(), world, scratch)
            things = [(f"c{number}", found) for number, found in enumerate(by_file)]
            results = corpus.check_all(checker.check, things, WORKERS)
        finally:
            mesh.stop()
    return corpus.summary(results)


if __name__ == "__main__":
    sys.exit(main())

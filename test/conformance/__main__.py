"""Run a corpus of compiled pipelines against a kfmesh of its own, one line a file.

The corpus is the folder that KFMESH_CORPUS names, or kfp/ in it. Files below
invalid/ must be refused, files below failing/ must end FAILED, the rest must end
SUCCEEDED unless needs.py knows better.
"""

import dataclasses
import os
import pathlib
import sys
import tempfile
import time
import warnings

import yaml
from cluster import provide
from harness import corpus
from harness.api import FINISHED, Api, Outcome
from harness.mesh import OneProcess
from inputs import arguments_for
from needs import FAILING, expected_state, missing

WORKERS = 3
SECONDS_A_RUN = 300
# Programs that stand in for those of images that do not exist.
PROGRAMS = pathlib.Path(__file__).parent / "programs"


@dataclasses.dataclass
class Result:
    """How one file fared."""

    file: str
    verdict: str  # passed, failed or skipped
    why: str = ""
    seconds: float = 0.0

    def __str__(self) -> str:
        """One line."""
        return f"{self.verdict:<8} {self.seconds:6.1f} s  {self.file}{'  ' + self.why if self.why else ''}"


def check(api: Api, folder: pathlib.Path, file: pathlib.Path, scratch: pathlib.Path) -> list[Result]:
    """Try one file."""
    name = str(file.relative_to(folder))
    started = time.monotonic()
    try:
        verdict, why = (
            check_invalid(api, file) if "invalid" in file.parts else check_valid(api, file, scratch)
        )
    except Exception as err:
        verdict, why = "failed", f"{type(err).__name__}: {err}"
    return [Result(name, verdict, " ".join(why.split())[:300], time.monotonic() - started)]


def check_invalid(api: Api, file: pathlib.Path) -> tuple[str, str]:
    """A file that must be refused."""
    response = upload(api, file)
    if response.status_code == 400:
        return "passed", response.json().get("error_message", "")
    return "failed", f"was answered {response.status_code}, not 400"


def check_valid(api: Api, file: pathlib.Path, scratch: pathlib.Path) -> tuple[str, str]:
    """A file that must be stored and, if its needs are met, run to the expected end."""
    spec, *platform = list(yaml.safe_load_all(file.read_text()))
    response = upload(api, file)
    if not response.ok:
        return "failed", f"upload: {response.status_code} {response.text}"
    if why := missing(spec, gpus(api)):
        return "skipped", f"stored, not run: {why}"
    pipeline_id = response.json()["pipeline_id"]
    arguments = arguments_for(spec, scratch)
    provide(api, spec, platform, arguments)
    run = {
        "display_name": file.stem,
        "pipeline_version_reference": {"pipeline_id": pipeline_id},
        "runtime_config": {"parameters": arguments},
    }
    response = api.request("POST", "/apis/v2beta1/runs", json=run)
    if not response.ok:
        return "failed", f"run: {response.status_code} {response.text}"
    run_id = response.json()["run_id"]
    api.finished(run_id, SECONDS_A_RUN)
    return judge(api.outcome(run_id), file)


def judge(outcome: Outcome, file: pathlib.Path) -> tuple[str, str]:
    """Say whether a run of a file ended as it should."""
    if outcome.state != expected_state(file):
        return "failed", outcome.explain()
    if unended := [t["path"] for t in outcome.tasks if t["detail"].get("state") not in FINISHED]:
        return "failed", f"the run ended and these tasks did not: {unended}"
    if outcome.state == "SUCCEEDED":
        failed = failed_steps(outcome)
        return ("failed", f"the run SUCCEEDED and these steps failed: {failed}") if failed else ("passed", "")
    steps = failed_steps(outcome)
    if steps != FAILING.get(file.stem, steps):
        return "failed", f"these steps failed: {steps}; these should: {FAILING[file.stem]}"
    return "passed", f"FAILED, as it should, in {', '.join(sorted(steps))}"


def failed_steps(outcome: Outcome) -> set[str]:
    """Paths of the tasks that failed themselves, not for a task within."""
    failed = {t.get("path", "") for t in outcome.tasks if t["detail"].get("state") == "FAILED"} - {""}
    return {p for p in failed if not any(other.startswith((p + "/", p + "[")) for other in failed)}


def gpus(api: Api) -> int:
    """How many GPUs the nodes have."""
    nodes = api.get("/kfmesh/v1/nodes").get("nodes", [])
    return sum(len(node["status"].get("gpus", [])) for node in nodes)


def upload(api: Api, file: pathlib.Path):
    """Store a file as a pipeline."""
    with file.open("rb") as content:
        return api.request(
            "POST",
            "/apis/v2beta1/pipelines/upload",
            params={"name": f"{file.parent.name}-{file.stem}"},
            files={"uploadfile": (file.name, content)},
        )


def main() -> int:
    """Try every file and return the exit status."""
    folder, files = corpus.files("make conformance", "kfp", __doc__.splitlines()[0])
    warnings.filterwarnings("ignore", category=FutureWarning, module="kfp")
    with tempfile.TemporaryDirectory(prefix="kfmesh-conformance-") as name:
        scratch = pathlib.Path(name)
        mesh = OneProcess(scratch, PATH=f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}")
        try:
            api = Api(mesh.start())
            results = corpus.check_all(check, [(api, folder, file, scratch) for file in files], WORKERS)
            if (status := mesh.process.exit_status) is not None:
                print(f"kfmesh ended by itself with exit status {status}:\n{mesh.process.output()[-4000:]}")
        finally:
            mesh.stop()
    return corpus.summary(results)


if __name__ == "__main__":
    sys.exit(main())

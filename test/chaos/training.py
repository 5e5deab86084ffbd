"""The training jobs of a storm: what they write, what must have become of them, and what may be left."""

import collections
import contextlib
import dataclasses
import itertools
import pathlib
import random
import time
import urllib.error
from collections.abc import Callable
from http import HTTPStatus

from harness.jobs import Jobs, Refused, holds, manifest
from harness.mesh import Mesh

from chaos.leftovers import leftovers

PATIENCE_SECONDS = 240
TRY_AGAIN_SECONDS = 0.1

# Counts to STEPS from its checkpoint, and says so each time; FAILS fails once, at AT.
COUNT = """
me="$JOB $KFMESH_REPLICA"; run=$(cat /proc/sys/kernel/random/uuid)
say() { echo "$me $KFMESH_ATTEMPT $run $1 $2 $(date +%s%N)" >>"$SAID"; }
cat /proc/self/cgroup >>"$SAID.groups"
file=$KFMESH_CHECKPOINT_DIR/$KFMESH_REPLICA
n=$(cat "$file" 2>/dev/null || echo 0); say from $n
while [ $n -lt $STEPS ]; do
    sleep $PAUSE; n=$((n + 1)); echo $n >"$file.part"; mv "$file.part" "$file"; say at $n
    if [ "$KFMESH_REPLICA $n" = "$FAILS $AT" ] && mkdir "$SAID.$JOB" 2>/dev/null; then exit 1; fi
done
say end $n
"""


@dataclasses.dataclass(frozen=True)
class Run:
    """One process of a replica."""

    attempt: int
    begun: int  # ns, when it said its first word
    ended: int  # when it said its last
    first: int  # what it counted from
    last: int  # what it counted to


@dataclasses.dataclass(frozen=True)
class Planned:
    """A job to be made."""

    name: str
    kind: str  # a key of KINDS
    steps: int
    pause: float

    def document(self, said: pathlib.Path) -> dict:
        """Make its manifest."""
        kind = KINDS[self.kind]
        env = {"JOB": self.name, "SAID": str(said), "STEPS": str(self.steps), "PAUSE": str(self.pause)}
        env |= {"FAILS": kind.fails, "AT": "2"}
        replicas = {role: {"replicas": n, "restartPolicy": kind.policy} for role, n in kind.replicas.items()}
        job = manifest("PyTorchJob", self.name, COUNT, env=env, **replicas)
        if kind.elastic:
            job["spec"]["elasticPolicy"] = {"minReplicas": 1, "maxReplicas": kind.replicas["Worker"]}
        for spec in job["spec"]["pytorchReplicaSpecs"].values():  # so that each has a control group
            spec["template"]["spec"]["containers"][0]["resources"] = {"limits": {"memory": "256Mi"}}
        return job


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of job, and what must become of it where nothing is lost."""

    replicas: dict[str, int]
    ends: str  # the condition that must hold
    restarts: int = 0  # of the whole job
    fails: str = ""  # the replica that fails once
    policy: str = "OnFailure"
    elastic: bool = False


KINDS = {
    "steady": Kind({"Master": 1, "Worker": 2}, "Succeeded"),
    "retried": Kind({"Master": 1, "Worker": 1}, "Succeeded", restarts=1, fails="worker-0"),
    "doomed": Kind({"Master": 1}, "Failed", fails="master-0", policy="Never"),
    "elastic": Kind({"Worker": 2}, "Succeeded", fails="worker-1", elastic=True),
}


def plan(rng: random.Random, jobs: int) -> list[Planned]:
    """Draw the jobs of a storm."""
    return [
        Planned(f"job-{i:03d}", rng.choice(list(KINDS)), rng.randint(3, 12), round(rng.uniform(0.05, 0.6), 2))
        for i in range(jobs)
    ]


class Training:
    """The jobs of one storm over one kfmesh."""

    def __init__(self, mesh: Mesh, folder: pathlib.Path, planned: list[Planned], lossless: bool):
        """Nothing is made yet. Where nodes are lost, replicas may run more often than they fail."""
        self.mesh, self.planned, self.lossless = mesh, planned, lossless
        self.folder = folder
        self.said = folder / "said"
        self.said.touch()

    def create(self, planned: Planned) -> None:
        """Make a job, whether or not the first try was heard."""

        def make() -> bool:
            try:
                Jobs(self.mesh).create(planned.document(self.said))
            except Refused as refused:
                if refused.code != HTTPStatus.CONFLICT:
                    raise
            return True

        self._insist(f"{planned.name} to be made", make)

    def count(self) -> list[str]:
        """Wait until all have ended, say what is wrong with how, delete them, and look what is left."""
        wrong = []
        found = {planned.name: self._settle(planned) for planned in self.planned}
        runs = self._runs()
        for planned in self.planned:
            wrong += self._judge(planned, found[planned.name], runs[planned.name])
        for planned in self.planned:
            self._insist(f"{planned.name} to be deleted", lambda planned=planned: self._delete(planned))
        return wrong + leftovers(self.folder, self._groups())

    def _groups(self) -> set[str]:
        """Names of the control groups that replicas were in."""
        said = self.said.with_name(f"{self.said.name}.groups")
        paths = said.read_text().splitlines() if said.exists() else []
        return {name for path in paths for name in path.split("/") if name.startswith("kfmesh.")}

    def _delete(self, planned: Planned) -> bool:
        try:
            Jobs(self.mesh).delete(planned.document(self.said))
        except Refused as refused:
            if refused.code != HTTPStatus.NOT_FOUND:
                raise
        return True

    def _settle(self, planned: Planned) -> dict:
        """Return a job once all its replicas have ended, or as it is when that does not come."""
        last = {}

        def ended() -> bool:
            nonlocal last
            jobs = Jobs(self.mesh)
            last = jobs.get(planned.document(self.said))
            last["restarts"] = jobs.call(
                "GET", f"/kfmesh/v1/namespaces/default/trainingjobs/PyTorchJob/{planned.name}"
            )["status"].get("restarts", 0)
            active = sum(s.get("active", 0) for s in last["status"].get("replicaStatuses", {}).values())
            return bool(holds(last) & {"Succeeded", "Failed"}) and active == 0

        with contextlib.suppress(AssertionError):  # _judge sees it
            self._insist(f"{planned.name} to end", ended)
        return last

    def _judge(self, planned: Planned, job: dict, runs: dict[str, list[Run]]) -> list[str]:
        """Say what is wrong with what became of a job."""
        kind, wrong = KINDS[planned.kind], []
        who = f"{planned.name} ({planned.kind})"
        if not {kind.ends, "" if self.lossless else "Succeeded"} & holds(job):  # a loss can hide a failure
            wrong.append(f"{who} is {sorted(holds(job))}, not {kind.ends}")
        restarts, least = job["restarts"], kind.restarts
        if any(run.attempt == 1 and run.last == planned.steps for run in runs.get("master-0", [])):
            least = (
                0  # kfmesh was away when a worker failed, and meanwhile the master did what there was to do
            )
        if restarts > kind.restarts or (self.lossless and restarts < least):
            wrong.append(f"{who} counts {restarts} restarts, not {kind.restarts}")
        for replica, all_runs in runs.items():
            most = 1 + (kind.restarts or (replica == kind.fails and kind.elastic))
            wrong += [f"{who}, {replica}: {what}" for what in self._judge_runs(all_runs, most)]
        if "Succeeded" in holds(job) and not any(r.last == planned.steps for rs in runs.values() for r in rs):
            wrong.append(f"{who}: nobody came to {planned.steps}")
        return wrong

    def _judge_runs(self, runs: list[Run], most: int) -> list[str]:
        """Say what is wrong with the runs of one replica, which may be so many where nothing is lost."""
        wrong = []
        runs.sort(key=lambda run: run.begun)
        for before, after in itertools.pairwise(runs):
            if before.ended > after.begun:
                wrong.append(f"two runs at once: {before}, {after}")
            if self.lossless and after.first < before.last:
                wrong.append(f"went on from {after.first}, and had come to {before.last}")
        if self.lossless and len(runs) > most:
            wrong.append(f"ran {len(runs)} times, not {most}")
        return wrong

    def _runs(self) -> dict[str, dict[str, list[Run]]]:
        """All runs, by job and replica, from what they said."""
        words = collections.defaultdict(list)
        for line in self.said.read_text().splitlines():
            job, replica, attempt, run, _, count, at = line.split()
            words[job, replica, int(attempt), run].append((int(at), int(count)))
        found: dict[str, dict[str, list[Run]]] = {planned.name: {} for planned in self.planned}
        for (job, replica, attempt, _), said in words.items():
            times, counts = [at for at, _ in said], [count for _, count in said]
            run = Run(attempt, min(times), max(times), counts[0], max(counts))
            found[job].setdefault(replica, []).append(run)
        return found

    def _insist(self, what: str, attempt: Callable[[], bool]) -> None:
        """Try until something holds, however often kfmesh is away."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                if attempt():
                    return
            except Refused as refused:
                if refused.code < HTTPStatus.INTERNAL_SERVER_ERROR:
                    raise
            except (urllib.error.URLError, OSError, ValueError):
                pass  # nobody, or a dying one, answered
            time.sleep(TRY_AGAIN_SECONDS)
        raise AssertionError(f"waited {PATIENCE_SECONDS} s in vain for {what}")

"""What the replicas of each kind are promised, by upstream's documentation and not by our code."""

import json
from collections.abc import Callable, Iterator

FIELDS = {
    "TFJob": "tfReplicaSpecs",
    "PyTorchJob": "pytorchReplicaSpecs",
    "XGBoostJob": "xgbReplicaSpecs",
    "MPIJob": "mpiReplicaSpecs",
    "PaddleJob": "paddleReplicaSpecs",
    "JAXJob": "jaxReplicaSpecs",
    "MXJob": "mxReplicaSpecs",
}


def wrong(job: dict, pods: list[dict], found: dict[str, dict], runtime: dict) -> list[str]:
    """Everything that is not as promised; nothing when all is. The runtime is that of a TrainJob."""
    if job["kind"] == "TrainJob":
        return list(trainjob(job, found, runtime["spec"]))
    specs = job["spec"][FIELDS[job["kind"]]]
    counts = {role: spec["replicas"] for role, spec in specs.items()}
    problems = [*missing(job["kind"], counts, found), *env_and_args(job["kind"], specs, found)]
    names = {pod["metadata"]["name"] for pod in pods}
    wanted = {f"{job['metadata']['name']}-{role.lower()}-{i}" for role, n in counts.items() for i in range(n)}
    if names != wanted:
        problems.append(f"its pods are {sorted(names)}, not {sorted(wanted)}")
    if not problems and (check := CHECKS.get(job["kind"])):
        problems += check(job, counts, found)
    return problems


def missing(kind: str, counts: dict[str, int], found: dict[str, dict]) -> Iterator[str]:
    """Replicas that have not started. Workers of MPI run nothing of their own."""
    for role, n in counts.items():
        if kind == "MPIJob" and role == "Worker":
            continue
        for index in range(n):
            if f"{role.lower()}-{index}" not in found:
                yield f"{role} {index} has not started"


# Variables that operators set after those of a manifest, and so in place of them.
OPERATORS = ("MASTER_ADDR", "MASTER_PORT", "WORLD_SIZE", "RANK", "PYTHONUNBUFFERED")


def env_and_args(kind: str, specs: dict[str, dict], found: dict[str, dict]) -> Iterator[str]:
    """What the manifest gives the container itself arrives as it is."""
    for role, spec in specs.items():
        container = spec["template"]["spec"]["containers"][0]
        words = [*(container.get("command") or ["entrypoint"]), *(container.get("args") or [])]
        for name, got in found.items():
            if name.rpartition("-")[0] != role.lower():
                continue
            # A shell at its own path is no stub: what says how it was started is what it starts.
            if not words[0].startswith("/bin/") and not alike(got["args"], words):
                yield f"{name} was started as {got['args']}, not {words}"
            for entry in container.get("env") or []:
                if "value" in entry and entry["name"] not in OPERATORS:
                    yield from expect(name, got["env"], **{entry["name"]: entry["value"]})


def alike(got: list[str], wanted: list[str]) -> bool:
    """Tell whether words are those in the manifest."""
    return len(got) == len(wanted) and all(same(a, b) for a, b in zip(got, wanted, strict=True))


def same(got: str, wanted: str) -> bool:
    """Tell whether a word is the one in the manifest; files of MPI are elsewhere."""
    return got.rpartition("/")[2] == wanted.rpartition("/")[2]


def expect(name: str, env: dict, **wanted: object) -> Iterator[str]:
    """Compare variables with what they should be."""
    for variable, value in wanted.items():
        if env.get(variable) != str(value):
            yield f"{name}: {variable}={env.get(variable)!r}, not {value!r}"


def in_order(counts: dict[str, int], *roles: str) -> list[str]:
    """Names of replicas in the order of their ranks."""
    return [f"{role.lower()}-{i}" for role in roles for i in range(counts.get(role, 0))]


def pytorch(job: dict, counts: dict, found: dict) -> Iterator[str]:
    ranks = in_order(counts, "Master", "Worker")
    policy = job["spec"].get("elasticPolicy")
    for rank, name in enumerate(ranks):
        env = found[name]["env"]
        yield from expect(name, env, PYTHONUNBUFFERED=1)
        if policy:
            low = policy.get("minReplicas", policy.get("maxReplicas", counts["Worker"]))
            high = policy.get("maxReplicas", low)
            yield from expect(
                name, env, PET_NNODES=f"{low}:{high}", PET_RDZV_BACKEND=policy.get("rdzvBackend", "c10d")
            )
            if "maxRestarts" in policy:
                yield from expect(name, env, PET_MAX_RESTARTS=policy["maxRestarts"])
            if "rdzvHost" in policy:  # somebody else's store
                where = f"{policy['rdzvHost']}:{policy.get('rdzvPort', env['PORT_PYTORCHJOB_PORT'])}"
                yield from expect(name, env, PET_RDZV_ENDPOINT=where)
            else:
                yield from reachable(
                    name, env["PET_RDZV_ENDPOINT"], found["worker-0"], "PORT_PYTORCHJOB_PORT"
                )
        else:
            each = str(job["spec"].get("nprocPerNode", "1"))  # "auto", "gpu" and "cpu" count as one
            world = len(ranks) * (int(each) if each.isdigit() else 1)
            yield from expect(
                name, env, WORLD_SIZE=world, RANK=rank, PET_NNODES=len(ranks), PET_NODE_RANK=rank
            )
            where = f"{env['MASTER_ADDR']}:{env['MASTER_PORT']}"
            yield from reachable(name, where, found[ranks[0]], "PORT_PYTORCHJOB_PORT")


def reachable(name: str, address: str, leader: dict, port: str) -> Iterator[str]:
    """An address must be the one that the leader was given."""
    if address.rpartition(":")[2] != leader["env"].get(port):
        yield f"{name} looks for its leader at {address}, which has port {leader['env'].get(port)}"


def tensorflow(_job: dict, counts: dict, found: dict) -> Iterator[str]:
    if sum(counts.values()) == 1:
        for name, got in found.items():
            if "TF_CONFIG" in got["env"]:
                yield f"{name} is alone and has TF_CONFIG"
        return
    for name, got in found.items():
        config = json.loads(got["env"]["TF_CONFIG"])
        role, _, index = name.rpartition("-")
        if config["task"] != {"type": role, "index": int(index)} or config["environment"] != "cloud":
            yield f"{name} has TF_CONFIG {config}"
        sizes = {group: len(members) for group, members in config["cluster"].items()}
        if sizes != {group.lower(): n for group, n in counts.items()}:
            yield f"{name} sees a cluster of {sizes}"
        if config["cluster"][role][int(index)].rpartition(":")[2] != got["env"]["PORT_TFJOB_PORT"]:
            yield f"{name} does not find itself in {config}"


def xgboost(_job: dict, counts: dict, found: dict) -> Iterator[str]:
    ranks = in_order(counts, "Master", "Worker")
    for rank, name in enumerate(ranks):
        env = found[name]["env"]
        yield from expect(name, env, RANK=rank, WORLD_SIZE=len(ranks))
        yield from reachable(name, f":{env['MASTER_PORT']}", found["master-0"], "PORT_XGBOOSTJOB_PORT")


def paddle(job: dict, counts: dict, found: dict) -> Iterator[str]:
    ranks = in_order(counts, "Master", "Worker")
    for name in ranks:
        env = found[name]["env"]
        yield from expect(name, env, PADDLE_NNODES=len(ranks), PADDLE_JOB_ID=job["metadata"]["name"])
        yield from reachable(name, env["PADDLE_MASTER"], found[ranks[0]], "PORT_MASTER")


def jax(_job: dict, counts: dict, found: dict) -> Iterator[str]:
    for rank, name in enumerate(in_order(counts, "Worker")):
        env = found[name]["env"]
        yield from expect(name, env, NUM_PROCESSES=counts["Worker"], PROCESS_ID=rank)
        yield from reachable(name, f":{env['COORDINATOR_PORT']}", found["worker-0"], "PORT_JAXJOB_PORT")


def mxnet(_job: dict, counts: dict, found: dict) -> Iterator[str]:
    for name, got in found.items():
        role = name.rpartition("-")[0]
        wanted = {
            "DMLC_NUM_SERVER": counts.get("Server", 0),
            "DMLC_NUM_WORKER": counts.get("Worker", 0),
            "DMLC_ROLE": role,
        }
        yield from expect(name, got["env"], **wanted)
        if json.loads(got["env"]["MX_CONFIG"])["task"]["type"] != role:
            yield f"{name} has MX_CONFIG {got['env']['MX_CONFIG']}"
        if "Scheduler" in counts:
            yield from reachable(
                name, f":{got['env']['DMLC_PS_ROOT_PORT']}", found["scheduler-0"], "PORT_MXJOB_PORT"
            )


def mpi(job: dict, counts: dict, found: dict) -> Iterator[str]:
    for name, got in found.items():
        if not any(variable.endswith(("_default_hostfile", "HOST_FILE")) for variable in got["env"]):
            yield f"{name} is told of no host file"
        yield from expect(name, got["env"], K_MPI_JOB_ROLE="launcher")


def trainjob(job: dict, found: dict, runtime: dict) -> Iterator[str]:
    """All replicated jobs have run, and nodes have what job and runtime promise."""
    trainer, policy = job["spec"].get("trainer") or {}, runtime.get("mlPolicy") or {}
    nodes = trainer.get("numNodes", policy.get("numNodes", 1))
    trains, wanted = "node", []
    for one in runtime["template"]["spec"]["replicatedJobs"]:
        if step(one) == "trainer":
            trains = one["name"]
            wanted += [f"{trains}-{i}" for i in range(1 if "mpi" in policy else nodes)]
        elif "mpi" not in policy or step(one):  # nodes of MPI run nothing of their own
            wanted.append(f"{one['name']}-0")
    if missing := sorted(set(wanted) - set(found)):
        yield f"{missing} have not started; {sorted(found)} have"
        return
    for name in (name for name in wanted if name.rpartition("-")[0] == trains):
        env = found[name]["env"]
        for entry in trainer.get("env", []):
            if "value" in entry:
                yield from expect(name, env, **{entry["name"]: entry["value"]})
        if "torch" in policy and trainer:
            yield from expect(name, env, PET_NNODES=nodes, PET_NODE_RANK=name.rpartition("-")[2])
        words = [*trainer.get("command", []), *trainer.get("args", [])]
        if trainer.get("command") and words[:2] != ["tune", "run"] and found[name]["args"] != words:
            yield f"{name} was started as {found[name]['args']}, not {words}"


def step(job: dict) -> str:
    """The part of a TrainJob that a replicated job takes; empty for none."""
    label = "trainer.kubeflow.org/trainjob-ancestor-step"
    spec = job["template"]["spec"]["template"]
    places = (job["template"].get("metadata") or {}, spec.get("metadata") or {})
    return next((at["labels"][label] for at in places if label in (at.get("labels") or {})), "")


CHECKS: dict[str, Callable] = {
    "PyTorchJob": pytorch,
    "TFJob": tensorflow,
    "XGBoostJob": xgboost,
    "PaddleJob": paddle,
    "JAXJob": jax,
    "MXJob": mxnet,
    "MPIJob": mpi,
}

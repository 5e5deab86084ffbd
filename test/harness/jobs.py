"""Training jobs as Kubernetes clients see them: manifests in, objects out."""

import json
import time
import urllib.error
import urllib.request
from http import HTTPStatus

from harness.mesh import Mesh

# Container, field of the spec, and replica types of each kind, the leading one first.
KINDS = {
    "TFJob": ("tensorflow", "tfReplicaSpecs"),
    "PyTorchJob": ("pytorch", "pytorchReplicaSpecs"),
    "XGBoostJob": ("xgboost", "xgbReplicaSpecs"),
    "MPIJob": ("mpi", "mpiReplicaSpecs"),
    "PaddleJob": ("paddle", "paddleReplicaSpecs"),
    "JAXJob": ("jax", "jaxReplicaSpecs"),
    "MXJob": ("mxnet", "mxReplicaSpecs"),
}

WITHIN_SECONDS = 60


class Refused(Exception):  # noqa: N818
    """An answer that is an error: its HTTP code and v1.Status."""

    def __init__(self, code: int, status: dict):
        """Keep both."""
        super().__init__(f"{code}: {status}")
        self.code = code
        self.status = status


def manifest(
    kind: str, name: str, command: list[str] | str, version: str = "v1", env=None, **replicas
) -> dict:
    """Make a manifest whose replicas all run a command; replicas are counts, or specs, by type."""
    container, field = KINDS[kind]
    if isinstance(command, str):
        command = ["sh", "-c", command]
    specs = {}
    for role, given in replicas.items():
        spec = {"replicas": given} if isinstance(given, int) else dict(given)
        own = {"name": container, "image": "probe", "command": spec.pop("command", command)}
        own["env"] = [{"name": key, "value": value} for key, value in (env or {}).items()]
        specs[role] = spec | {"template": {"spec": {"containers": [own]}}}
    return {
        "apiVersion": f"kubeflow.org/{version}",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {field: specs},
    }


class Jobs:
    """The jobs of one namespace, by the paths that Kubernetes has for them."""

    def __init__(self, mesh: Mesh, namespace: str = "default"):
        """Nothing is asked yet."""
        self.url = mesh.url
        self.namespace = namespace

    def path(self, kind: str, name: str = "", version: str = "v1", all_namespaces: bool = False) -> str:
        """Where objects are."""
        space = "" if all_namespaces else f"/namespaces/{self.namespace}"
        tail = f"/{name}" if name else ""
        return f"/apis/kubeflow.org/{version}{space}/{kind.lower()}s{tail}"

    def path_of(self, document: dict) -> str | None:
        """Where objects like one are made; None when it is no kind that is served."""
        group, _, version = document.get("apiVersion", "").rpartition("/")
        kind = document.get("kind", "")
        if (group, kind) in (("", "ConfigMap"), ("", "Secret"), ("", "PersistentVolumeClaim")):
            return f"/api/{version}/namespaces/{self.namespace}/{kind.lower()}s"
        if group not in ("kubeflow.org", "trainer.kubeflow.org"):
            return None
        space = "" if kind.startswith("Cluster") else f"/namespaces/{self.namespace}"
        return f"/apis/{group}/{version}{space}/{kind.lower()}s"

    def call(self, method: str, path: str, body=None, content_type: str = "application/json"):
        """Make one request; anything but success raises Refused."""
        data = body.encode() if isinstance(body, str) else None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        request.add_header("Content-Type", content_type)
        try:
            with urllib.request.urlopen(request, timeout=WITHIN_SECONDS) as answer:
                self.warnings = answer.headers.get_all("Warning") or []
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise Refused(error.code, json.load(error)) from None

    def create(self, job: dict) -> dict:
        """Create a job."""
        return self.call("POST", self.path(job["kind"], version=job["apiVersion"].split("/")[1]), job)

    def get(self, job: dict) -> dict:
        """Return a job as it is."""
        return self.call(
            "GET", self.path(job["kind"], job["metadata"]["name"], job["apiVersion"].split("/")[1])
        )

    def patch(self, job: dict, change: dict) -> dict:
        """Merge a change into a job."""
        path = self.path(job["kind"], job["metadata"]["name"], job["apiVersion"].split("/")[1])
        return self.call("PATCH", path, change, "application/merge-patch+json")

    def delete(self, job: dict) -> dict:
        """Delete a job."""
        return self.call(
            "DELETE", self.path(job["kind"], job["metadata"]["name"], job["apiVersion"].split("/")[1])
        )

    def wait(self, job: dict, *conditions: str, within_seconds: float = WITHIN_SECONDS) -> dict:
        """Return the job once one of the conditions holds, however long its service is away."""
        deadline = time.monotonic() + within_seconds
        while True:
            try:
                found = self.get(job)
            except Refused as refused:
                if refused.code != HTTPStatus.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
                continue
            if holds(found) & set(conditions):
                return found
            if time.monotonic() > deadline or (not set(conditions) & {"Failed"} and "Failed" in holds(found)):
                raise AssertionError(
                    f"waited in vain for {conditions}: {json.dumps(found['status'], indent=1)}"
                )
            time.sleep(0.02)


def holds(job: dict) -> set[str]:
    """Types of the conditions that hold."""
    return {c["type"] for c in job["status"].get("conditions", []) if c["status"] == "True"}


def condition(job: dict, kind: str) -> dict:
    """One condition of a job."""
    return next(c for c in job["status"]["conditions"] if c["type"] == kind)

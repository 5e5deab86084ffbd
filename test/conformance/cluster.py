"""What a cluster would have for pipelines: the secrets, config maps and volumes that platform specs name."""

import base64
import dataclasses
import json
from collections.abc import Iterator

from harness.api import Api


@dataclasses.dataclass(frozen=True)
class Thing:
    """A secret, a config map or a volume, with the keys that somebody asks for."""

    kind: str  # as the path of the API has it
    name: str
    keys: frozenset[str] = frozenset()

    def body(self) -> dict:
        """What to create it with. The value of a key is the key."""
        body: dict = {"metadata": {"name": self.name}}
        if self.kind == "secrets":
            body["data"] = {key: base64.b64encode(key.encode()).decode() for key in self.keys}
        elif self.kind == "configmaps":
            body["data"] = {key: key for key in self.keys}
        return body


# The fields of a platform spec that name something: its kind, and how the field spells it.
FIELDS = {
    "secretAsEnv": ("secrets", "secret", "secretKey"),
    "secretAsVolume": ("secrets", "secret", "secretKey"),
    "configMapAsEnv": ("configmaps", "configMap", "configMapKey"),
    "configMapAsVolume": ("configmaps", "configMap", "configMapKey"),
    "pvcMount": ("volumes", "pvc", ""),
}


def provide(api: Api, spec: dict, platform: list[dict], arguments: dict) -> None:
    """Create what the steps of a pipeline cannot start without, unless it is there."""
    for thing in named(spec, platform, arguments):
        path = f"/kfmesh/v1/namespaces/default/{thing.kind}"
        response = api.request("POST", path, json=thing.body())
        if response.status_code == 409 and thing.keys:
            response = api.request("PUT", f"{path}/{thing.name}", json=thing.body())
        if not response.ok and response.status_code != 409:
            raise AssertionError(f"{thing.kind} {thing.name}: {response.status_code} {response.text}")


def named(spec: dict, platform: list[dict], arguments: dict) -> list[Thing]:
    """Return what the pods of a platform spec name, one entry a name with the keys that any of them asks for.

    What a task makes while the run is under way is left out.
    """
    keys: dict[tuple[str, str], set[str]] = {}
    for document in platform:
        kubernetes = document.get("platforms", {}).get("kubernetes", {})
        for pod in kubernetes.get("deploymentSpec", {}).get("executors", {}).values():
            for field, (kind, noun, key) in FIELDS.items():
                for entry in pod.get(field, []):
                    asked = {pair[key] for pair in entry.get("keyToEnv", [])} or {"key"}
                    for name in names(entry, noun, spec, arguments):
                        keys.setdefault((kind, name), set()).update(asked if key else ())
    return [Thing(kind, name, frozenset(asked)) for (kind, name), asked in sorted(keys.items())]


def names(entry: dict, noun: str, spec: dict, arguments: dict) -> Iterator[str]:
    """Return every name that an entry may come to stand for."""
    constant = entry.get(f"{noun}Name") or entry.get("constant")
    reference = entry.get(f"{noun}NameParameter", {})
    constant = constant or reference.get("runtimeValue", {}).get("constant")
    source = reference.get("componentInputParameter") or entry.get("componentInputParameter", "")
    if constant:
        yield constant
    elif "loop-item" in source:
        yield from items(spec)
    elif source:
        name = source.removeprefix("pipelinechannel--")
        parameters = spec.get("root", {}).get("inputDefinitions", {}).get("parameters", {})
        value = arguments.get(name, parameters.get(name, {}).get("defaultValue"))
        if isinstance(value, str) and value:
            yield value


def items(spec: dict) -> Iterator[str]:
    """Return the texts that the loops of a pipeline run over, as far as they are written into it."""
    for component in [spec["root"], *spec.get("components", {}).values()]:
        for task in component.get("dag", {}).get("tasks", {}).values():
            raw = task.get("parameterIterator", {}).get("items", {}).get("raw", "[]")
            yield from (item for item in json.loads(raw) if isinstance(item, str))

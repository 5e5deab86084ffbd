"""One run from end to end in both shapes: one process, and one process a service."""

from harness.api import Api
from harness.steps import copy, mark, plus_one, read, write
from kfp import dsl


@dsl.pipeline(name="shapes")
def shapes(file: str) -> int:
    """Use parameters, artifacts, a loop and a lightweight component."""
    data = write(text="through the mesh")
    read(source=copy(source=data.outputs["data"]).outputs["target"])
    with dsl.ParallelFor(["a", "b", "c"]) as item:
        mark(file=file, text=item)
    return plus_one(number=plus_one(number=1).output).output


def test_end_to_end(shape, marks):
    api = Api(shape)
    outcome = api.run(shapes, {"file": str(marks)})
    assert outcome.output("read", "text") == "through the mesh"
    assert outcome.output("plus-one-2") == 3
    assert sorted(marks.read_text().split()) == ["a", "b", "c"]

    origin = outcome.artifact("write", "data")
    lineage = api.get(f"/kfmesh/v1/artifacts/{origin['artifact_id']}/lineage")
    assert sorted(e["name"] for e in lineage["executions"]) == ["copy", "read", "write"]

    again = api.run(shapes, {"file": str(marks)})
    assert again.task("copy")["cached_from_run_id"] == outcome.run_id
    assert {r.run_id for r in api.kfp.list_runs().runs} == {outcome.run_id, again.run_id}
    assert "nothing" not in api.logs(outcome.run_id)

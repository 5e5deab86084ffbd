"""A file that exists already becomes an artifact with a lineage of its own."""

import kfp
from kfp import dsl
from kfp.dsl import Dataset, Input


@dsl.component(base_image="python:3.11")
def count_lines(table: Input[Dataset]) -> int:
    """Count the lines of a file."""
    with open(table.path) as file:
        return len(file.readlines())


@dsl.pipeline(name="importer")
def importer(uri: str) -> int:
    """Import a file and count its lines."""
    table = dsl.importer(
        artifact_uri=uri, artifact_class=Dataset, reimport=False, metadata={"origin": "a file on this host"}
    )
    return count_lines(table=table.output).output


if __name__ == "__main__":
    kfp.Client(host="http://127.0.0.1:8080").create_run_from_pipeline_func(
        importer, arguments={"uri": __file__}
    )

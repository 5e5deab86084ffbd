"""A container component: any command, no Python. Runs as a process where there is no container engine."""

import kfp
from kfp import dsl


@dsl.container_component
def greet(name: str, greeting: dsl.OutputPath(str)):
    """Write a greeting to the file that becomes the output."""
    return dsl.ContainerSpec(
        image="alpine:3.20",
        command=["sh", "-c", 'printf "Hello, %s!" "$0" | tee "$1"'],
        args=[name, greeting],
    )


@dsl.pipeline(name="hello")
def hello(name: str = "world") -> str:
    """Greet somebody."""
    return greet(name=name).outputs["greeting"]


if __name__ == "__main__":
    kfp.Client(host="http://127.0.0.1:8080").create_run_from_pipeline_func(
        hello, arguments={"name": "kfmesh"}
    )

"""A loop inside a loop, at most two at a time, and what they made collected in order."""

import kfp
from kfp import dsl


@dsl.component(base_image="python:3.11")
def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


@dsl.component(base_image="python:3.11")
def add(numbers: list) -> int:
    """Add up."""
    return sum(numbers)


@dsl.pipeline(name="loops")
def loops(rows: list = [1, 2, 3], columns: list = [10, 20]) -> int:  # noqa: B006 - a pipeline's default is data
    """Add up a multiplication table, each row by itself and then the rows."""
    with dsl.ParallelFor(rows, parallelism=2) as row:
        with dsl.ParallelFor(columns) as column:
            product = multiply(a=row, b=column)
        row_sum = add(numbers=dsl.Collected(product.output))
    return add(numbers=dsl.Collected(row_sum.output)).output


if __name__ == "__main__":
    kfp.Client(host="http://127.0.0.1:8080").create_run_from_pipeline_func(loops)

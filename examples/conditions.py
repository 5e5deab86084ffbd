"""If, elif, else, and a value that is whichever branch ran."""

import kfp
from kfp import dsl


@dsl.component(base_image="python:3.11")
def roll(seed: int) -> int:
    """Roll a die."""
    import random

    return random.Random(seed).randint(1, 6)


@dsl.component(base_image="python:3.11")
def say(text: str) -> str:
    """Print and return a text."""
    print(text)
    return text


@dsl.pipeline(name="conditions")
def conditions(seed: int = 1) -> str:
    """Judge a die."""
    points = roll(seed=seed)
    with dsl.If(points.output >= 5, name="high"):
        high = say(text=f"{points.output} is high")
    with dsl.Elif(points.output >= 3, name="middling"):
        middling = say(text=f"{points.output} will do")
    with dsl.Else(name="low"):
        low = say(text=f"{points.output} is low")
    return dsl.OneOf(high.output, middling.output, low.output)


if __name__ == "__main__":
    kfp.Client(host="http://127.0.0.1:8080").create_run_from_pipeline_func(conditions, arguments={"seed": 7})

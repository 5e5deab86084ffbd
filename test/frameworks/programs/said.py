"""What a program found out, for the test that started it."""

import json
import os
import pathlib


def say(name: str, **found) -> None:
    """Leave what was found under a name, whole or not at all."""
    out = pathlib.Path(os.environ["OUT"])
    part = out / f"{name}.part"
    part.write_text(json.dumps(found))
    part.rename(out / f"{name}.json")

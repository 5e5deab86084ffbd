"""The examples run as they are and end as they say."""

import importlib

import pytest
from harness.process import ROOT

EXAMPLES = [
    ("hello", {"name": "you"}, "greet", "greeting", "Hello, you!"),
    ("conditions", {"seed": 1}, "say-3", "Output", "2 is low"),
    ("loops", {}, "add-2", "Output", 180),
    ("nested", {}, "count", "Output", 4),
    ("caching", {"number": 9}, "slow-square", "Output", 81),
]


@pytest.fixture(autouse=True)
def _examples_on_path(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "examples"))


def pipeline(name: str):
    return getattr(importlib.import_module(name), name)


@pytest.mark.parametrize(
    ("name", "arguments", "task", "key", "value"), EXAMPLES, ids=[e[0] for e in EXAMPLES]
)
def test_example(api, name, arguments, task, key, value):
    outcome = api.run(pipeline(name), arguments)
    found = [
        t["output_parameters"][key] for t in outcome.named(task) if key in t.get("output_parameters", {})
    ]
    assert value in found, outcome.explain()


def test_exit_handler(api):
    assert api.run(pipeline("exit_handler"), {"fail": True}, expect="FAILED").output("clean-up") == "FAILED"


def test_retry(api, tmp_path):
    outcome = api.run(pipeline("retry"), {"marker": str(tmp_path / "attempts"), "failures": 1})
    assert outcome.output("flaky") == 2


def test_importer(api):
    uri = str(ROOT / "examples" / "importer.py")
    with open(uri) as file:
        assert api.run(pipeline("importer"), {"uri": uri}).output("count-lines") == len(file.readlines())


@pytest.mark.timeout(600)
def test_breast_cancer(api):
    from breast_cancer.pipeline import breast_cancer

    outcome = api.outcome(api.submit(breast_cancer))
    assert outcome.state == "SUCCEEDED", outcome.explain()
    assert outcome.output("choose", "accuracy") > 0.95
    matrix = outcome.artifact("report", "quality")["metadata"]["confusionMatrix"]
    assert sum(cell for row in matrix["rows"] for cell in row["row"]) == 171
    assert outcome.artifact("report", "approved")["metadata"]["stage"] == "approved"
    assert len(outcome.named("fit")) == 4

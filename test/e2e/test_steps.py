"""What a step is told and what it gives back."""

import json
import pathlib
from typing import Optional

import pytest
from harness.process import until
from harness.steps import PYTHON, SHELL, echo, read, shell
from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Model, Output


@dsl.container_component
def arguments(
    told: dsl.OutputPath(str),
    first: str,
    second: Optional[str] = None,
    data: Optional[Input[Artifact]] = None,
):
    """Write its arguments, one a line."""
    return dsl.ContainerSpec(
        image=SHELL,
        command=["sh", "-ec", 'out=$1; shift; printf "%s\\n" "$@" > "$out"', "sh", told],
        args=[
            dsl.ConcatPlaceholder(
                [
                    "--both=",
                    dsl.ConcatPlaceholder(
                        [first, "/", dsl.IfPresentPlaceholder("second", then=second, else_="none")]
                    ),
                ]
            ),
            dsl.IfPresentPlaceholder(
                "second", then=["--second", dsl.ConcatPlaceholder(["<", second, ">"])], else_=["--alone"]
            ),
            dsl.IfPresentPlaceholder("data", then=["--data", data.metadata["origin"], data.path]),
            f"--job={dsl.PIPELINE_JOB_ID_PLACEHOLDER}:{dsl.PIPELINE_TASK_NAME_PLACEHOLDER}",
        ],
    )


def test_concat_and_if_present(api, tmp_path):
    (tmp_path / "data").touch()

    @dsl.pipeline(name="structures")
    def structures(path: str):
        arguments(first="a")
        imported = dsl.importer(artifact_uri=path, artifact_class=Dataset, metadata={"origin": "here"})
        arguments(first="a", second="b c", data=imported.output)

    outcome = api.run(structures, {"path": str(tmp_path / "data")})
    job = f"--job={outcome.run_id}:arguments"
    assert outcome.output("arguments", "told").splitlines() == ["--both=a/none", "--alone", job]
    assert outcome.output("arguments-2", "told").splitlines() == [
        "--both=a/b c",
        "--second",
        "<b c>",
        "--data",
        "here",
        str(tmp_path / "data"),
        job + "-2",
    ]


def test_placeholders_of_the_job_inside_longer_texts(api):
    @dsl.pipeline(name="the-job")
    def the_job():
        echo(
            text=f"{dsl.PIPELINE_JOB_NAME_PLACEHOLDER}|{dsl.PIPELINE_JOB_RESOURCE_NAME_PLACEHOLDER}|{dsl.PIPELINE_JOB_ID_PLACEHOLDER}|"
            f"{dsl.PIPELINE_TASK_NAME_PLACEHOLDER}|{dsl.PIPELINE_TASK_ID_PLACEHOLDER}|{dsl.PIPELINE_ROOT_PLACEHOLDER}/below|"
            f"{dsl.PIPELINE_JOB_CREATE_TIME_UTC_PLACEHOLDER}|{dsl.PIPELINE_JOB_SCHEDULE_TIME_UTC_PLACEHOLDER}"
        )

    outcome = api.run(the_job, run_name="a run")
    name, resource, job, task, task_id, root, created, scheduled = outcome.output("echo", "output").split("|")
    assert (name, resource, job, task) == ("a run", f"the-job-{outcome.run_id}", outcome.run_id, "echo")
    assert task_id == outcome.task("echo")["detail"]["task_id"]
    assert pathlib.Path(root).parent.is_dir()
    assert created == scheduled == outcome.run.created_at.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_an_importer_resolves_what_its_metadata_refers_to(api, tmp_path):
    (tmp_path / "model").write_text("weights")

    @dsl.pipeline(name="imports-metadata")
    def imports_metadata(path: str, name: str):
        said = echo(text=name)
        dsl.importer(
            artifact_uri=path,
            artifact_class=Model,
            reimport=True,
            metadata={
                "name": [said.outputs["output"], {"of": name}],
                said.outputs["output"]: 3,
                "text": f"run for {name}",
            },
        )

    metadata = api.run(imports_metadata, {"path": str(tmp_path / "model"), "name": "bob"}).artifact(
        "importer", "artifact"
    )["metadata"]
    assert metadata == {"name": ["bob", {"of": "bob"}], "bob": 3, "text": "run for bob"}


@pytest.mark.parametrize(("reimport", "same"), [(False, True), (True, False)])
def test_an_artifact_is_imported_once_or_anew(api, tmp_path, unique, reimport, same):
    (tmp_path / "data").write_text(unique)

    @dsl.pipeline(name="imports-again")
    def imports_again(path: str):
        dsl.importer(artifact_uri=path, artifact_class=Dataset, reimport=reimport)

    first, second = (
        api.run(imports_again, {"path": str(tmp_path / "data")}).artifact("importer", "artifact")
        for _ in range(2)
    )
    assert (first["uid"] == second["uid"]) is same


def test_artifacts_are_where_the_task_says(api):
    @dsl.component(base_image=PYTHON)
    def choose(one: Output[Model], two: Output[Dataset], three: Output[Artifact]) -> str:
        import os

        one.uri = dsl.get_uri(suffix="chosen/model.txt")
        os.makedirs(os.path.dirname(one.path))
        with open(one.path, "w") as file:
            file.write("chosen")
        one.metadata["accuracy"] = 0.5
        two.set_path(two.path + "-elsewhere")
        with open(two.path, "w") as file:
            file.write("moved")
        three.name = "renamed"
        three.uri = "gs://bucket/not/looked/at"
        return dsl.get_uri(suffix="")

    @dsl.pipeline(name="placed")
    def placed():
        made = choose()
        read(source=made.outputs["one"])
        read(source=made.outputs["two"])

    outcome = api.run(placed)
    root = outcome.output("choose")
    one, two, three = (outcome.artifact("choose", key) for key in ("one", "two", "three"))
    assert one["uri"] == f"{root}chosen/model.txt"
    assert one["metadata"]["accuracy"] == 0.5
    assert two["uri"].endswith("/two-elsewhere")
    assert three["uri"] == "gs://bucket/not/looked/at"
    assert [outcome.output(t, "text") for t in ("read", "read-2")] == ["chosen", "moved"]


def test_artifacts_of_every_type(api):
    @dsl.component(base_image=PYTHON)
    def evaluate(
        metrics: Output[dsl.Metrics],
        classes: Output[dsl.ClassificationMetrics],
        sliced: Output[dsl.SlicedClassificationMetrics],
        page: Output[dsl.HTML],
        text: Output[dsl.Markdown],
    ):
        metrics.log_metric("accuracy", 0.9)
        classes.log_confusion_matrix(["a", "b"], [[1, 0], [0, 1]])
        classes.log_roc_curve([0.0, 1.0], [0.0, 1.0], [1.0, 0.0])
        for artifact, content in ((page, "<b>hi</b>"), (text, "# hi")):
            with open(artifact.path, "w") as file:
                file.write(content)

    @dsl.pipeline(name="types-of-artifacts")
    def types_of_artifacts():
        evaluate()

    outcome = api.run(types_of_artifacts)
    types = {a["key"]: a["type"] for a in outcome.task("evaluate")["output_artifacts"]}
    assert types == {
        "metrics": "system.Metrics",
        "classes": "system.ClassificationMetrics",
        "sliced": "system.SlicedClassificationMetrics",
        "page": "system.HTML",
        "text": "system.Markdown",
    }
    assert outcome.artifact("evaluate", "metrics")["metadata"] == {"accuracy": 0.9}
    assert outcome.artifact("evaluate", "classes")["metadata"]["confusionMatrix"]["rows"]


def test_image_resources_and_environment_from_parameters(api):
    @dsl.pipeline(name="from-parameters")
    def from_parameters(image: str = SHELL, cpu: str = "100m", memory: str = "64Mi", retries: int = 1):
        task = shell(script='test -n "$COLOUR"; sleep 2').set_env_variable("COLOUR", "green")
        task.set_container_image(image).set_cpu_request(cpu).set_cpu_limit("1").set_memory_limit(memory)

    run_id = api.submit(from_parameters)
    template = until("the workload of the step", lambda: first_template(api, run_id))
    assert template["image"] == SHELL
    assert template["resources"] == {
        "cpu_milli": "100",
        "cpu_limit_milli": "1000",
        "memory_bytes": str(64 << 20),
        "memory_limit_bytes": str(64 << 20),
    }
    assert api.finished(run_id).state == "SUCCEEDED"


def first_template(api, run_id: str) -> dict | None:
    """What the first workload of a run was made from."""
    selector = {"label_selector[kfmesh.dev/run]": run_id}
    workloads = api.get("/kfmesh/v1/workloads", **selector).get("workloads", [])
    return workloads[0]["spec"]["groups"][0]["template"] if workloads else None


def test_what_no_node_has_waits_and_says_so(api):
    @dsl.pipeline(name="too-much")
    def too_much(count: str = "999"):
        shell(script="true").set_accelerator_type("nvidia.com/gpu").set_accelerator_limit(count)

    run_id = api.submit(too_much)

    def said():
        return next(
            (t["message"] for t in api.tasks(run_id) if t.get("name") == "shell" and t.get("message")), None
        )

    assert "GPU" in until("the task to say why it waits", said)
    api.kfp.terminate_run(run_id)
    assert api.outcome(run_id).state == "CANCELED"


def test_a_retry_waits_as_its_policy_says(api, marks):
    @dsl.pipeline(name="backs-off")
    def backs_off(file: str):
        shell(script=f'date +%s.%N >> "{marks}"; test $(wc -l < "{marks}") = 3').set_retry(
            num_retries=3, backoff_duration="1s", backoff_factor=2, backoff_max_duration="10s"
        )

    api.run(backs_off, {"file": str(marks)})
    first, second, third = (float(line) for line in marks.read_text().split())
    assert second - first >= 1
    assert third - second >= 2


def test_steps_share_a_workspace(api):
    @dsl.container_component
    def touch(file: str):
        return dsl.ContainerSpec(image=SHELL, command=["sh", "-ec", 'echo here > "$0"'], args=[file])

    @dsl.container_component
    def look(file: str, text: dsl.OutputPath(str)):
        return dsl.ContainerSpec(image=SHELL, command=["sh", "-ec", 'cat "$0" > "$1"'], args=[file, text])

    @dsl.pipeline(
        name="shares", pipeline_config=dsl.PipelineConfig(workspace=dsl.WorkspaceConfig(size="1Gi"))
    )
    def shares():
        first = touch(file=f"{dsl.WORKSPACE_PATH_PLACEHOLDER}/note")
        look(file=f"{dsl.WORKSPACE_PATH_PLACEHOLDER}/note").after(first)

    assert api.run(shares).output("look", "text") == "here\n"


def test_an_importer_downloads_to_the_workspace(api, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "file").write_text("inside")

    @dsl.component(base_image=PYTHON)
    def change(data: Input[Dataset]) -> list:
        import os

        with open(os.path.join(data.path, "file"), "a") as file:
            file.write(" and changed")
        with open(os.path.join(data.path, "file")) as file:
            return [file.read(), data.path]

    @dsl.pipeline(
        name="downloads", pipeline_config=dsl.PipelineConfig(workspace=dsl.WorkspaceConfig(size="1Gi"))
    )
    def downloads(path: str):
        change(
            data=dsl.importer(artifact_uri=path, artifact_class=Dataset, download_to_workspace=True).output
        )

    text, path = api.run(downloads, {"path": str(folder)}).output("change")
    assert text == "inside and changed"
    assert "/.workspace/" in path or path.startswith("/kfp-workspace/")
    assert (folder / "file").read_text() == "inside", "what was imported stays as it is"


def test_embedded_artifacts(api, tmp_path):
    folder = tmp_path / "assets"
    folder.mkdir()
    (folder / "word").write_text("embedded")

    @dsl.component(base_image=PYTHON, embedded_artifact_path=str(folder))
    def unpack(assets: dsl.EmbeddedInput[Dataset]) -> str:
        import os

        with open(os.path.join(assets.path, "word")) as file:
            return file.read()

    @dsl.pipeline(name="embeds")
    def embeds():
        unpack()

    assert api.run(embeds).output("unpack") == "embedded"


def test_a_task_learns_its_configuration(api):
    @dsl.component(
        base_image=PYTHON,
        task_config_passthroughs=[
            dsl.TaskConfigField.RESOURCES,
            dsl.TaskConfigPassthrough(field=dsl.TaskConfigField.ENV, apply_to_task=True),
        ],
    )
    def configured(config: dsl.TaskConfig) -> list:
        import os

        return [config.resources, config.env, os.environ.get("COLOUR", "")]

    @dsl.pipeline(name="configures")
    def configures():
        task = configured().set_cpu_request("1").set_memory_limit("2Gi").set_env_variable("COLOUR", "red")
        task.set_accelerator_type("nvidia.com/gpu").set_accelerator_limit("1")

    resources, env, colour = api.run(configures).output("configured")
    assert resources == {"requests": {"cpu": "1"}, "limits": {"memory": "2Gi", "nvidia.com/gpu": "1"}}
    assert env == [{"name": "COLOUR", "value": "red"}]
    assert colour == "red"


def test_a_notebook_is_a_step(api, tmp_path):
    cells = [
        {
            "cell_type": "code",
            "metadata": {"tags": ["parameters"]},
            "source": "who = 'nobody'",
            "outputs": [],
            "execution_count": None,
        },
        {
            "cell_type": "code",
            "metadata": {},
            "source": "print('hello', who)\nsaid = f'hello {who}'",
            "outputs": [],
            "execution_count": None,
        },
    ]
    notebook = tmp_path / "hello.ipynb"
    notebook.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))

    @dsl.notebook_component(base_image=PYTHON, notebook_path=str(notebook))
    def run_notebook(who: str) -> str:
        dsl.run_notebook(who=who)
        return f"ran for {who}"

    @dsl.pipeline(name="notebook")
    def with_notebook():
        run_notebook(who="bob")

    assert api.run(with_notebook).output("run-notebook") == "ran for bob"

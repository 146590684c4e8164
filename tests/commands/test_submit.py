"""Compiling and submitting, up to the clients of the clusters."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lifelong.commands.main import main
from tests.test_dependencies import WITHOUT

kfp = pytest.importorskip("kfp")
aiplatform = pytest.importorskip("google.cloud.aiplatform")

PARAMETERS = {"behaviors_fingerprint", "running_model", "running_store"}


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "log.csv").write_text("user,item,category,timestamp\n1,2,3,1500000000\n")
    told = {
        "name": "shop",
        "image": "registry/lifelong:1",
        "pipeline_root": f"{tmp_path}/root",
        "serving_folder": f"{tmp_path}/serving",
        "store": {"destination": f"{tmp_path}/store"},
        "data": {
            "behaviors": {"files": f"{tmp_path}/log.csv"},
            "splits": {"validation_start": "2017-07-20", "eval_start": "2017-07-25"},
        },
    }
    (tmp_path / "pipeline.yaml").write_text(yaml.dump(told))
    return tmp_path / "pipeline.yaml"


def test_both_targets_are_given_the_same_pipeline(config, tmp_path, capsys):
    for target in ("kubeflow", "vertex"):
        assert main(["compile", f"--config={config}", f"--target={target}"]) == 0
    said = capsys.readouterr().out
    assert "16 tasks in the image registry/lifelong:1" in said
    assert "behaviors_fingerprint, running_model, running_store" in said
    spec = yaml.safe_load((tmp_path / "compiled_pipeline.yaml").read_text())
    assert json.loads((tmp_path / "compiled_pipeline.json").read_text())["pipelineSpec"] == spec
    assert spec["schemaVersion"] == "2.1.0"
    assert spec["root"]["inputDefinitions"]["parameters"].keys() == PARAMETERS


def test_every_task_starts_with_the_same_command_and_nothing_before_the_cache(config, tmp_path):
    """A hook that runs before the cache is looked at is what open-source Kubeflow leaves out."""
    assert main(["compile", f"--config={config}"]) == 0
    spec = yaml.safe_load((tmp_path / "compiled_pipeline.yaml").read_text())
    for executor in spec["deploymentSpec"]["executors"].values():
        assert executor.keys() == {"container"}
        assert executor["container"].keys() == {"image", "command", "args"}
        assert executor["container"]["command"] == ["python", "-m", "lifelong.pipeline.task"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["compile", "--output=pipeline.yaml"], "the configuration itself; name another file"),
        (["compile", "--output=out.json"], "for kubeflow is a file whose name ends in .yaml"),
        (["compile", "--output=out.yaml", "--target=vertex"], "whose name ends in .json"),
        (["submit", "--target=vertex"], "--project is missing"),
        (["submit", "--target=vertex", "--project=p"], "--region is missing"),
        (["submit", "--region=r"], "--region is not for the target kubeflow"),
        (["submit", "--host=kubeflow:80"], "--host is 'kubeflow:80'; it must begin with http://"),
        (["compile", "--output=none/out.yaml"], "name a file in a folder that exists"),
    ],
)
def test_arguments_that_do_not_fit_are_told(config, arguments, said, capsys):
    before = config.read_text()
    assert main([*arguments, "--config=pipeline.yaml"]) == 1
    assert said in capsys.readouterr().err
    assert config.read_text() == before


def test_a_wrong_field_is_named_with_its_line(config, capsys):
    config.write_text("image: x\nmodle: {heads: 2}\n")
    with pytest.raises(SystemExit) as stopped:
        main(["compile", f"--config={config}"])
    assert stopped.value.code == 2
    assert "pipeline.yaml, line 2: there is no field modle" in capsys.readouterr().err


def test_kubeflow_is_given_the_package_and_what_logs_are_like(
    config, monkeypatch, capsys, tmp_path
):
    seen = {}

    class Client:
        def __init__(self, **connection):
            seen.update(connection)

        def create_run_from_pipeline_package(self, path, **run):
            seen.update(run, spec=yaml.safe_load(Path(path).read_text()))
            return type("Run", (), {"run_id": "42"})

    monkeypatch.setattr(kfp, "Client", Client)
    options = ["--host=http://kubeflow", "--namespace=shop", "--service_account=tasks"]
    assert main(["submit", f"--config={config}", *options]) == 0
    assert seen["host"] == "http://kubeflow"
    assert seen["experiment_name"] == "shop"
    assert seen["service_account"] == "tasks"
    assert seen["arguments"].keys() == PARAMETERS
    assert seen["arguments"]["behaviors_fingerprint"].startswith("files:1,bytes:46,")
    assert seen["pipeline_root"] == f"{tmp_path}/root"
    assert seen["spec"]["pipelineInfo"]["name"] == "shop"
    assert "submitted: http://kubeflow/#/runs/details/42" in capsys.readouterr().out


def test_vertex_is_given_the_job_and_what_logs_are_like(config, monkeypatch, capsys):
    seen = {}

    class Job:
        def __init__(self, **job):
            seen.update(job, job=json.loads(Path(job["template_path"]).read_text()))

        def submit(self, **how):
            seen.update(how)

        resource_name = "projects/p/pipelineJobs/42"

    monkeypatch.setattr(aiplatform, "PipelineJob", Job)
    options = ["--target=vertex", "--project=p", "--region=europe-west4"]
    assert main(["submit", f"--config={config}", *options]) == 0
    assert (seen["project"], seen["location"]) == ("p", "europe-west4")
    assert seen["parameter_values"].keys() == PARAMETERS
    assert seen["job"]["displayName"] == "shop"
    assert "submitted: projects/p/pipelineJobs/42" in capsys.readouterr().out


def test_a_cluster_that_is_out_of_reach_is_told(config, capsys):
    assert main(["submit", f"--config={config}", "--host=http://127.0.0.1:1"]) == 1
    assert "http://127.0.0.1:1 did not take the run" in capsys.readouterr().err


def test_a_log_that_is_not_there_is_told_before_anything_is_submitted(config, tmp_path, capsys):
    (tmp_path / "log.csv").unlink()
    assert main(["submit", f"--config={config}"]) == 1
    assert "no file matches" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["compile"], ["submit", "--host=http://127.0.0.1:1"]])
def test_kubeflows_client_that_is_not_installed_is_named_by_its_extra(arguments, config):
    """TFX leaves its runner for Kubeflow out without a word where kfp is missing.

    Vertex's client needs no test: TFX itself cannot be imported without it.
    """
    command = [*arguments, f"--config={config}"]
    code = f"from lifelong.commands.main import main; sys.exit(main({command}))"
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(missing={"kfp"}, code=code)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.endswith(
        f"lifelong {arguments[0]} needs kfp, which is not installed; run: "
        "pip install 'lifelong[kubeflow]'\n"
    )

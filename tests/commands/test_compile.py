"""The pipeline as TFX's own command compiles it; test_submit.py has `lifelong compile`."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lifelong.commands.compile import run_by_tfx

RUNNER = Path(__file__).parents[2] / "commands" / "compile.py"
CONFIG = """
name: shop
image: shop/lifelong:1
data: {behaviors: {files: gs://bucket/log.csv}, splits: {by: user}}
store: {destination: gs://bucket/store}
pipeline_root: gs://bucket/artifacts
serving_folder: gs://bucket/serving
"""


@pytest.mark.slow
def test_tfx_compiles_it(tmp_path):
    (tmp_path / "shop.yaml").write_text(CONFIG)
    command = ["tfx", "pipeline", "compile", "--engine", "vertex", "--pipeline_path", RUNNER]
    variables = {
        **os.environ,
        # It asks the pip of the environment for kfp.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "TF_USE_LEGACY_KERAS": "1",
        "LIFELONG_CONFIG": "shop.yaml",
    }
    command[0] = shutil.which("tfx", path=variables["PATH"])
    subprocess.run(command, cwd=tmp_path, env=variables, check=True)
    job = json.loads((tmp_path / "pipeline.json").read_text())
    assert "Reporter" in job["pipelineSpec"]["root"]["dag"]["tasks"]
    assert job["runtimeConfig"]["gcsOutputDirectory"] == "gs://bucket/artifacts"
    assert "gs:/b" not in json.dumps(job).replace("gs://", "")


def test_without_a_configuration_it_says_what_to_set(monkeypatch):
    monkeypatch.delenv("LIFELONG_CONFIG", raising=False)
    with pytest.raises(ValueError, match="set LIFELONG_CONFIG to a configuration file"):
        run_by_tfx()

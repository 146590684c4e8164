import signal
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from lifelong.commands.main import main
from lifelong.serving.client import PredictionClient


@pytest.fixture
def base(tmp_path):
    """Folder of two versions of a model that is not ours: y = x + version."""
    for version in (1, 2):
        module = tf.Module()
        module.add = tf.function(
            lambda x, version=version: {"y": x + float(version)},
            input_signature=[tf.TensorSpec(None, tf.float32, name="x")],
        )
        tf.saved_model.save(module, str(tmp_path / "models" / str(version)), module.add)
    return tmp_path / "models"


def config(base, more=""):
    return f"""model_config_list {{ config {{
        name: "one" base_path: "{base}" model_platform: "tensorflow"
        model_version_policy {{ specific {{ versions: 1 }} }} {more}
    }} config {{ name: "two" base_path: "{base}" model_platform: "tensorflow" }} }}"""


LABEL = 'version_labels { key: "stable" value: 1 }'


def test_several_models_are_served_until_a_signal(base, tmp_path):
    (tmp_path / "models.config").write_text(config(base, LABEL))
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "lifelong.commands.main", "serve", "--port=0", "--rest_port=0"),
            f"--model_config_file={tmp_path}/models.config",
            "--allow_version_labels_for_unavailable_models=true",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stdout.readline()
        assert line.startswith(f"serving {tmp_path}/models.config on 127.0.0.1:")
        address = line.split(" on ")[1].split(" (gRPC)")[0]
        for name, expected in (("one", 11.0), ("two", 12.0)):
            with PredictionClient(address, name) as client:
                assert client.predict({"x": np.float32(10)})["y"] == expected
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            'model_config_list { config { nam: "x" } }',
            "Error parsing text-format tensorflow.serving.ModelServerConfig: 1:30: ",
        ),
        (
            config("/nowhere", LABEL),
            "Failed to start server. Error: FAILED_PRECONDITION: Request to assign label to"
            " version 1 of model one, which is not currently available for inference",
        ),
        (
            config("nowhere"),
            "Failed to start server. Error: INVALID_ARGUMENT: Expected model one to have an"
            " absolute path or URI; got base_path()=nowhere",
        ),
    ],
)
def test_a_file_that_is_refused(text, message, tmp_path, capsys):
    (tmp_path / "models.config").write_text(text)
    assert main(["serve", f"--model_config_file={tmp_path}/models.config", "--port=0"]) == 1
    assert message in capsys.readouterr().err


def test_options_are_checked(capsys, tmp_path):
    assert main(["serve", "--threads=0", f"--workdir={tmp_path}"]) == 1
    assert "threads is 0; at least 1 is needed" in capsys.readouterr().err

"""A run that is killed while it trains, and the next one."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from lifelong.pipeline.config import Config, Workdir
from lifelong.pipeline.run_record import read_last_run
from tests.end_to_end import sample_logs
from tests.end_to_end.command import COMMAND, lifelong

pytestmark = pytest.mark.slow


@pytest.fixture
def run_flags(tmp_path):
    sample_logs.write_behavior_csv(sample_logs.make_baskets(users=30), tmp_path / "log.csv")
    return sample_logs.flags(
        {
            "workdir": tmp_path,
            "data.behaviors.files": tmp_path / "log.csv",
            "data.requests.min_history": 20,
            "data.requests.negatives": 6,
        },
        sample_logs.SPLITS,
        sample_logs.SMALL_MODEL,
        {"gate.auc_min": 0, "training.patience": 20, "training.epochs": 12},
    )


def test_the_next_run_goes_on_from_the_last_epoch(tmp_path, run_flags):
    killed = subprocess.Popen(
        [*COMMAND, "run", *run_flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    with killed:
        assert any("epoch 1/12" in line and "validation" in line for line in killed.stdout)
        # While it works, the folder is taken.
        assert "another run is using" in lifelong("run", *run_flags, status=1)
        killed.send_signal(signal.SIGKILL)
    (half_model,) = (tmp_path / "artifacts" / "Trainer" / "model").iterdir()
    output = lifelong("run", *run_flags)
    record = read_last_run(Workdir(tmp_path).metadata)
    assert {"BehaviorExampleGen", "Transform"} <= set(record.cached)
    assert "goes on where it was interrupted" in output
    assert not half_model.exists()
    assert "epoch 1/12" not in output
    assert "epoch 12/12" in output
    assert list(Path(Workdir(tmp_path).serving_folder(Config(name="lifelong"))).glob("[0-9]*"))

"""A run that is killed while it trains, the next one, and one that trains its model on."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from lifelong.models.vocabulary_files import read_vocabulary
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
    assert list(
        Path(Workdir(tmp_path).places(Config(name="lifelong")).serving_folder).glob("[0-9]*")
    )

    # The log goes on, with other users, items and categories.
    first = read_last_run(Workdir(tmp_path).metadata).outputs["VocabularyBuilder", "vocabularies"]
    with (tmp_path / "log.csv").open("a") as log:
        for user, time, items in sample_logs.make_baskets(users=12, seed=1):
            log.writelines(f"{user + 500},{item + 600},{item % 3 + 70},{time}\n" for item in items)
    flags = ["--training.go_on=true", "--training.epochs=1", "--gate.auc_change_min=-1"]
    output = lifelong("run", *run_flags, *flags)
    record = read_last_run(Workdir(tmp_path).metadata)
    assert "[training] goes on with the model of " in output
    assert "Trainer" in record.executed
    for name, new in (("user", 12), ("category", 3)):
        before, after = (
            read_vocabulary(folder, name).ids
            for folder in (first, record.outputs["VocabularyBuilder", "vocabularies"])
        )
        assert after[: len(before)].tolist() == before.tolist()
        assert len(after) - len(before) == new
        assert f"{new} {name}" in output
    assert "\npushed: version " in output

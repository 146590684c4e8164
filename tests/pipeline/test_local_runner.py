import dataclasses
from pathlib import Path

import pytest

from lifelong.models.config import ModelConfig, ModelSpec, TrainingConfig
from lifelong.pipeline import local_runner
from lifelong.pipeline.config import Config, Workdir
from lifelong.pipeline.default_data import default_ingestion
from lifelong.pipeline.run_record import RunRecord


@pytest.fixture
def go_on(tmp_path, monkeypatch):
    """Asks for a run that goes on from a pushed one with these outputs."""
    config = Config(
        data=default_ingestion(Path("/behaviors.parquet")), training=TrainingConfig(go_on=True)
    )

    def run(*components):
        keys = {"Trainer": "model", "VocabularyBuilder": "vocabularies"}
        outputs = {(name, keys[name]): str(tmp_path / name) for name in components}
        record = RunRecord((), (), outputs, {})
        monkeypatch.setattr(local_runner, "read_pushed_run", lambda metadata: record)
        local_runner.run_locally(config, Workdir(tmp_path))

    return run


def test_nothing_runs_where_no_model_was_pushed(tmp_path):
    config = Config(
        data=default_ingestion(Path("/behaviors.parquet")), training=TrainingConfig(go_on=True)
    )
    with pytest.raises(FileNotFoundError, match=r"go_on is true, but .* start with .* without it"):
        local_runner.run_locally(config, Workdir(tmp_path))


def test_nothing_runs_where_the_pushed_model_has_no_vocabularies(go_on):
    with pytest.raises(ValueError, match="another version of lifelong made the model that was"):
        go_on("Trainer")


def test_nothing_runs_where_what_it_goes_on_from_was_deleted(go_on, tmp_path):
    (tmp_path / "Trainer").mkdir()
    with pytest.raises(FileNotFoundError, match=r"VocabularyBuilder of the .* does not exist any"):
        go_on("Trainer", "VocabularyBuilder")


def test_nothing_runs_where_the_model_is_another_one(go_on, tmp_path):
    (tmp_path / "Trainer" / "trained").mkdir(parents=True)
    (tmp_path / "VocabularyBuilder").mkdir()
    earlier = ModelSpec(dataclasses.replace(ModelConfig(), heads=2), (), {}, {})
    (tmp_path / "Trainer" / "trained" / "model.json").write_text(earlier.to_json())
    with pytest.raises(ValueError, match=r"model.heads is 4, the model of .* was trained with 2"):
        go_on("Trainer", "VocabularyBuilder")

import dataclasses

import pytest
from tfx.orchestration.data_types import RuntimeParameter

from lifelong.data.logs.config import LogConfig
from lifelong.pipeline.config import Config, StoreConfig, Workdir
from lifelong.pipeline.default_data import default_ingestion
from lifelong.pipeline.run_parameters import RunParameters


@pytest.fixture
def config(tmp_path):
    (tmp_path / "log.csv").write_text("1")
    return Config(data=default_ingestion(tmp_path / "log.csv"))


def parameters(config, tmp_path):
    return RunParameters.of(config, Workdir(tmp_path).places(config))


def test_where_nothing_is_in_use_no_two_runs_are_alike(config, tmp_path):
    """Else the run after a loss would be the one before the push."""
    first, second = parameters(config, tmp_path), parameters(config, tmp_path)
    assert first.fingerprints == second.fingerprints
    assert first.running_model != second.running_model
    assert first.running_store != second.running_store


def test_a_model_in_use_is_told(config, tmp_path):
    version = tmp_path / "serving_model" / config.name / "7"
    version.mkdir(parents=True)
    (version / "saved_model.pb").write_text("graph")
    first, second = parameters(config, tmp_path), parameters(config, tmp_path)
    assert first.running_model == second.running_model
    assert first.running_model.startswith("model ")


def test_a_destination_that_cannot_be_looked_at_is_left_to_its_component(config, tmp_path):
    store = StoreConfig(destination="redis://127.0.0.1:1/0?name=shop")
    told = parameters(dataclasses.replace(config, store=store), tmp_path)
    assert told.running_store.startswith("nothing at ")


def test_a_log_that_cannot_be_read_is_an_error(config, tmp_path):
    (tmp_path / "log.csv").unlink()
    with pytest.raises(FileNotFoundError, match="no file matches"):
        parameters(config, tmp_path)


def test_what_is_computed_has_the_names_of_what_is_asked_for(config, tmp_path):
    for changes in ({}, {"store": StoreConfig(build=False)}):
        changed = dataclasses.replace(config, **changes)
        asked = RunParameters.to_be_given(changed).by_name()
        assert asked.keys() == parameters(changed, tmp_path).by_name().keys()
        for name, parameter in asked.items():
            assert isinstance(parameter, RuntimeParameter)
            assert parameter.name == name
    items = dataclasses.replace(config.data, items=LogConfig(str(tmp_path / "log.csv")))
    named = RunParameters.to_be_given(dataclasses.replace(config, data=items)).by_name()
    assert named.keys() == {
        "behaviors_fingerprint",
        "items_fingerprint",
        "running_model",
        "running_store",
    }

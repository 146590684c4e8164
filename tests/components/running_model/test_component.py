from pathlib import Path

import pytest
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import standard_artifacts
from tfx.utils import path_utils

from lifelong.components.running_model.component import RunningModel
from lifelong.components.running_model.executor import Executor


@pytest.fixture
def find(tmp_path):
    """Runs the executor and returns its model."""

    def run():
        model = standard_artifacts.Model()
        model.uri = str(tmp_path / "running")
        component = RunningModel(str(tmp_path / "serving"), "as it is")
        Executor().Do({}, {"model": [model]}, component.exec_properties)
        return model

    return run


def test_where_nothing_was_pushed_there_is_no_model(find):
    model = find()
    assert model.get_int_custom_property("has_model") == 0
    assert not Path(model.uri).exists()


def test_the_running_model_is_copied_to_where_the_evaluator_reads_it(find, tmp_path):
    for version in (3, 4):
        (tmp_path / "serving" / str(version)).mkdir(parents=True)
        (tmp_path / "serving" / str(version) / "saved_model.pb").write_text(f"graph {version}")
    model = find()
    assert model.get_int_custom_property("has_model") == 1
    assert model.get_string_custom_property("version") == "4"
    copied = Path(path_utils.serving_model_path(model.uri)) / "saved_model.pb"
    assert copied.read_text() == "graph 4"


def test_the_state_may_be_given_when_a_run_is_started():
    state = RuntimeParameter("running_model", ptype=str)
    assert RunningModel("gs://bucket/serving", state).exec_properties["serving_state"] is state

import json

import pytest
from tfx.components.trainer import executor as tfx_executor
from tfx.types import standard_artifacts

from lifelong.components.trainer.executor import Executor
from lifelong_artifacts import ItemTable, Vocabularies


@pytest.fixture
def given(monkeypatch):
    """What TFX's own executor is given."""
    seen = {}

    def do(self, input_dict, output_dict, exec_properties):
        del self, output_dict
        seen.update(inputs=input_dict, config=json.loads(exec_properties["custom_config"]))

    monkeypatch.setattr(tfx_executor.GenericExecutor, "Do", do)
    return seen


def artifact(kind, uri):
    made = kind()
    made.uri = uri
    return [made]


def test_the_function_is_told_where_table_and_vocabularies_lie(given):
    inputs = {
        "examples": artifact(standard_artifacts.Examples, "/e"),
        "item_table": artifact(ItemTable, "/t"),
        "vocabularies": artifact(Vocabularies, "/v"),
    }
    Executor().Do(inputs, {}, {"custom_config": '{"model": 1}'})
    assert given["config"] == {"model": 1, "item_table": "/t", "vocabularies": "/v"}
    assert given["inputs"].keys() == {"examples"}
    assert inputs.keys() == {"examples", "item_table", "vocabularies"}


def test_without_a_table_it_is_told_nothing_more(given):
    Executor().Do({"examples": []}, {}, {"custom_config": '{"model": 1}'})
    assert given["config"] == {"model": 1}

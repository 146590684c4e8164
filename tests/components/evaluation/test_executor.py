import pytest
from tfx.components.evaluator import executor as stock
from tfx.types import standard_artifacts

from lifelong.components.evaluation.executor import Executor


@pytest.mark.parametrize("has_model", [0, 1])
def test_a_baseline_without_a_model_is_left_out(has_model, monkeypatch):
    seen = []
    monkeypatch.setattr(stock.Executor, "Do", lambda self, inputs, *more: seen.append(inputs))
    baseline, model = standard_artifacts.Model(), standard_artifacts.Model()
    baseline.set_int_custom_property("has_model", has_model)
    given = {"model": [model], "baseline_model": [baseline]}
    Executor().Do(given, {}, {})
    assert seen == [given if has_model else {"model": [model]}]
    assert given.keys() == {"model", "baseline_model"}

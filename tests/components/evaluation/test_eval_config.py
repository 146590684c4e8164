import numpy as np
import pytest
import tensorflow_model_analysis as tfma
from sklearn.metrics import roc_auc_score

from lifelong.components.evaluation.eval_config import AUC_THRESHOLDS, make_eval_config


def thresholds(config):
    found = tfma.metrics.metric_thresholds_from_metrics_specs(
        config.metrics_specs, eval_config=config
    )
    return {(key.name, key.is_diff) for key in found}


def test_auc_is_gated_by_value_and_by_change():
    assert thresholds(make_eval_config(0.6, -0.01)) == {("auc", False), ("auc", True)}


def test_without_a_baseline_only_by_value():
    assert thresholds(make_eval_config(0.6, -0.01, baseline=False)) == {("auc", False)}


@pytest.mark.parametrize(
    ("auc_min", "change", "name"),
    [(1.5, 0, "auc_min"), (-0.1, 0, "auc_min"), (0.5, 2, "auc_change_min"), (0.5, np.nan, "auc_c")],
)
def test_thresholds_out_of_range_are_refused(auc_min, change, name):
    with pytest.raises(ValueError, match=name):
        make_eval_config(auc_min, change)


@pytest.mark.parametrize("mean_logit", [-1.4, -7.0])
def test_auc_has_enough_thresholds_for_rare_clicks(mean_logit):
    """TFMA's AUC bins the scores; click rates of 24% and 0.15%."""
    rng = np.random.default_rng(0)
    scores = 1 / (1 + np.exp(-rng.normal(mean_logit, 1, size=40_000)))
    labels = (rng.random(scores.size) < scores).astype(np.float32)
    histogram, *derived = tfma.metrics.AUC(num_thresholds=AUC_THRESHOLDS, name="auc").computations(
        model_names=[""], output_names=[""], sub_keys=[None]
    )
    combiner = histogram.combiner
    accumulator = combiner.add_input(
        combiner.create_accumulator(),
        tfma.metrics.StandardMetricInputs({"labels": labels, "predictions": scores}),
    )
    values = combiner.extract_output(accumulator)
    for computation in derived:
        values |= computation.result(values)
    (auc,) = (value for key, value in values.items() if key.name == "auc")
    assert auc == pytest.approx(roc_auc_score(labels, scores), abs=1e-3)

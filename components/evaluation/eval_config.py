"""The Evaluator's configuration: metrics, slices and the gate."""

from __future__ import annotations

import math

import tensorflow_model_analysis as tfma
from google.protobuf import wrappers_pb2
from tensorflow_model_analysis.proto import config_pb2

from lifelong.components.evaluation import gauc, log_loss
from lifelong.components.evaluation.history_buckets import HISTORY_LENGTH

# Equally spaced over [0, 1]: within 1e-3 of the exact AUC down to click rates of about 1 in 2,000.
AUC_THRESHOLDS = 10_000


def make_eval_config(
    auc_min: float, auc_change_min: float, baseline: bool = True
) -> config_pb2.EvalConfig:
    """Builds the configuration of the Evaluator (or of a TFMA run of one's own).

    Args:
        auc_min: Smallest AUC, over all requests, that a model must have to be blessed; in [0, 1].
        auc_change_min: Smallest difference between the model's AUC and the baseline's; in [-1, 1].
            -0.005 lets a model through that is up to 0.005 worse; an equal one passes up to 0.
        baseline: Whether the difference to a baseline counts at all. The stock Evaluator adds the
            baseline itself when it is given one and ignores the difference when it is not.

    Returns:
        The configuration: AUC, GAUC, log loss, calibration, requests (TFMA's example count) and
        candidates; over all requests and by history length. Log loss and calibration weigh
        candidates if the model says how (it does if negatives were sampled); it would not change
        the AUC, and requests and candidates are counted.

    Raises:
        ValueError: If a threshold is outside its range.
    """
    _check("auc_min", auc_min, 0.0, 1.0)
    threshold = config_pb2.MetricThreshold(
        value_threshold=config_pb2.GenericValueThreshold(
            lower_bound=wrappers_pb2.DoubleValue(value=auc_min)
        )
    )
    if baseline:
        _check("auc_change_min", auc_change_min, -1.0, 1.0)
        threshold.change_threshold.CopyFrom(
            config_pb2.GenericChangeThreshold(
                direction=config_pb2.MetricDirection.HIGHER_IS_BETTER,
                absolute=wrappers_pb2.DoubleValue(value=auc_change_min),
            )
        )
    return config_pb2.EvalConfig(
        # Named, the type saves TFMA the attempt to load each model as a Keras model.
        model_specs=[config_pb2.ModelSpec(model_type=tfma.TF_GENERIC)],
        slicing_specs=[
            config_pb2.SlicingSpec(),
            config_pb2.SlicingSpec(feature_keys=[HISTORY_LENGTH]),
        ],
        metrics_specs=[
            config_pb2.MetricsSpec(
                metrics=[
                    config_pb2.MetricConfig(
                        class_name="AUC",
                        config=f'"num_thresholds": {AUC_THRESHOLDS}',
                        # `threshold=` would gate each slice, the smallest ones too.
                        per_slice_thresholds=[
                            config_pb2.PerSliceMetricThreshold(
                                slicing_specs=[config_pb2.SlicingSpec()], threshold=threshold
                            )
                        ],
                    ),
                    config_pb2.MetricConfig(class_name="GAUC", module=gauc.__name__),
                    config_pb2.MetricConfig(class_name="ExampleCount"),
                ],
                example_weights=config_pb2.ExampleWeightOptions(unweighted=True),
            ),
            config_pb2.MetricsSpec(
                metrics=[
                    config_pb2.MetricConfig(class_name="LogLoss", module=log_loss.__name__),
                    config_pb2.MetricConfig(class_name="Calibration"),
                ],
                example_weights=config_pb2.ExampleWeightOptions(weighted=True),
            ),
        ],
    )


def _check(name: str, value: float, low: float, high: float) -> None:
    if not (math.isfinite(value) and low <= value <= high):
        raise ValueError(f"{name} is {value}; expected a number from {low:g} to {high:g}")

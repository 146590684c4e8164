"""Log loss over all candidates as a TFMA metric."""

from __future__ import annotations

from collections.abc import Iterable

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2

from lifelong.components.evaluation.candidate_rows import candidate_rows

LOG_LOSS_NAME = "log_loss"
CANDIDATES_NAME = "candidates"
# Probabilities are clipped to [EPSILON, 1 - EPSILON], as Keras does.
EPSILON = 1e-7

# Loss, weight, candidates.
_Sums = tuple[float, float, int]


class LogLoss(tfma.metrics.Metric):
    """Mean binary cross entropy over candidates, in nats, for rows of any length.

    TFMA's own BinaryCrossEntropy averages within a row first, which weights the candidates of short
    requests more. Also gives the number of candidates, whatever their weights.

    Args:
        name: Name of the metric.
        candidates_name: Name of the number of candidates.

    Example:
        >>> config_pb2.MetricConfig(class_name="LogLoss", module="lifelong.components.evaluation.log_loss")
    """

    def __init__(self, name: str = LOG_LOSS_NAME, candidates_name: str = CANDIDATES_NAME):
        super().__init__(
            tfma.metrics.merge_per_key_computations(_log_loss),
            name=name,
            candidates_name=candidates_name,
        )


tfma.metrics.metric_types.register_metric(LogLoss)


def _log_loss(
    name: str = LOG_LOSS_NAME,
    candidates_name: str = CANDIDATES_NAME,
    eval_config: config_pb2.EvalConfig | None = None,
    model_name: str = "",
    output_name: str = "",
    example_weighted: bool = False,
) -> tfma.metrics.MetricComputations:
    keys = [
        tfma.metrics.MetricKey(
            name=key,
            model_name=model_name,
            output_name=output_name,
            example_weighted=example_weighted,
        )
        for key in (name, candidates_name)
    ]
    return [
        tfma.metrics.MetricComputation(
            keys=keys, preprocessors=None, combiner=_LogLossCombiner(keys, eval_config)
        )
    ]


class _LogLossCombiner(beam.CombineFn):
    """Sums loss and weight, in float64, and counts candidates."""

    def __init__(
        self, keys: list[tfma.metrics.MetricKey], eval_config: config_pb2.EvalConfig | None
    ):
        self._keys = keys
        self._eval_config = eval_config

    def create_accumulator(self) -> _Sums:
        return 0.0, 0.0, 0

    def add_input(
        self,
        accumulator: _Sums,
        element: tfma.metrics.StandardMetricInputs,
    ) -> _Sums:
        key = self._keys[0]
        labels, scores, weights = candidate_rows(
            element, self._eval_config, key.model_name, key.output_name, key.example_weighted
        )
        scores = np.clip(scores, EPSILON, 1 - EPSILON)
        losses = -(labels * np.log(scores) + (1 - labels) * np.log1p(-scores))
        loss, weight, candidates = accumulator
        return (
            loss + float(losses @ weights),
            weight + float(weights.sum()),
            candidates + len(labels),
        )

    def merge_accumulators(self, accumulators: Iterable[_Sums]) -> _Sums:
        losses, weights, candidates = zip(*accumulators, strict=True)
        return sum(losses), sum(weights), sum(candidates)

    def extract_output(self, accumulator: _Sums) -> dict[tfma.metrics.MetricKey, float]:
        loss, weight, candidates = accumulator
        mean = loss / weight if weight else float("nan")
        return dict(zip(self._keys, (mean, float(candidates)), strict=True))

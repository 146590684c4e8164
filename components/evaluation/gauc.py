"""GAUC as a TFMA metric."""

from __future__ import annotations

import array
import dataclasses
from collections.abc import Iterable

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2

from lifelong.components.evaluation.candidate_rows import candidate_rows
from lifelong.components.evaluation.grouped_auc import grouped_auc

GAUC_NAME = "gauc"
USER_KEY = "user"


class GAUC(tfma.metrics.Metric):
    """AUC within each user, weighted by the user's impressions (see `grouped_auc`).

    A user's impressions are put together from all requests of the slice; within a slice by history
    length, a user counts with the requests of that slice alone. Besides `<name>` the metric gives
    `<name>_users`, the users that count, and `<name>_users_left_out`, those whose impressions
    all have the same label. It is exact, and keeps 9 bytes per candidate and 16 per request
    for each model and slice. Example weights are not supported: the weight is the impressions.

    Args:
        name: Name of the metric.
        user_key: Feature of the extracts that holds the request's user, an int64.

    Example:
        >>> config_pb2.MetricConfig(class_name="GAUC", module="lifelong.components.evaluation.gauc")
    """

    def __init__(self, name: str = GAUC_NAME, user_key: str = USER_KEY):
        super().__init__(
            tfma.metrics.merge_per_key_computations(_gauc), name=name, user_key=user_key
        )


tfma.metrics.metric_types.register_metric(GAUC)


def _gauc(
    name: str = GAUC_NAME,
    user_key: str = USER_KEY,
    eval_config: config_pb2.EvalConfig | None = None,
    model_name: str = "",
    output_name: str = "",
) -> tfma.metrics.MetricComputations:
    keys = [
        tfma.metrics.MetricKey(name=key, model_name=model_name, output_name=output_name)
        for key in (name, f"{name}_users", f"{name}_users_left_out")
    ]
    return [
        tfma.metrics.MetricComputation(
            keys=keys,
            preprocessors=[tfma.metrics.FeaturePreprocessor([user_key])],
            combiner=_GaucCombiner(keys, user_key, eval_config),
        )
    ]


@dataclasses.dataclass
class _Impressions:
    """All impressions so far, in arrays that grow in place and pickle small."""

    users: array.array = dataclasses.field(default_factory=lambda: array.array("q"))
    candidates: array.array = dataclasses.field(default_factory=lambda: array.array("q"))
    labels: array.array = dataclasses.field(default_factory=lambda: array.array("b"))
    scores: array.array = dataclasses.field(default_factory=lambda: array.array("d"))


class _GaucCombiner(beam.CombineFn):
    """Collects a slice's impressions and ranks them once at the end."""

    def __init__(
        self,
        keys: list[tfma.metrics.MetricKey],
        user_key: str,
        eval_config: config_pb2.EvalConfig | None,
    ):
        self._keys = keys
        self._user_key = user_key
        self._eval_config = eval_config

    def create_accumulator(self) -> _Impressions:
        return _Impressions()

    def add_input(
        self, accumulator: _Impressions, element: tfma.metrics.StandardMetricInputs
    ) -> _Impressions:
        user = np.asarray((element.features or {}).get(self._user_key))
        if user.size != 1 or user.dtype.kind not in "iu":
            raise ValueError(
                f"GAUC needs one integer user per request in the feature {self._user_key!r}, "
                f"got {user!r}; give the feature in the extracts or set the metric's `user_key`"
            )
        key = self._keys[0]
        labels, scores, _ = candidate_rows(
            element, self._eval_config, key.model_name, key.output_name
        )
        if not np.isin(labels, (0.0, 1.0)).all():
            raise ValueError(f"GAUC needs labels 0 or 1; user {user.item()} has {labels.tolist()}")
        accumulator.users.append(user.item())
        accumulator.candidates.append(labels.size)
        accumulator.labels.frombytes(labels.astype(np.int8).tobytes())
        accumulator.scores.frombytes(scores.tobytes())
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[_Impressions]) -> _Impressions:
        merged = _Impressions()
        for accumulator in accumulators:
            for field in dataclasses.fields(_Impressions):
                getattr(merged, field.name).extend(getattr(accumulator, field.name))
        return merged

    def extract_output(self, accumulator: _Impressions) -> dict[tfma.metrics.MetricKey, float]:
        candidates = np.asarray(accumulator.candidates, np.int64)
        result = grouped_auc(
            np.repeat(np.asarray(accumulator.users, np.int64), candidates),
            np.asarray(accumulator.labels, np.int8),
            np.asarray(accumulator.scores, np.float64),
        )
        return dict(zip(self._keys, map(float, result), strict=True))

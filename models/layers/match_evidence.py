"""Counts and times of the events that match a candidate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from lifelong.models.layers.checks import (
    check_dtype,
    check_measure,
    check_shapes,
)
from lifelong.models.layers.layer_of_tensors import LayerOfTensors

keras: Any = tf.keras

_SECONDS_PER_HOUR = 3600.0
_SECONDS_PER_DAY = 86_400.0
# log(1 + hours) of a year, so that times come out at about 1.
_LOG_HOURS_OF_A_YEAR = 9.1


@keras.utils.register_keras_serializable(package="lifelong")
class MatchEvidence(LayerOfTensors):
    """Says how many of a candidate's events match it, and when they happened.

    Softmax attention gives the average of events, which is the same for one purchase of an item as
    for ten. These numbers keep what the average loses. The layer has no weights.

    Args:
        decay_days: Time constants, in days, of the counts in which an event fades with its age.
        **kwargs: Of `keras.layers.Layer`.

    Call:
        match: `[B, N, K]` bool, whether an event matches the candidate; False for padding.
        gap: `[B, N, K]` int64 or int32, seconds from each event to the request; or `[B, K]`, the
            same events for all candidates of a request.

    Returns:
        `[B, N, 6 + len(decay_days)]` float32: log(1 + matches); whether there is one; whether there
        are two; log(1 + hours) since the last and since the first match, and of the mean interval
        between matches, as shares of a year's; then for each time constant d the matches, each
        counted exp(-days / d). Times that do not exist are 0.

    Raises:
        ValueError: If a shape or type is not as above, or a time constant is not positive.

    Example:
        >>> evidence = MatchEvidence(decay_days=())
        >>> match, gap = tf.constant([[[True, False, True]]]), tf.constant([[0, 1, 7200]])
        >>> [round(x, 2) for x in evidence(match, gap).numpy()[0, 0].tolist()]
        [1.1, 1.0, 1.0, 0.0, 0.12, 0.12]

    References:
        [DIN](https://arxiv.org/abs/1706.06978), section 4.3: what softmax loses of the intensity of
        interests.
    """

    def __init__(self, decay_days: Sequence[float] = (7.0, 30.0, 90.0), **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "dtype": "float32"})
        if isinstance(decay_days, str) or not isinstance(decay_days, Sequence):
            raise ValueError(
                f"MatchEvidence: `decay_days` is {decay_days!r}; expected a sequence of numbers"
            )
        for index, days in enumerate(decay_days):
            check_measure("MatchEvidence", **{f"decay_days[{index}]": days})
        self.decay_days = tuple(float(days) for days in decay_days)

    def compute(self, match: tf.Tensor, gap: tf.Tensor) -> tf.Tensor:
        """Counts; see the class."""
        check_dtype("MatchEvidence", "match", match, tf.bool)
        check_dtype("MatchEvidence", "gap", gap, tf.int64, tf.int32)
        shared = gap.shape.rank == 2
        check_shapes(
            "MatchEvidence", {"match": (match, "B N K"), "gap": (gap, "B K" if shared else "B N K")}
        )
        # [B, 1 or N, K], seconds
        gap = tf.maximum(tf.cast(gap[:, tf.newaxis] if shared else gap, tf.float32), 0.0)
        matches = tf.cast(match, tf.float32)
        # [B, N]
        count = tf.reduce_sum(matches, axis=-1)
        some, several = count > 0, count > 1
        # Without any event both would be infinite.
        first = tf.where(some, tf.reduce_max(matches * gap, axis=-1), 0.0)
        last = tf.reduce_min(tf.where(match, gap, gap.dtype.max), axis=-1)
        last = tf.where(some, last, 0.0)
        interval = tf.where(several, (first - last) / tf.maximum(count - 1.0, 1.0), 0.0)
        numbers = [
            tf.math.log1p(count),
            tf.cast(some, tf.float32),
            tf.cast(several, tf.float32),
            *(_log_hours(seconds) for seconds in (last, first, interval)),
        ]
        for days in self.decay_days:
            fading = tf.exp(gap / (-days * _SECONDS_PER_DAY))
            numbers.append(tf.reduce_sum(matches * fading, axis=-1))
        return tf.stack(numbers, axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "decay_days": list(self.decay_days)}


def _log_hours(seconds: tf.Tensor) -> tf.Tensor:
    return tf.math.log1p(seconds / _SECONDS_PER_HOUR) / _LOG_HOURS_OF_A_YEAR

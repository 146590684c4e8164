"""Counts, times and rates of all events of a history that share a candidate's item or category."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from lifelong.data.evidence import COLUMNS, REQUEST_COLUMNS
from lifelong.data.times import DAY
from lifelong.models.layers.checks import check_dtype, check_shapes
from lifelong.models.layers.event_counts import EventCounts, Events, count_events
from lifelong.models.layers.layer_of_tensors import LayerOfTensors

keras: Any = tf.keras

# log(1 + hours) of a year, so that times come out at about 1.
_LOG_HOURS_OF_A_YEAR = 9.1
# A ratio of times beyond e^4 says no more than e^4.
_MOST_OVERDUE = 4.0


@keras.utils.register_keras_serializable(package="lifelong")
class HistoryEvidence(LayerOfTensors):
    """Says how often, when and how regularly a user has met each candidate's item and category.

    Attention cannot count: a weighted mean of events is the same for one as for ten, and a search
    stops at K. Here all events count, and what a network learns badly from counts and times is there
    as a number: rates, and how overdue the next event is. The layer has no weights.

    Args:
        **kwargs: Of `keras.layers.Layer`.

    Call:
        candidate_item: `[B, N]` int64 ids.
        candidate_category: `[B, N]` int64 ids.
        history_item: `[B, L]` int64 ids, newest event first.
        history_category: `[B, L]` int64 ids.
        history_timestamp: `[B, L]` int64, Unix seconds, none later than the request (such events
            count as now).
        request_timestamp: `[B]` int64, Unix seconds.
        history_mask: `[B, L]` bool, True for events; all of them by default.

    Returns:
        `[B, N, 34]` float32. For the candidate's item (events that share item and category), then for
        its category, 14 numbers each: log(1 + events); whether there is one, and another; log(1 +
        hours) since the last, since the first, between the last two and between two on average, over
        that of a year; log(time since the last / mean interval) and log(time since the last / last
        interval), a day added to each; log(1 + events) of the last 7, 30 and 90 days; logarithms of
        the share of all events, and of the events per day that has any. Then, of both, the logarithm
        of the item's share of its category; and of the request log(1 + events), log(1 + days), log of
        events per day, log(1 + hours) between days on average and since the last event. What does not
        exist is 0.

    Raises:
        ValueError: If a shape or type is not as above.

    Example:
        >>> evidence = HistoryEvidence()
        >>> items = tf.constant([[7, 7, 8]], tf.int64)
        >>> times = tf.constant([[1512200000, 1512100000, 1512000000]], tf.int64)
        >>> evidence(
        ...     tf.constant([[7]], tf.int64),
        ...     tf.constant([[1]], tf.int64),
        ...     items,
        ...     tf.ones_like(items),
        ...     times,
        ...     tf.constant([1512300000], tf.int64),
        ... ).shape
        TensorShape([1, 1, 34])

    References:
        [A Next Basket Recommendation Reality Check](https://arxiv.org/abs/2109.14233), section 5: how
        much of what is bought has been bought before.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "dtype": "float32"})

    def compute(
        self,
        candidate_item: tf.Tensor,
        candidate_category: tf.Tensor,
        history_item: tf.Tensor,
        history_category: tf.Tensor,
        history_timestamp: tf.Tensor,
        request_timestamp: tf.Tensor,
        history_mask: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Counts; see the class."""
        candidates = {"candidate_item": candidate_item, "candidate_category": candidate_category}
        history = {
            "history_item": history_item,
            "history_category": history_category,
            "history_timestamp": history_timestamp,
        }
        for name, values in {
            **candidates,
            **history,
            "request_timestamp": request_timestamp,
        }.items():
            check_dtype("HistoryEvidence", name, values, tf.int64)
        check_dtype("HistoryEvidence", "history_mask", history_mask, tf.bool)
        check_shapes(
            "HistoryEvidence",
            {
                **{name: (values, "B N") for name, values in candidates.items()},
                **{name: (values, "B L") for name, values in history.items()},
                "request_timestamp": (request_timestamp, "B"),
                "history_mask": (history_mask, "B L"),
            },
        )
        if history_mask is None:
            history_mask = tf.ones_like(history_item, tf.bool)
        events = Events.of(history_mask, history_item, history_category, history_timestamp)
        counts = count_events(candidate_item, candidate_category, request_timestamp, events)
        return self.of_counts(counts, request_timestamp)

    def of_counts(self, counts: EventCounts, request_timestamp: tf.Tensor) -> tf.Tensor:
        """Returns the numbers of events that have been counted already.

        Args:
            counts: As `count_events` returns them.
            request_timestamp: `[B]` int64, Unix seconds.
        """
        request = _columns(counts.request, REQUEST_COLUMNS)
        events, days = (tf.cast(request[name], tf.float32) for name in ("events", "days"))
        # Of both at a time, [2, B, N, 7]: half as many operations.
        both = _columns(tf.stack([counts.item, counts.category]), COLUMNS)
        now = request_timestamp[:, tf.newaxis]
        # [2, B, N, 14] -> [B, N, 28]
        numbers = tf.stack(_numbers(both, now, events[:, tf.newaxis], days[:, tf.newaxis]), axis=-1)
        numbers = tf.concat(tf.unstack(numbers, num=2), axis=-1)
        item, category = tf.unstack(tf.cast(both["events"], tf.float32), num=2)
        share = tf.math.log((item + 0.1) / (category + 0.5)) / 2.0
        span = _positive_seconds(request["last"] - request["first"])
        since = _positive_seconds(request_timestamp - request["last"])
        of_request = tf.stack(
            [
                tf.math.log1p(events) / 8.0,
                tf.math.log1p(days) / 5.0,
                tf.math.log(tf.maximum(events, 1.0) / tf.maximum(days, 1.0)) / 2.0,
                _log_hours(span / tf.maximum(days - 1.0, 1.0)),
                _log_hours(tf.where(request["events"] > 0, since, 0.0)),
            ],
            axis=-1,
        )
        of_request = tf.repeat(of_request[:, tf.newaxis], tf.shape(item)[1], axis=1)
        return tf.concat([numbers, share[..., tf.newaxis], of_request], axis=-1)


def _numbers(
    counted: dict[str, tf.Tensor], now: tf.Tensor, events: tf.Tensor, days: tf.Tensor
) -> list[tf.Tensor]:
    """Returns the 14 numbers of item and category, `[2, B, N]` each."""
    some, several = counted["events"] > 0, counted["events"] > 1
    count = tf.cast(counted["events"], tf.float32)

    def seconds(later: tf.Tensor, earlier: tf.Tensor, exists: tf.Tensor) -> tf.Tensor:
        return tf.where(exists, _positive_seconds(later - earlier), 0.0)

    since_last = seconds(now, counted["last"], some)
    since_first = seconds(now, counted["first"], some)
    last_interval = seconds(counted["last"], counted["previous"], several)
    interval = seconds(counted["last"], counted["first"], several) / tf.maximum(count - 1.0, 1.0)
    return [
        tf.math.log1p(count),
        tf.cast(some, tf.float32),
        tf.cast(several, tf.float32),
        *(_log_hours(time) for time in (since_last, since_first, last_interval, interval)),
        *(tf.where(several, _overdue(since_last, time), 0.0) for time in (interval, last_interval)),
        *(
            tf.math.log1p(tf.cast(values, tf.float32))
            for name, values in counted.items()
            if name.startswith("events_")
        ),
        tf.math.log((count + 0.1) / (events + 1.0)) / 4.0 + 1.5,
        tf.math.log((count + 0.1) / (days + 1.0)) / 4.0 + 1.0,
    ]


def _columns(values: tf.Tensor, names: tuple[str, ...]) -> dict[str, tf.Tensor]:
    return dict(zip(names, tf.unstack(values, num=len(names), axis=-1), strict=True))


def _positive_seconds(seconds: tf.Tensor) -> tf.Tensor:
    # What is out of order counts as now.
    return tf.cast(tf.maximum(seconds, 0), tf.float32)


def _log_hours(seconds: tf.Tensor) -> tf.Tensor:
    return tf.math.log1p(seconds / 3600.0) / _LOG_HOURS_OF_A_YEAR


def _overdue(since: tf.Tensor, interval: tf.Tensor) -> tf.Tensor:
    ratio = tf.math.log((since + DAY) / (interval + DAY))
    return tf.clip_by_value(ratio, -_MOST_OVERDUE, _MOST_OVERDUE) / 2.0

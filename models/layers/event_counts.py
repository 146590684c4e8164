"""Counts events of each candidate's item and category: exactly, whatever their number."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from lifelong.data.evidence import COLUMNS, RECENT_DAYS
from lifelong.data.times import DAY


class EventCounts(NamedTuple):
    """What was counted of the events of B requests, int64; columns of `lifelong.data.evidence`.

    Attributes:
        item: `[B, N, 7]`, events of the candidate's item and category.
        category: `[B, N, 7]`, events of the candidate's category.
        request: `[B, 4]`, all events.
    """

    item: tf.Tensor
    category: tf.Tensor
    request: tf.Tensor


class Events(NamedTuple):
    """Events of B requests one after another, those of a request newest first.

    Attributes:
        row: `[M]` int64, ascending, the request of each event.
        item: `[M]` int64.
        category: `[M]` int64.
        timestamp: `[M]` int64, Unix seconds.
    """

    row: tf.Tensor
    item: tf.Tensor
    category: tf.Tensor
    timestamp: tf.Tensor

    @classmethod
    def of(
        cls, mask: tf.Tensor, item: tf.Tensor, category: tf.Tensor, timestamp: tf.Tensor
    ) -> Events:
        """Returns the events of histories `[B, T]`, newest first; `mask` is True for events."""
        shape = tf.shape(mask)
        row = tf.repeat(tf.range(tf.cast(shape[0], tf.int64)), shape[1])
        columns = (row, *(tf.reshape(column, [-1]) for column in (item, category, timestamp)))
        return cls(*columns).take(tf.reshape(tf.where(tf.reshape(mask, [-1])), [-1]))

    def take(self, places: tf.Tensor) -> Events:
        """Returns some of the events, given by ascending places."""
        return Events(*(tf.gather(column, places) for column in self))


def count_events(
    candidate_item: tf.Tensor,
    candidate_category: tf.Tensor,
    request_timestamp: tf.Tensor,
    events: Events,
) -> EventCounts:
    """Counts the events that share a candidate's category, and of these its item.

    Each event is looked up among the candidates, sorted once, by binary search: the work is linear in
    the events, whatever the number of events that match.

    Args:
        candidate_item: `[B, N]` int64.
        candidate_category: `[B, N]` int64.
        request_timestamp: `[B]` int64, Unix seconds.
        events: Of these requests, none later than its request.
    """
    shape = tf.shape(candidate_item)
    row = tf.repeat(tf.range(tf.cast(shape[0], tf.int64)), shape[1])
    categories = _group(row, tf.reshape(candidate_category, [-1]), events.row, events.category)
    inside = events.take(categories.kept)
    items = _group(
        categories.of_candidates, tf.reshape(candidate_item, [-1]), categories.of_kept, inside.item
    )

    # Both together: half as many operations.
    candidates = tf.size(row, out_type=tf.int64)
    counts = _count_groups(
        Events(
            *(tf.concat(both, axis=0) for both in zip(inside.take(items.kept), inside, strict=True))
        ),
        tf.concat([items.of_kept, categories.of_kept + candidates], axis=0),
        2 * candidates,
        request_timestamp,
    )
    groups = tf.stack([items.of_candidates, categories.of_candidates + candidates])
    counts = tf.reshape(tf.gather(counts, groups), [2, shape[0], shape[1], len(COLUMNS)])
    return EventCounts(counts[0], counts[1], _count_requests(events, shape[0]))


class _Groups(NamedTuple):
    """Candidates and events in groups.

    Attributes:
        of_candidates: `[C]` int64, the group of each candidate.
        of_kept: `[M']` int64, the group of each event that is in one.
        kept: `[M']` int64, which events these are, ascending.
    """

    of_candidates: tf.Tensor
    of_kept: tf.Tensor
    kept: tf.Tensor


def _group(
    outer: tf.Tensor, value: tf.Tensor, events_outer: tf.Tensor, events_value: tf.Tensor
) -> _Groups:
    """Groups candidates that agree in two numbers, and finds the events that agree with them.

    Args:
        outer: `[C]` int64, below `C` or `B`.
        value: `[C]` int64, any.
        events_outer: `[M]` int64, like `outer`.
        events_value: `[M]` int64.
    """
    values = tf.sort(value)
    number, known = _find(values, events_value)
    kept = tf.reshape(tf.where(known), [-1])
    # As the place of a value is less than C, two numbers become one.
    width = tf.size(value, out_type=tf.int64)
    key = outer * width + _find(values, value)[0]
    keys = tf.sort(key)
    group, found = _find(keys, tf.gather(events_outer, kept) * width + tf.gather(number, kept))
    return _Groups(_find(keys, key)[0], tf.boolean_mask(group, found), tf.boolean_mask(kept, found))


def _find(ascending: tf.Tensor, wanted: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the first place of wanted values, int64, and whether they are there."""
    place = tf.searchsorted(ascending, wanted, out_type=tf.int64)
    inside = place < tf.size(ascending, out_type=tf.int64)
    # One more, so that there is something to gather where all are smaller.
    ascending = tf.concat([ascending, [0]], axis=0)
    return place, inside & (tf.gather(ascending, place) == wanted)


def _count_groups(
    events: Events, group: tf.Tensor, groups: tf.Tensor, request_timestamp: tf.Tensor
) -> tf.Tensor:
    """Returns `[groups, 7]`."""
    age = tf.gather(request_timestamp, events.row) - events.timestamp
    ages = [age <= days * DAY for days in RECENT_DAYS]
    counted = tf.cast(tf.stack([tf.ones_like(age, tf.bool), *ages], axis=-1), tf.int64)
    counts = tf.math.unsorted_segment_sum(counted, group, groups)
    place = tf.range(tf.size(age, out_type=tf.int64))
    last = tf.math.unsorted_segment_min(place, group, groups)
    older = tf.where(place == tf.gather(last, group), place.dtype.max, place)
    previous = tf.math.unsorted_segment_min(older, group, groups)
    first = tf.math.unsorted_segment_max(place, group, groups)
    exists = counts[:, :1] >= tf.constant([1, 2, 1], tf.int64)
    times = _at(events.timestamp, tf.stack([last, previous, first], axis=-1), exists)
    return tf.concat([counts, times], axis=-1)


def _count_requests(events: Events, requests: tf.Tensor) -> tf.Tensor:
    """Returns `[requests, 4]`."""
    ones = tf.ones_like(events.row)
    count = tf.math.unsorted_segment_sum(ones, events.row, requests)
    end = tf.cumsum(count)
    day = events.timestamp // DAY
    # An event begins another day, or another request, than the one before it.
    begins = (day[1:] != day[:-1]) | (events.row[1:] != events.row[:-1])
    begins = tf.concat([ones[:1], tf.cast(begins, tf.int64)], axis=0)
    days = tf.math.unsorted_segment_sum(begins, events.row, requests)
    places = tf.stack([end - 1, end - count], axis=-1)
    times = _at(events.timestamp, places, count[:, tf.newaxis] > 0)
    return tf.concat([tf.stack([count, days], axis=-1), times], axis=-1)


def _at(timestamp: tf.Tensor, place: tf.Tensor, exists: tf.Tensor) -> tf.Tensor:
    """Returns the times at places; 0 where there is none."""
    timestamp = tf.concat([timestamp, [0]], axis=0)
    return tf.gather(timestamp, tf.where(exists, place, tf.size(timestamp, place.dtype) - 1))

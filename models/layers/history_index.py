"""An index of each request's history by item or category, made once for all its candidates."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf


class HistoryIndex(NamedTuple):
    """The events of each history in the order of their ids: events of one id are a run.

    Attributes:
        ids: `[B, L]` int32 or int64, ascending; masked events are last, as the largest of the type.
        position: `[B, L]` int32, positions in the history; ascending within a run.
    """

    ids: tf.Tensor
    position: tf.Tensor


def index_history(ids: tf.Tensor, mask: tf.Tensor | None) -> HistoryIndex:
    """Sorts the events of each history by their ids.

    Args:
        ids: `[B, L]` int32 or int64. Events of the largest id of the type are not found.
        mask: `[B, L]` bool, True for valid events; all of them if None.
    """
    if mask is not None:
        ids = tf.where(mask, ids, ids.dtype.max)
    position = tf.argsort(ids, axis=1, stable=True)
    return HistoryIndex(tf.gather(ids, position, batch_dims=1), position)


def find_runs(index: HistoryIndex, wanted: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Finds the events of ids: a binary search for each.

    Args:
        index: Of the histories.
        wanted: `[B, X]`, of the type of `index.ids`.

    Returns:
        First place in the index and number of events, `[B, X]` int32 each. Where there is no
        event, the number is 0 and the place is where one would be.
    """
    # Not tf.searchsorted, which takes no axis of size 0.
    first = tf.raw_ops.LowerBound(sorted_inputs=index.ids, values=wanted)
    end = tf.raw_ops.UpperBound(sorted_inputs=index.ids, values=wanted)
    # Masked events stand there as the largest id.
    return first, tf.where(wanted < wanted.dtype.max, end - first, 0)


def positions_of(index: HistoryIndex, place: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Returns positions in the history, `[B, N, K]`, of places in the index.

    Args:
        index: Of the histories.
        place: `[B, N, K]` int32; anything where `mask` is False.
        mask: `[B, N, K]` bool.
    """
    return tf.gather(index.position, tf.where(mask, place, 0), batch_dims=1)

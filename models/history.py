"""The history of a request as the model sees it: two disjoint parts with masks from lengths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf

from lifelong.data.keys import HISTORY, HISTORY_ITEM, HISTORY_LENGTH
from lifelong.models.layers import length_mask
from lifelong.models.randomness import uniform


class History(NamedTuple):
    """Events of B requests, newest first.

    Attributes:
        values: Event tensors `[B, E]` by wire key (`history_item`, `history_timestamp`, ...).
        mask: Which of them are events, `[B, E]` bool; the rest is padding.
    """

    values: dict[str, tf.Tensor]
    mask: tf.Tensor


def split_history(
    batch: Mapping[str, tf.Tensor], short_length: int, long_length: int
) -> tuple[History, History]:
    """Splits histories into the most recent events and the ones before those.

    Args:
        batch: Wire tensors; histories `[B, T]` with any T, `history_length [B]`.
        short_length: S.
        long_length: L.

    Returns:
        The short part, at most the S newest events, and the long part, at most the next L. Both
        are narrower (down to zero) where T is.
    """
    length = batch[HISTORY_LENGTH]
    values = {
        key: value
        for key, value in batch.items()
        if key.startswith(HISTORY) and key != HISTORY_LENGTH
    }
    short = {key: value[:, :short_length] for key, value in values.items()}
    long = {
        key: value[:, short_length : short_length + long_length] for key, value in values.items()
    }
    return (
        History(short, length_mask(length, _width(short))),
        History(long, length_mask(length - short_length, _width(long))),
    )


def sample_history(history: History, length: int) -> History:
    """Draws a random sub-sequence of histories that are longer.

    Args:
        history: Events `[B, E]`.
        length: Most events to keep, at least 1. Every subset of that many is as likely.

    Returns:
        The history itself if E is not larger; else `[B, length]`, in the order they were in.
    """
    width = history.mask.shape[1]
    if width is not None and width <= length:
        return history
    # Padding gets the lowest of all keys.
    keys = tf.where(history.mask, uniform(tf.shape(history.mask)), -1.0)
    kept = tf.math.top_k(keys, tf.minimum(length, tf.shape(keys)[1])).indices
    # Padding comes last, so that sorting positions leaves it there.
    kept = tf.sort(kept, axis=1)

    def take(values: tf.Tensor) -> tf.Tensor:
        return tf.gather(values, kept, batch_dims=1)

    return History(
        {key: take(values) for key, values in history.values.items()}, take(history.mask)
    )


def _width(values: Mapping[str, tf.Tensor]) -> tf.Tensor:
    return tf.shape(values[HISTORY_ITEM])[1]

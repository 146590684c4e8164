"""Pads ragged histories to the dense tensors and the mask that the layers read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from lifelong.models.layers.checks import check_positive
from lifelong.models.layers.masks import length_mask


def pad_history(
    history: Any, length: int | None = None, newest_first: bool = False
) -> tuple[Any, tf.Tensor]:
    """Pads ragged histories to dense ones, newest event first, and marks their events.

    For a `map` of `tf.data`, a `tf.function` or eager use. Rows with more than `length` events lose
    their oldest ones: how many events a model may see is the caller's choice.

    Args:
        history: `[B, (L)]` or `[B, (L), D...]` `tf.RaggedTensor` of any type, one row per user; or a
            dict, tuple or list of them, columns of the same events. D... are not ragged.
        length: Places L of the result, at least 1; by default those of the longest row, which may be
            0 and is not static. With it, L is static.
        newest_first: Whether the rows have their newest event first. By default they have it last,
            as logs do.

    Returns:
        The histories, `[B, L]` or `[B, L, D...]` in the structure and of the types of `history`,
        newest event first, with zeros or empty strings behind the last event; and the mask,
        `[B, L]` bool, True for events.

    Raises:
        ValueError: If a column is not such a RaggedTensor, or there is none; if `length` is not
            usable; if rows of two columns differ in length.
        tf.errors.InvalidArgumentError: Instead, if rows differ in length in a graph.

    Example:
        >>> item = tf.ragged.constant([[5, 6, 7], [], [8]])
        >>> padded, mask = pad_history({"item": item, "price": item / 2}, length=2)
        >>> padded["item"].numpy().tolist(), padded["price"].numpy().tolist()
        ([[7, 6], [0, 0], [8, 0]], [[3.5, 3.0], [0.0, 0.0], [4.0, 0.0]])
        >>> mask.numpy().tolist()
        [[True, True], [False, False], [True, False]]
    """
    if length is not None:
        check_positive("pad_history", length=length)
    lengths = _check_columns(_columns(history))

    def pad(column: tf.RaggedTensor) -> tf.Tensor:
        if not newest_first:
            # Only the events that are kept are turned round.
            column = column[:, ::-1] if length is None else column[:, : -length - 1 : -1]
        return column.to_tensor(shape=[None, length, *column.shape[2:]])

    padded = tf.nest.map_structure(pad, history)
    width = length or tf.shape(tf.nest.flatten(padded)[0])[1]
    return padded, length_mask(lengths, width)


def _columns(history: Any) -> dict[str, Any]:
    """Returns the columns by the names that a message gives them."""
    if isinstance(history, Mapping):
        return {f"history[{key!r}]": column for key, column in history.items()}
    if isinstance(history, (tuple, list)):
        return {f"history[{index}]": column for index, column in enumerate(history)}
    return {"history": history}


def _check_columns(columns: dict[str, Any]) -> tf.Tensor:
    """Checks that all columns are ragged and of the same rows; returns their lengths, `[B]` int64."""
    if not columns:
        raise ValueError("pad_history: `history` is empty; expected at least one RaggedTensor")
    for name, column in columns.items():
        if not isinstance(column, tf.RaggedTensor):
            raise ValueError(
                f"pad_history: `{name}` is of type {type(column).__name__}; "
                "expected a tf.RaggedTensor [B, (L)] or [B, (L), D...]"
            )
        if column.ragged_rank != 1 or column.shape.rank is None:
            raise ValueError(
                f"pad_history: `{name}` has shape {column.shape} and {column.ragged_rank} ragged "
                "dimensions; expected [B, (L)] or [B, (L), D...], only (L) ragged"
            )
    (first, *others), (first_column, *_) = columns, columns.values()
    lengths = tf.cast(first_column.row_lengths(), tf.int64)
    for name in others:
        found = tf.cast(columns[name].row_lengths(), tf.int64)
        message = (
            f"pad_history: `{name}` has shape {columns[name].shape} and other row lengths than "
            f"`{first}` of shape {first_column.shape}; expected columns of the same events"
        )
        # Unlike tf.equal, == gives False where the numbers of rows differ.
        same = tf.reduce_all(found == lengths)
        if not tf.executing_eagerly():
            tf.debugging.Assert(same, [message, found, lengths])
        elif not same:
            raise ValueError(message)
    return lengths

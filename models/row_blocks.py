"""Tables that are computed some rows at a time: those of millions of items do not fit twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

# [ROWS, 64] float32, the bits of signatures, are 8 MB.
ROWS = 32_768


def row_blocks(rows: int, size: int = ROWS) -> Iterator[tf.Tensor]:
    """Divides the rows of a table into blocks.

    Args:
        rows: Rows of the table.
        size: Rows of a block.

    Yields:
        The numbers of a block's rows, `[size]` or, at the end, fewer.
    """
    for first in range(0, rows, size):
        yield tf.range(first, min(first + size, rows))


def table_in_blocks(
    rows: int,
    compute: Callable[[tf.Tensor], tf.Tensor | np.ndarray],
    name: str,
    size: int = ROWS,
) -> tf.Variable:
    """Makes a table, of which no more than one block is computed at a time.

    Args:
        rows: Rows of the table, at least one.
        compute: Given row numbers `[R]`, returns these rows, `[R, ...]`.
        name: Of the table.
        size: Rows of a block.

    Returns:
        A variable that is not trained, `[rows, ...]`.
    """
    table: tf.Variable | None = None
    for block in row_blocks(rows, size):
        values = tf.convert_to_tensor(compute(block))
        if table is None:
            shape = [rows, *values.shape[1:]]
            table = tf.Variable(tf.zeros(shape, values.dtype), trainable=False, name=name)
        table.scatter_update(tf.IndexedSlices(values, block))
    return table

"""An embedding table that is trained in float32 and can be served from a smaller type."""

from __future__ import annotations

import abc
from typing import Any

import numpy as np
import tensorflow as tf

from lifelong.models.config import TableTypeName
from lifelong.models.row_blocks import table_in_blocks

keras: Any = tf.keras

_INT8_MAX = 127


class EmbeddingTable(keras.layers.Embedding):
    """Keras's embedding, whose look-ups may read rows that are stored in fewer bits.

    The trained table stays as it is: how rows are stored can be chosen again at any time.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._stored: _StoredRows | None = None

    def serve_as(self, table_type: TableTypeName) -> None:
        """Chooses how rows are looked up from now on.

        Args:
            table_type: Type of the stored rows, made from the weights of now; `float32` looks up
                the trained table itself.

        Raises:
            ValueError: If the type is `int8` and the table holds what is not a finite number.
        """
        if table_type == "float32":
            self._stored = None
        else:
            self._stored = _STORED_ROWS[table_type](self.embeddings, self.name)

    def call(self, rows: tf.Tensor) -> tf.Tensor:
        """Embeds rows: `[...] -> [..., D]`."""
        if self._stored is None:
            return super().call(rows)
        return tf.cast(self._stored.look_up(rows), self.compute_dtype)


class _StoredRows(abc.ABC):
    """Rows in fewer bits. Not a layer: its variables are no weights of the model.

    Args:
        trained: The trained table, `[rows, D]` float32.
        name: Of the table.
    """

    @abc.abstractmethod
    def __init__(self, trained: tf.Variable, name: str) -> None: ...

    @abc.abstractmethod
    def look_up(self, rows: tf.Tensor) -> tf.Tensor:
        """Returns `[..., D]` float32; only what was gathered is made wide."""


class _RoundedRows(_StoredRows):
    """bfloat16: the exponent of float32, and 8 bits of its 24."""

    def __init__(self, trained: tf.Variable, name: str) -> None:
        self._rows = table_in_blocks(
            trained.shape[0],
            lambda rows: tf.cast(tf.gather(trained, rows), tf.bfloat16),
            f"{name}_bfloat16",
        )

    def look_up(self, rows: tf.Tensor) -> tf.Tensor:
        return tf.cast(tf.gather(self._rows, rows), tf.float32)


class _ScaledRows(_StoredRows):
    """int8: each row's largest number becomes 127 or -127, and 0 stays 0."""

    def __init__(self, trained: tf.Variable, name: str) -> None:
        def scale(rows: tf.Tensor) -> np.ndarray:
            values = tf.gather(trained, rows).numpy()
            if not np.isfinite(values).all():
                # Rounded to integers they would pass for numbers.
                raise ValueError(
                    f"the embedding table `{name}` holds values that are not finite and cannot be "
                    "stored as export.table_type int8: train again"
                )
            # [rows, 1]; a row of zeros may have any scale.
            return np.abs(values).max(axis=1, keepdims=True) / np.float32(_INT8_MAX)

        def scaled(rows: tf.Tensor) -> np.ndarray:
            values, of_row = tf.gather(trained, rows).numpy(), scale(rows)
            quotient = np.divide(values, of_row, out=np.zeros_like(values), where=of_row > 0)
            # The smallest of all numbers have no exact quotient.
            return np.clip(np.rint(quotient), -_INT8_MAX, _INT8_MAX).astype(np.int8)

        self._scale = table_in_blocks(trained.shape[0], scale, f"{name}_scale")
        self._rows = table_in_blocks(trained.shape[0], scaled, f"{name}_int8")

    def look_up(self, rows: tf.Tensor) -> tf.Tensor:
        return tf.cast(tf.gather(self._rows, rows), tf.float32) * tf.gather(self._scale, rows)


_STORED_ROWS: dict[TableTypeName, type[_StoredRows]] = {
    "bfloat16": _RoundedRows,
    "int8": _ScaledRows,
}

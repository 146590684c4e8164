"""Features of items: a table of values in the model, looked up in the graph by the raw ids of items."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from lifelong.data.features import Feature
from lifelong.data.ids import MISSING_ID
from lifelong.data.keys import CANDIDATE, HISTORY, SEARCHED
from lifelong.data.vocabulary import Vocabulary
from lifelong.models.config import ModelSpec
from lifelong.models.embedding_table import EmbeddingTable
from lifelong.models.records import Batch
from lifelong.models.unknown_items import ITEM_ID
from lifelong.models.vocabulary_files import (
    NumberStatistics,
    read_statistics,
    read_vocabulary,
    write_statistics,
    write_vocabulary,
)

keras: Any = tf.keras

# The place of an item in the table; of `history_`, `candidate_`, ...
ITEM_ENTRY = "item_entry"
# Instead of the raw id of entry 0; less than any.
NO_ITEM = -1


class ItemEncoding(NamedTuple):
    """What makes rows and standardised numbers of an item table's values, fixed as it was trained with.

    Attributes:
        vocabularies: Of each categorical feature, by key.
        statistics: Of each numeric feature and vector, by key; a vector is divided by `deviation`,
            the root of its mean squared length.
    """

    vocabularies: Mapping[str, Vocabulary]
    statistics: Mapping[str, NumberStatistics]

    @classmethod
    def read(cls, folder: str, features: tuple[Feature, ...]) -> ItemEncoding:
        """Reads the encoding of item features out of the files of vocabularies."""
        statistics = read_statistics(folder)
        keys = [feature.key for feature in features if feature.is_categorical]
        return cls(
            {key: read_vocabulary(folder, key) for key in keys},
            {f.key: statistics[f.key] for f in features if not f.is_categorical},
        )

    def write(self, folder: str) -> None:
        """Writes the files that `read` reads into a folder, made if missing."""
        tf.io.gfile.makedirs(folder)
        for key, vocabulary in self.vocabularies.items():
            write_vocabulary(folder, key, vocabulary)
        write_statistics(folder, self.statistics)


class ItemSource(NamedTuple):
    """Where the features of items come from in training.

    Attributes:
        table: Path or URI of the item table, an artifact.
        vocabularies: Path or URI of the vocabularies, an artifact.
    """

    table: str
    vocabularies: str


class ItemFeatures(keras.layers.Layer):
    """Embeds the features of items: `[...]` entries `-> [..., Df]`.

    Entry 0 stands for items that are not in the table, entry 1 + j for its row number j. A categorical
    feature is an embedding, a numeric one a standardised number, a vector is projected to the size of
    an item embedding. An item outside the vocabulary has its features, too. The values are no weights:
    checkpoints do not hold them, and `fill` may set those of a newer table.

    Args:
        spec: Architecture, item features and vocabulary sizes.

    Attributes:
        encoding: What the table was encoded with; None before `fill`.
    """

    def __init__(self, spec: ModelSpec, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        config = spec.model
        self._features = spec.item_features
        self._values = _Values(spec.item_features)
        self.encoding: ItemEncoding | None = None
        self.categorical: dict[str, EmbeddingTable] = {}
        self.projections: dict[str, Any] = {}
        for feature in spec.item_features:
            key = feature.key
            if feature.is_categorical:
                self.categorical[key] = EmbeddingTable(
                    spec.table_rows(key), config.feature_dim, name=key
                )
            elif feature.kind == "vector":
                # Of a vector of mean length it makes one as long as an item embedding.
                scale = config.embedding_norm / config.item_dim**0.5
                self.projections[key] = keras.layers.Dense(
                    config.item_dim,
                    use_bias=False,
                    kernel_initializer=keras.initializers.RandomNormal(stddev=scale),
                    name=key,
                )

    @property
    def items(self) -> tf.Variable:
        """The raw ids of all entries, as `find_entries` takes them."""
        return self._values.items

    def fill(self, table: Mapping[str, np.ndarray], encoding: ItemEncoding) -> None:
        """Sets the values.

        Args:
            table: Columns of an item table as `lifelong.data.item_table` has it: those of all
                features. Each is asked for once.
            encoding: What makes of them what the model reads; that of its training.

        Raises:
            ValueError: The table lacks a feature, or has vectors of another size.
        """
        missing = [feature.key for feature in self._features if feature.key not in table]
        if missing:
            raise ValueError(
                f"the item table has no column {missing[0]}; it has {', '.join(table)}: build it with "
                "the configuration that the model is trained with"
            )
        self._values.fill(table, encoding)
        self.encoding = encoding

    def share_values(self, other: ItemFeatures) -> None:
        """Shares the values of a layer for the same features."""
        self._values, self.encoding = other._values, other.encoding

    def add_entries(self, batch: Mapping[str, tf.Tensor]) -> Batch:
        """Adds the entries of items, see `add_entries`."""
        return add_entries(batch, self._values.items)

    def vectors(self, name: str, entries: tf.Tensor) -> tf.Tensor:
        """Returns the vectors of a feature as they were given: `[...] -> [..., size]`."""
        (feature,) = (f for f in self._features if f.name == name)
        return tf.gather(self._values.columns[feature.key], entries)

    def call(self, entries: tf.Tensor) -> tf.Tensor:
        """Returns `[..., Df]`."""
        parts = []
        for feature in self._features:
            key = feature.key
            values = tf.gather(self._values.columns[key], entries)
            if feature.is_categorical:
                parts.append(self.categorical[key](values))
            elif feature.kind == "vector":
                scaled = tf.math.divide_no_nan(values, self._values.lengths[key])
                parts.append(self.projections[key](scaled))
            else:
                parts.append(tf.cast(values, self.compute_dtype)[..., tf.newaxis])
        return tf.concat(parts, axis=-1)


class _Values:
    """The table in the model. Not a layer: its variables are no weights, and grow with the table.

    Args:
        features: Of items.
    """

    def __init__(self, features: tuple[Feature, ...]) -> None:
        self._features = features
        self.items = _variable(np.full(1, NO_ITEM, np.int64), "item_table_items")
        self.columns = {}
        self.lengths = {}
        for feature in features:
            key = feature.key
            shape = (1, feature.size) if feature.kind == "vector" else (1,)
            dtype = np.int32 if feature.is_categorical else np.float32
            self.columns[key] = _variable(np.zeros(shape, dtype), f"item_table_{key}")
            if feature.kind == "vector":
                self.lengths[key] = tf.Variable(1.0, trainable=False, name=f"{key}_length")

    def fill(self, table: Mapping[str, np.ndarray], encoding: ItemEncoding) -> None:
        """Encodes and sets the values; entry 0 comes before those of the table."""
        self.items.assign(np.append(NO_ITEM, table["item"]))
        for feature in self._features:
            key = feature.key
            column = table[key]
            if feature.is_categorical:
                values = encoding.vocabularies[key].rows(np.append(MISSING_ID, column))
                self.columns[key].assign(values.astype(np.int32))
                continue
            _check_size(feature, column)
            mean, deviation = encoding.statistics[key]
            values = np.zeros((len(column) + 1, *column.shape[1:]), np.float32)
            values[1:] = column
            del column
            if feature.kind == "vector":
                self.lengths[key].assign(deviation)
            else:
                values = (values - mean) / deviation if deviation else np.zeros_like(values)
            self.columns[key].assign(values)


def add_entries(batch: Mapping[str, tf.Tensor], items: tf.Tensor | tf.Variable) -> Batch:
    """Adds `..._item_entry` of what has raw ids (`..._item_id`), unless it is there.

    Args:
        batch: Tensors of requests or of a pool of records, by key.
        items: Raw ids of the entries, see `find_entries`.
    """
    rows = dict(batch)
    for owner in (HISTORY, SEARCHED, CANDIDATE):
        if f"{owner}{ITEM_ID}" in batch and f"{owner}{ITEM_ENTRY}" not in batch:
            rows[f"{owner}{ITEM_ENTRY}"] = find_entries(items, batch[f"{owner}{ITEM_ID}"])
    return rows


def find_entries(items: tf.Tensor | tf.Variable, wanted: tf.Tensor) -> tf.Tensor:
    """Returns the entries of items in a table: 0 for those that it does not have.

    Args:
        items: Raw ids of the entries, int64 `[1 + n]` ascending; the first one is less than any id.
        wanted: Raw ids, int64 `[...]`.

    Returns:
        int64 `[...]`, the place in `items`.
    """
    items = tf.convert_to_tensor(items)
    place = tf.searchsorted(items, tf.reshape(wanted, [-1]), out_type=tf.int64)
    place = tf.minimum(tf.reshape(place, tf.shape(wanted)), tf.size(items, out_type=tf.int64) - 1)
    return tf.where(tf.gather(items, place) == wanted, place, tf.zeros_like(place))


def _variable(values: np.ndarray, name: str) -> tf.Variable:
    shape = [None, *values.shape[1:]]
    return tf.Variable(values, shape=tf.TensorShape(shape), trainable=False, name=name)


def _check_size(feature: Feature, column: np.ndarray) -> None:
    if feature.kind == "vector" and column.shape[1:] != (feature.size,):
        raise ValueError(
            f"{feature.key} has vectors of {column.shape[1]} numbers in the item table, {feature.size} "
            "in the model: build it with the configuration that the model is trained with"
        )

"""Embedding tables of items, categories, users, context and extra features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import tensorflow as tf

from lifelong.data.features import Feature, features_of
from lifelong.data.keys import REQUEST_TIMESTAMP
from lifelong.models.config import ModelSpec, TableTypeName
from lifelong.models.embedding_table import EmbeddingTable
from lifelong.models.item_features import ITEM_ENTRY, ItemFeatures
from lifelong.models.randomness import uniform
from lifelong.models.vocabulary_files import UNKNOWN

keras: Any = tf.keras

_SECONDS_PER_HOUR = 3600
_HOURS_PER_DAY = 24
_DAYS_PER_WEEK = 7


class IdTable(NamedTuple):
    """A variable that has a row for each id of a vocabulary.

    Attributes:
        vocabulary: Its name.
        variable: `[rows, ...]`.
    """

    vocabulary: str
    variable: tf.Variable


class Embeddings(keras.layers.Layer):
    """Turns embedding rows and numbers into vectors; candidates and events share their tables.

    Args:
        spec: Architecture, features and vocabulary sizes.
    """

    def __init__(self, spec: ModelSpec, **kwargs) -> None:
        super().__init__(**kwargs)
        config, rows = spec.model, spec.table_rows
        self._features = spec.features
        self._unknown_rate = config.unknown_rate
        self._first_read_by_head = 0 if config.head_reads_items else config.item_dim
        self.item = comparable_embedding(
            rows("item"), config.item_dim, config.embedding_norm, "item"
        )
        self.category = comparable_embedding(
            rows("category"), config.category_dim, config.embedding_norm, "category"
        )
        self.user = (
            EmbeddingTable(rows("user"), config.user_dim, name="user") if config.user_dim else None
        )
        self.hour = self.weekday = None
        if config.context_dim:
            self.hour = keras.layers.Embedding(_HOURS_PER_DAY, config.context_dim, name="hour")
            self.weekday = keras.layers.Embedding(
                _DAYS_PER_WEEK, config.context_dim, name="weekday"
            )
        self.categorical = {
            feature.key: EmbeddingTable(rows(feature.key), config.feature_dim, name=feature.key)
            for feature in spec.features
            if feature.is_categorical
        }
        self.item_features = (
            ItemFeatures(spec, name="item_features") if spec.item_features else None
        )

    def serve_as(self, table_type: TableTypeName) -> None:
        """Chooses how tables are looked up from now on; those of the request's time stay float32.

        Args:
            table_type: Type of the stored rows. `float32` is the trained tables themselves.

        Raises:
            ValueError: If a table cannot be stored so, because it holds what is not a number.
        """
        tables = [self.item, self.category, self.user, *self.categorical.values()]
        if self.item_features is not None:
            tables += self.item_features.categorical.values()
        for table in tables:
            if table is not None:
                table.serve_as(table_type)

    def id_tables(self) -> list[IdTable]:
        """Returns what has a row for each id."""
        tables = {"item": self.item, "category": self.category, "user": self.user}
        tables |= self.categorical
        if self.item_features is not None:
            tables |= self.item_features.categorical
        return [IdTable(name, table.embeddings) for name, table in tables.items() if table]

    def items(self, rows: tf.Tensor) -> tf.Tensor:
        """Embeds items alone, as the signature needs them: `[...] -> [..., item_dim]`."""
        return self.item(rows)

    def events(self, values: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Embeds events (item, category, event and item features): `[...]` each `-> [..., De]`."""
        return self._with_features(values, "history", features_of(self._features, "event"))

    def candidates(self, values: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Embeds candidates (item, category, candidate and item features): `[B, N, Dc]`."""
        return self._with_features(values, "candidate", features_of(self._features, "candidate"))

    def requests(self, values: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Embeds what a request has once (user, time, features): `[B]` each `-> [B, Dr]`."""
        parts = []
        if self.user is not None:
            user = values["user"]
            if training:
                unknown = uniform(tf.shape(user)) < self._unknown_rate
                user = tf.where(unknown, tf.cast(UNKNOWN, user.dtype), user)
            parts.append(self.user(user))
        if self.hour is not None and self.weekday is not None:
            hour, weekday = hour_and_weekday(values[REQUEST_TIMESTAMP])
            parts += [self.hour(hour), self.weekday(weekday)]
        for owner in ("request", "user"):
            for feature in features_of(self._features, owner):
                parts.append(self._feature(feature, values))
        if not parts:
            return tf.zeros([tf.shape(values[REQUEST_TIMESTAMP])[0], 0])
        return tf.concat(parts, axis=-1)

    def identities(self, values: Mapping[str, tf.Tensor], prefix: str) -> tf.Tensor:
        """Embeds item and category alone: `[...]` each `-> [..., item_dim + category_dim]`.

        Args:
            values: Tensors by wire key.
            prefix: `history` for events, `candidate` for candidates.
        """
        items, categories = values[f"{prefix}_item"], values[f"{prefix}_category"]
        return tf.concat([self.item(items), self.category(categories)], axis=-1)

    def read_by_head(self, vectors: tf.Tensor) -> tf.Tensor:
        """Returns what the head may read of embedded candidates or events: `[..., D] -> [..., D']`.

        The embedding of the item, with which they begin, is left out unless the head reads items.
        """
        return vectors[..., self._first_read_by_head :]

    def _with_features(
        self, values: Mapping[str, tf.Tensor], prefix: str, features: list[Feature]
    ) -> tf.Tensor:
        parts = [self.identities(values, prefix)]
        parts += [self._feature(feature, values) for feature in features]
        if self.item_features is not None:
            parts.append(self.item_features(values[f"{prefix}_{ITEM_ENTRY}"]))
        return tf.concat(parts, axis=-1)

    def _feature(self, feature: Feature, values: Mapping[str, tf.Tensor]) -> tf.Tensor:
        if feature.is_categorical:
            return self.categorical[feature.key](values[feature.key])
        return tf.cast(values[feature.key], self.compute_dtype)[..., tf.newaxis]


def hour_and_weekday(timestamp: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns hours of the day and days of the week (UTC; day 0 is a Thursday) of Unix seconds."""
    hours = timestamp // _SECONDS_PER_HOUR
    return hours % _HOURS_PER_DAY, hours // _HOURS_PER_DAY % _DAYS_PER_WEEK


def comparable_embedding(rows: int, dim: int, norm: float, name: str) -> EmbeddingTable:
    """Makes a table of vectors that start about `norm` long.

    Candidates and events are compared by products of these vectors: from Keras's small default
    (about 0.1 long) attention starts flat and learns to tell an item from others late.
    """
    initializer = keras.initializers.RandomNormal(stddev=norm / dim**0.5)
    return EmbeddingTable(rows, dim, embeddings_initializer=initializer, name=name)

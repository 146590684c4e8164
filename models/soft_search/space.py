"""The vectors that soft search compares: embeddings and projections of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from lifelong.data.keys import CANDIDATE_CATEGORY, CANDIDATE_ITEM
from lifelong.models.config import ModelSpec
from lifelong.models.embeddings import IdTable, comparable_embedding
from lifelong.models.unknown_items import UnknownItems
from lifelong.models.vocabulary_files import UNKNOWN

keras: Any = tf.keras


class SearchSpace(keras.layers.Layer):
    """Projects events to W_b e_i and candidates to W_a e_a, to be compared by inner product.

    e is the item's embedding and the category's, `[2 d]`. Both projections start as the same
    rotation, so that the search starts out as similarity and learns from there.

    Args:
        spec: Architecture and vocabulary sizes.

    References:
        - [Search-based User Interest Modeling, section 3.2](https://arxiv.org/abs/2006.05639)
    """

    def __init__(self, spec: ModelSpec, **kwargs) -> None:
        super().__init__(**kwargs)
        dim, norm = spec.model.soft_search.dim, spec.model.embedding_norm
        rows = spec.table_rows
        self.item = comparable_embedding(rows("item"), dim, norm, "item")
        self.category = comparable_embedding(rows("category"), dim, norm, "category")
        rotation = keras.initializers.Orthogonal(seed=0)
        self.event_kernel = self.add_weight(
            name="event_kernel", shape=(2 * dim, 2 * dim), initializer=rotation
        )
        self.candidate_kernel = self.add_weight(
            name="candidate_kernel", shape=(2 * dim, 2 * dim), initializer=rotation
        )
        self._unknown_items = UnknownItems(spec)
        # Rows in use: tables are baked of these alone.
        self.items, self.categories = spec.used_rows("item"), spec.used_rows("category")
        # The category that each item was last seen with; unseen items have that of unknown ones.
        self.category_of_item = self.add_weight(
            name="category_of_item",
            shape=(rows("item"),),
            dtype=tf.int64,
            initializer=keras.initializers.Constant(UNKNOWN),
            trainable=False,
        )

    def id_tables(self) -> list[IdTable]:
        """Returns what has a row for each item or category."""
        return [
            IdTable("item", self.item.embeddings),
            IdTable("category", self.category.embeddings),
            IdTable("item", self.category_of_item),
        ]

    def embed(self, values: Mapping[str, tf.Tensor], prefix: str) -> tf.Tensor:
        """Embeds items and categories: `[...]` each `-> [..., 2 d]`.

        Args:
            values: Tensors by wire key, ids as embedding rows.
            prefix: `history` for events, `candidate` for candidates.
        """
        item, category = values[f"{prefix}_item"], values[f"{prefix}_category"]
        return tf.concat([self.item(item), self.category(category)], axis=-1)

    def project_events(self, embedded: tf.Tensor) -> tf.Tensor:
        """Returns W_b e_i: `[..., 2 d] -> [..., 2 d]`."""
        return _project(embedded, self.event_kernel)

    def project_candidates(self, embedded: tf.Tensor) -> tf.Tensor:
        """Returns W_a e_a: `[..., 2 d] -> [..., 2 d]`."""
        return _project(embedded, self.candidate_kernel)

    def note_categories(self, items: tf.Tensor, categories: tf.Tensor, mask: tf.Tensor) -> None:
        """Remembers the category of items, `[...]` each, where `mask` is True."""
        seen = tf.boolean_mask(items, mask)[:, tf.newaxis]
        self.category_of_item.scatter_nd_update(seen, tf.boolean_mask(categories, mask))

    def catalogue(self) -> Callable[[tf.Tensor], tf.Tensor]:
        """Returns what embeds rows of the item table with their categories, `[R] -> [R, 2 d]`."""
        categories = self._unknown_items.categories(self.category_of_item[: self.items])

        def embed(rows: tf.Tensor) -> tf.Tensor:
            known = {CANDIDATE_ITEM: rows, CANDIDATE_CATEGORY: tf.gather(categories, rows)}
            return self.embed(known, "candidate")

        return embed

    def catalogue_rows(self) -> tf.Tensor:
        """Returns the rows of the catalogue that any item is looked up in, int64 in order."""
        return tf.where(self._unknown_items.stands_for_items(self.items))[:, 0]


def _project(embedded: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    # Item and category apart, as baked tables add them up: another order of adding would turn near
    # ties, and so find other events.
    item, category = tf.split(embedded, 2, axis=-1)
    of_item, of_category = tf.split(tf.convert_to_tensor(kernel), 2, axis=0)
    return tf.matmul(item, of_item) + tf.matmul(category, of_category)

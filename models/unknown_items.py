"""What items outside the vocabulary are looked up as."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from lifelong.data.keys import CANDIDATE, HISTORY, SEARCHED
from lifelong.models.config import ITEM_HASHES, ModelConfig, ModelSpec
from lifelong.models.records import Batch

# What tells items apart whatever row they are looked up in; of `history_`, `candidate_`, ...
ITEM_HASH = "item_hash"


class UnknownItems:
    """Chooses the rows of the item tables that stand for unknown items.

    Transform gives an unknown item the row V + h: V is the number of known items, h the hash of its
    id. What is looked up is, by `model.unknown_items`,

    - `shared`: row V, for all of them,
    - `matched`: row V, too, but V + h stays in the batch as `..._item_hash`,
    - `hash_buckets`: row V + h modulo `model.item_buckets`,
    - `category`: row V + c, c the row of its category, that of unknown categories included.

    Every table of the model that has a row for each item has these rows.

    Args:
        spec: Architecture and vocabulary sizes.

    Attributes:
        known: V.
        matched_by: Last part of the keys whose values tell whether two items are the same.
        identified: Values of those keys below this number stand for one item each, but for
            collisions of hashes; any others for more.

    References:
        [Feature Hashing for Large Scale Multitask Learning](https://arxiv.org/abs/0902.2206), for
        `hash_buckets`.
    """

    def __init__(self, spec: ModelSpec) -> None:
        sizes = spec.vocabulary_sizes
        self._chosen, self._buckets = spec.model.unknown_items, spec.model.item_buckets
        self._categories = sizes["category"]
        self.known = sizes["item"] - unknown_item_rows(spec.model, self._categories)
        self.matched_by, self.identified = "item", self.known
        if self._chosen == "hash_buckets":
            self.identified = sizes["item"]
        elif self._chosen == "matched":
            self.matched_by, self.identified = ITEM_HASH, self.known + ITEM_HASHES

    def look_up(self, batch: Mapping[str, tf.Tensor]) -> Batch:
        """Replaces Transform's rows of items by those of the tables.

        Args:
            batch: Wire tensors, ids as Transform's rows. Items and categories of the history, of
                candidates, and of what a store has found (`searched_wire_spec`), whichever it has.

        Returns:
            The batch with other `..._item` and, with `matched`, new `..._item_hash`. Of what this
            function returned, it returns the same.
        """
        rows = dict(batch)
        for owner in (HISTORY, SEARCHED, CANDIDATE):
            items = batch.get(f"{owner}item")
            if items is None:
                continue
            categories = batch[f"{owner}category"]
            if owner == SEARCHED:  # [B, C, K] events were found for [B, C] categories.
                categories = categories[:, :, tf.newaxis]
            rows[f"{owner}item"] = self._rows(items, categories)
            if self._chosen == "matched":
                rows.setdefault(f"{owner}{ITEM_HASH}", items)
        return rows

    def categories(self, last_seen: tf.Tensor) -> tf.Tensor:
        """Returns the category of every row of an item table, `[items]`.

        Args:
            last_seen: `[items]`, the category that each row was last seen with.
        """
        if self._chosen == "hash_buckets":
            return last_seen
        if self._chosen == "category":
            of_unknown = tf.range(self._categories, dtype=last_seen.dtype)
        else:  # They share one row but no category.
            of_unknown = tf.constant([self._categories - 1], last_seen.dtype)
        return tf.concat([last_seen[: self.known], of_unknown], axis=0)

    def _rows(self, items: tf.Tensor, categories: tf.Tensor) -> tf.Tensor:
        if self._chosen in ("shared", "matched"):
            return tf.minimum(items, tf.constant(self.known, items.dtype))
        if self._chosen == "category":
            unknown = tf.broadcast_to(self.known + categories, tf.shape(items))
        else:
            unknown = self.known + (items - self.known) % self._buckets
        return tf.where(items < self.known, items, unknown)


def unknown_item_rows(model: ModelConfig, categories: int) -> int:
    """Returns the number of rows that stand for unknown items.

    Args:
        model: The architecture.
        categories: Rows of the category table, that of unknown ones included.
    """
    rows = {"hash_buckets": model.item_buckets, "category": categories}
    return rows.get(model.unknown_items, 1)

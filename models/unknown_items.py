"""Which rows of the item tables items are looked up in, those outside the vocabulary included."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from lifelong.data.keys import CANDIDATE, HISTORY, SEARCHED
from lifelong.models.config import ModelSpec
from lifelong.models.records import Batch

# The raw id of an item; of `history_`, `candidate_`, ...
ITEM_ID = "item_id"


class UnknownItems:
    """Chooses the rows of the item tables.

    The first rows of every table that has a row for each item are a block of fixed size, which stands
    for unknown items; the known ones follow it. So rows stay where they are when items or categories
    are added. Transform gives the known item number j the row 1 + j, and unknown ones row 0. Which row
    of the block an unknown item is looked up in is, by `model.unknown_items`,

    - `shared`: the only one, for all of them,
    - `hash_buckets`: that of the hash of its raw id, of `model.item_buckets`,
    - `category`: that of its category's row modulo `model.item_buckets`.

    Args:
        spec: Architecture and vocabulary sizes.

    Attributes:
        block: Rows of unknown items.

    References:
        [Feature Hashing for Large Scale Multitask Learning](https://arxiv.org/abs/0902.2206), for
        `hash_buckets`.
    """

    def __init__(self, spec: ModelSpec) -> None:
        self._chosen = spec.model.unknown_items
        self._categories = spec.vocabulary_sizes["category"]
        self.block = spec.model.unknown_item_rows

    def look_up(self, batch: Mapping[str, tf.Tensor]) -> Batch:
        """Replaces Transform's rows of items by those of the tables.

        Args:
            batch: Wire tensors, ids as Transform's rows. Items, categories and raw ids of items of the
                history, of candidates, and of what a store has found (`searched_wire_spec`), whichever
                it has.

        Returns:
            The batch with other `..._item`.
        """
        rows = dict(batch)
        for owner in (HISTORY, SEARCHED, CANDIDATE):
            if f"{owner}item" in batch:
                rows[f"{owner}item"] = self._rows(batch, owner)
        return rows

    def categories(self, last_seen: tf.Tensor) -> tf.Tensor:
        """Returns the category of every row of an item table, `[items]`.

        Args:
            last_seen: `[items]`, the category that each row was last seen with.
        """
        if self._chosen == "hash_buckets":
            return last_seen
        of_block = tf.range(self.block, dtype=last_seen.dtype)
        # What one row stands for alone has no category: the unknown one's row is 0.
        of_block = tf.where(of_block < self._categories, of_block, 0)
        return tf.concat([of_block, last_seen[self.block :]], axis=0)

    def stands_for_items(self, rows: int) -> tf.Tensor:
        """Returns which of the first rows of an item table any item is looked up in, bool `[rows]`.

        Args:
            rows: How many.
        """
        number = tf.range(rows)
        if self._chosen != "category":
            return number >= 0
        return (number >= self.block) | (number < self._categories)

    def rows_of_categories(self, first: int) -> range:
        """Returns the rows of the block that no category before one stands for.

        Args:
            first: Row of a category. Those from there on are counted.
        """
        if self._chosen != "category":
            return range(0)
        return range(min(first, self.block), min(self._categories, self.block))

    def _rows(self, batch: Mapping[str, tf.Tensor], owner: str) -> tf.Tensor:
        items = batch[f"{owner}item"]
        if self.block == 1:
            return items
        if self._chosen == "category":
            categories = batch[f"{owner}category"]
            if owner == SEARCHED:  # [B, C, K] events were found for [B, C] categories.
                categories = categories[:, :, tf.newaxis]
            unknown = tf.broadcast_to(categories % self.block, tf.shape(items))
        else:
            ids = tf.strings.as_string(batch[f"{owner}{ITEM_ID}"])
            unknown = tf.strings.to_hash_bucket_fast(ids, self.block)
        return tf.where(items > 0, items + (self.block - 1), unknown)

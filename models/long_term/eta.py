"""ETA: the search is a Hamming distance between signatures of the model's own item embeddings."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from lifelong.data.keys import (
    CANDIDATE_ITEM,
    CANDIDATE_ITEM_ENTRY,
    HISTORY_ITEM,
    HISTORY_ITEM_ENTRY,
)
from lifelong.models.config import ModelSpec
from lifelong.models.embeddings import Embeddings
from lifelong.models.history import History
from lifelong.models.layers import HammingSearch, SearchedEvents, SimHash
from lifelong.models.long_term.base import SearchedHistory
from lifelong.models.row_blocks import table_in_blocks


class EtaLongTerm(SearchedHistory):
    """Searches the K events whose items' SimHash signatures are nearest to the candidate's.

    While training, item embeddings are hashed in every step, so the search never lags behind the
    model. For serving, `bake` computes the signature of every item once and the hashing is gone. With
    `model.search_vectors`, the vectors of an item feature are hashed instead: by their angle, whatever
    their length; an item without one has that of zeros.

    References:
        - [End-to-End User Behavior Retrieval, section 3](https://arxiv.org/abs/2108.04468)
    """

    def __init__(self, spec: ModelSpec, embeddings: Embeddings, **kwargs) -> None:
        super().__init__(spec, embeddings, **kwargs)
        self.simhash = SimHash(spec.model.signature_bits, name="simhash")
        # Attention does not ask for an order.
        self.hamming_search = HammingSearch(
            spec.model.searched_events, ordered=False, name="hamming_search"
        )
        self.signature_table: tf.Variable | None = None
        self._vectors = spec.model.search_vectors
        self._keys = (CANDIDATE_ITEM, HISTORY_ITEM)
        if self._vectors:
            self._keys = (CANDIDATE_ITEM_ENTRY, HISTORY_ITEM_ENTRY)

    def search(
        self, batch: Mapping[str, tf.Tensor], query: tf.Tensor, history: History
    ) -> SearchedEvents:
        """Finds the events at the smallest Hamming distance; ties go to the more recent one."""
        del query
        of_candidates, of_events = self._keys
        return self.hamming_search(
            self.signatures(batch[of_candidates]),
            self.signatures(history.values[of_events]),
            history.mask,
        )

    def signatures(self, rows: tf.Tensor) -> tf.Tensor:
        """Returns signatures of items: looked up if baked, else hashed.

        Args:
            rows: `[...]`, rows of items; with `model.search_vectors`, their entries in the item table.

        Returns:
            `[..., W]` int64.
        """
        if self.signature_table is not None:
            return tf.gather(self.signature_table, rows)
        if not self._vectors:
            return self.simhash(self._embeddings.items(rows))
        assert self._embeddings.item_features is not None
        return self.simhash(self._embeddings.item_features.vectors(self._vectors, rows))

    @property
    def signature_search(self) -> HammingSearch:
        """The search that compares signatures."""
        return self.hamming_search

    def bake(self) -> list[tf.Variable]:
        """Computes the signature of every item and looks it up from now on.

        Returns:
            One table, `[items, W]` int64, rows of unknown items included, spare ones not; with
            `model.search_vectors`, of all entries of the item table.
        """
        count = self._spec.used_rows("item")
        if self._vectors:
            assert self._embeddings.item_features is not None
            count = int(tf.size(self._embeddings.item_features.items))
        self.signature_table = table_in_blocks(count, self.signatures, "signature_table")
        return [self.signature_table]

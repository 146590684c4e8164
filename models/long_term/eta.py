"""ETA: the search is a Hamming distance between signatures of the model's own item embeddings."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from lifelong.data.keys import CANDIDATE_ITEM, HISTORY_ITEM
from lifelong.models.config import ModelSpec
from lifelong.models.embeddings import Embeddings
from lifelong.models.history import History
from lifelong.models.layers import HammingSearch, SearchedEvents, SimHash
from lifelong.models.long_term.base import SearchedHistory
from lifelong.models.row_blocks import table_in_blocks


class EtaLongTerm(SearchedHistory):
    """Searches the K events whose items' SimHash signatures are nearest to the candidate's.

    While training, item embeddings are hashed in every step, so the search never lags behind the
    model. For serving, `bake` computes the signature of every item once and the hashing is gone.

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

    def search(
        self, batch: Mapping[str, tf.Tensor], query: tf.Tensor, history: History
    ) -> SearchedEvents:
        """Finds the events at the smallest Hamming distance; ties go to the more recent one."""
        del query
        return self.hamming_search(
            self.signatures(batch[CANDIDATE_ITEM]),
            self.signatures(history.values[HISTORY_ITEM]),
            history.mask,
        )

    def signatures(self, item_rows: tf.Tensor) -> tf.Tensor:
        """Returns signatures of items, `[...] -> [..., W]` int64: looked up if baked, else hashed."""
        if self.signature_table is not None:
            return tf.gather(self.signature_table, item_rows)
        return self.simhash(self._embeddings.items(item_rows))

    @property
    def signature_search(self) -> HammingSearch:
        """The search that compares signatures."""
        return self.hamming_search

    def bake(self) -> list[tf.Variable]:
        """Computes the signature of every item and looks it up from now on.

        Returns:
            One table, `[items, W]` int64, rows of unknown items included, spare ones not.
        """
        self.signature_table = table_in_blocks(
            self._spec.used_rows("item"), self.signatures, "signature_table"
        )
        return [self.signature_table]

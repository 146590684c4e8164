"""SIM with hard search: the events of the candidate's category."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from lifelong.data.keys import (
    CANDIDATE_CATEGORY,
    CANDIDATE_SLOT,
    HISTORY,
    HISTORY_CATEGORY,
    HISTORY_ITEM,
    SEARCHED,
    SEARCHED_CATEGORY,
    SEARCHED_LENGTH,
)
from lifelong.models.config import ModelSpec
from lifelong.models.embeddings import Embeddings
from lifelong.models.history import History
from lifelong.models.layers import HardSearch, SearchedEvents
from lifelong.models.long_term.base import SearchedHistory
from lifelong.models.vocabulary_files import UNKNOWN


class SimHardLongTerm(SearchedHistory):
    """Searches the K most recent events of the candidate's category.

    Or reads what a store has found: a request that tells it (`searched_wire_spec`) is not searched.
    Unknown categories share a row but are not the same: for them nothing is found.

    References:
        - [Search-based User Interest Modeling, section 3.2](https://arxiv.org/abs/2006.05639)
    """

    def __init__(self, spec: ModelSpec, embeddings: Embeddings, **kwargs) -> None:
        super().__init__(spec, embeddings, **kwargs)
        self.hard_search = HardSearch(spec.model.searched_events, name="hard_search")

    def call(
        self,
        batch: Mapping[str, tf.Tensor],
        query: tf.Tensor,
        history: History,
        training: bool = False,
    ) -> tf.Tensor:
        """Returns the exact search unit's reading of the searched events, `[B, N, D]`."""
        if CANDIDATE_SLOT in batch:
            return self.attend(batch, query, self.found_in_store(batch))
        return super().call(batch, query, history, training)

    def search(
        self, batch: Mapping[str, tf.Tensor], query: tf.Tensor, history: History
    ) -> SearchedEvents:
        """Finds the most recent events of the candidate's category."""
        del query
        return search_category(self.hard_search, batch, history)

    def found_in_store(self, batch: Mapping[str, tf.Tensor]) -> History:
        """Gives every candidate the events that a store has found for its category.

        A candidate whose slot holds another category than its own gets none.

        Args:
            batch: Tensors of `searched_wire_spec`, ids as embedding rows.

        Returns:
            The events of each candidate, `[B, N, K]`; narrower where fewer are told.
        """
        slot, category = batch[CANDIDATE_SLOT], batch[CANDIDATE_CATEGORY]
        slots = tf.shape(batch[SEARCHED_CATEGORY], out_type=slot.dtype)[1]
        # One more slot, which is empty, for candidates without one.
        slot = tf.where((slot >= 0) & (slot < slots), slot, slots)

        def of_candidates(searched: tf.Tensor) -> tf.Tensor:
            padding = [[0, 0], [0, 1]] + [[0, 0]] * (searched.shape.rank - 2)
            return tf.gather(tf.pad(searched, padding), slot, batch_dims=1)

        own = (of_candidates(batch[SEARCHED_CATEGORY]) == category) & (category != UNKNOWN)
        # [B, N]
        length = tf.where(own, of_candidates(batch[SEARCHED_LENGTH]), 0)
        # [B, C, K] -> [B, N, K]
        values = {
            HISTORY + key.removeprefix(SEARCHED): of_candidates(
                value[:, :, : self._spec.model.searched_events]
            )
            for key, value in batch.items()
            if key.startswith(SEARCHED) and value.shape.rank == 3
        }
        shape = tf.shape(values[HISTORY_ITEM])
        values[HISTORY_CATEGORY] = tf.broadcast_to(category[:, :, tf.newaxis], shape)
        place = tf.range(tf.cast(shape[2], length.dtype))
        return History(values, place < length[:, :, tf.newaxis])


def search_category(
    search: HardSearch, batch: Mapping[str, tf.Tensor], history: History
) -> SearchedEvents:
    """Finds the most recent events of each candidate's category, none for unknown categories.

    Args:
        search: The layer.
        batch: Wire tensors of the requests, ids as embedding rows.
        history: The part of the history to search, `[B, L]`.
    """
    categories = history.values[HISTORY_CATEGORY]
    known = history.mask & (categories != UNKNOWN)
    return search(batch[CANDIDATE_CATEGORY], categories, known)

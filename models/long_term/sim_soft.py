"""SIM with soft search: events by inner products of vectors that the search learns itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf

from lifelong.data.keys import (
    CANDIDATE_CATEGORY,
    CANDIDATE_ITEM,
    CANDIDATE_LABEL,
    CANDIDATE_LENGTH,
    HISTORY_CATEGORY,
    HISTORY_ITEM,
)
from lifelong.models.choices import choose
from lifelong.models.config import ModelSpec
from lifelong.models.embeddings import Embeddings, IdTable
from lifelong.models.history import History, sample_history
from lifelong.models.layers import (
    HammingSearch,
    InnerProductSearch,
    SearchedEvents,
    length_mask,
)
from lifelong.models.long_term.base import SearchedHistory
from lifelong.models.long_term.search_training import TrainedSearch
from lifelong.models.soft_search.auxiliary_loss import AuxiliaryClickLoss, click_loss
from lifelong.models.soft_search.searchers import SEARCHERS, Searcher
from lifelong.models.soft_search.space import SearchSpace


class _Vectors(NamedTuple):
    """What soft search compares: events `[B, L, ...]` and candidates `[B, N, ...]`."""

    events: tf.Tensor
    projected_events: tf.Tensor
    candidates: tf.Tensor
    projected_candidates: tf.Tensor


class SimSoftLongTerm(SearchedHistory, TrainedSearch):
    """Searches the K events of the largest inner products (W_b e_i) . (W_a e_a).

    The search has embeddings and projections of its own, which only an auxiliary click loss trains:
    the choice of events has no gradient. It is trained jointly with the model or, by `begin_ahead`
    and `end_ahead`, ahead of it. For serving, `bake` computes the projected tables, or the signatures
    or the index that approximate them.

    References:
        - [Search-based User Interest Modeling, section 3.2](https://arxiv.org/abs/2006.05639)
    """

    alone = True

    def __init__(self, spec: ModelSpec, embeddings: Embeddings, **kwargs) -> None:
        super().__init__(spec, embeddings, **kwargs)
        self._config = spec.model.soft_search
        self.click_weight = self._config.click_weight
        self.epochs_ahead = self._config.ahead_epochs
        self.bakes_exactly = self._config.served_by == "exact"
        self.space = SearchSpace(spec, name="space")
        self.auxiliary = AuxiliaryClickLoss(2 * self._config.dim, name="auxiliary")
        self.inner_product_search = InnerProductSearch(
            spec.model.searched_events, name="inner_product_search"
        )
        self._searcher: Searcher | None = None

    def begin_ahead(self) -> None:
        """Leaves the model's click loss out: only the search learns."""
        self.click_weight = 0.0

    def end_ahead(self) -> None:
        """Ends the training of the search; the model's click loss counts again."""
        self.click_weight = self._config.click_weight
        self.space.trainable = self.auxiliary.trainable = False

    def search(
        self, batch: Mapping[str, tf.Tensor], query: tf.Tensor, history: History
    ) -> SearchedEvents:
        """Finds the events of the largest inner products, as `InnerProductSearch` does.

        Ties go to the more recent event, but for those that rounding decides.
        """
        del query
        if self._searcher is not None:
            return self._searcher.search(batch, history)
        return self._search_projected(batch, history)[0]

    def call(
        self,
        batch: Mapping[str, tf.Tensor],
        query: tf.Tensor,
        history: History,
        training: bool = False,
    ) -> tf.Tensor:
        """Returns the exact search unit's reading, `[B, N, D]`; adds the auxiliary loss."""
        if not training:
            return super().call(batch, query, history)
        history = sample_history(history, self._config.sampled_length)
        found, vectors = self._search_projected(batch, history)
        if self.space.trainable:
            self._learn(batch, history, vectors)
        return self.attend_found(batch, query, history, found)

    def _search_projected(
        self, batch: Mapping[str, tf.Tensor], history: History
    ) -> tuple[SearchedEvents, _Vectors]:
        """Searches with vectors computed from the weights, and returns these for the loss."""
        candidates = self.space.embed(batch, "candidate")
        events = self.space.embed(history.values, "history")
        vectors = _Vectors(
            events,
            self.space.project_events(events),
            candidates,
            self.space.project_candidates(candidates),
        )
        found = self.inner_product_search(
            vectors.projected_candidates, vectors.projected_events, history.mask
        )
        return found, vectors

    def _learn(self, batch: Mapping[str, tf.Tensor], history: History, vectors: _Vectors) -> None:
        items, categories = batch[CANDIDATE_ITEM], batch[CANDIDATE_CATEGORY]
        valid = length_mask(batch[CANDIDATE_LENGTH], tf.shape(items)[1])
        self.space.note_categories(items, categories, valid)
        self.space.note_categories(
            history.values[HISTORY_ITEM], history.values[HISTORY_CATEGORY], history.mask
        )
        logits = self.auxiliary(
            vectors.events,
            vectors.projected_events,
            history.mask,
            vectors.candidates,
            vectors.projected_candidates,
        )
        loss = click_loss(logits, batch[CANDIDATE_LABEL], batch[CANDIDATE_LENGTH])
        self.add_loss(self._config.auxiliary_weight * loss)

    def id_tables(self) -> list[IdTable]:
        """Returns the tables of the search."""
        return self.space.id_tables()

    @property
    def signature_search(self) -> HammingSearch | None:
        """The search that compares signatures, once the model is baked to be served by `alsh`."""
        return self._searcher.signature_search if self._searcher is not None else None

    def bake(self) -> list[tf.Variable]:
        """Computes the tables of the search that serves, and looks them up from now on.

        Returns:
            `exact`: projected vectors of items and categories, as events and as candidates; `alsh`:
            signatures `[items, W]` as events and as candidates; `index`: what `exact` has, the
            cluster of each item `[items]` and its nearest clusters as a candidate `[items, M]`.
        """
        searcher = choose("model.soft_search.served_by", self._config.served_by, SEARCHERS)
        self._searcher = searcher(self.space, self._spec.model)
        return self._searcher.tables

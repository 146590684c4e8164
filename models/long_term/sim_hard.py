"""SIM with hard search: the events of the candidate's category."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from lifelong.models.config import ModelSpec
from lifelong.models.embeddings import Embeddings
from lifelong.models.history import History
from lifelong.models.layers import HardSearch, SearchedEvents
from lifelong.models.long_term.base import SearchedHistory


class SimHardLongTerm(SearchedHistory):
    """Searches the K most recent events of the candidate's category.

    References:
        - [Search-based User Interest Modeling, section 3.2](https://arxiv.org/abs/2006.05639)
    """

    def __init__(self, spec: ModelSpec, embeddings: Embeddings, **kwargs) -> None:
        super().__init__(spec, embeddings, **kwargs)
        self.hard_search = HardSearch(spec.model.searched_events, name="hard_search")

    def search(
        self, batch: Mapping[str, tf.Tensor], query: tf.Tensor, history: History
    ) -> SearchedEvents:
        """Finds the most recent events of the candidate's category."""
        del query
        return self.hard_search(
            batch["candidate_category"], history.values["history_category"], history.mask
        )

"""SIM with soft search over vectors that the item table gives, instead of learned ones."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from lifelong.data.keys import CANDIDATE_ITEM_ENTRY, HISTORY_ITEM_ENTRY
from lifelong.models.config import ModelSpec
from lifelong.models.embeddings import Embeddings
from lifelong.models.history import History
from lifelong.models.layers import InnerProductSearch, SearchedEvents
from lifelong.models.long_term.base import SearchedHistory


class GivenVectorsLongTerm(SearchedHistory):
    """Searches the K events of the largest inner products of given vectors, such as of images.

    Nothing of the search is trained, so that nothing has to be baked. Vectors are compared as they
    are given: of unit length, by their angle alone; else longer ones are preferred. An item without a
    vector has zeros, and comes after every positive product.

    References:
        - [Search-based User Interest Modeling, section 3.2](https://arxiv.org/abs/2006.05639)
    """

    def __init__(self, spec: ModelSpec, embeddings: Embeddings, **kwargs) -> None:
        super().__init__(spec, embeddings, **kwargs)
        self.inner_product_search = InnerProductSearch(
            spec.model.searched_events, name="inner_product_search"
        )

    def search(
        self, batch: Mapping[str, tf.Tensor], query: tf.Tensor, history: History
    ) -> SearchedEvents:
        """Finds the events of the largest inner products; ties go to the more recent one."""
        del query
        items, name = self._embeddings.item_features, self._spec.model.search_vectors
        assert items is not None
        return self.inner_product_search(
            items.vectors(name, batch[CANDIDATE_ITEM_ENTRY]),
            items.vectors(name, history.values[HISTORY_ITEM_ENTRY]),
            history.mask,
        )

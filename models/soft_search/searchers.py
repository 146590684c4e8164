"""What searches the projected vectors once a model is baked: tables, and how they are looked up."""

from __future__ import annotations

import abc
from collections.abc import Mapping

import tensorflow as tf

from lifelong.data.keys import CANDIDATE_ITEM, HISTORY_ITEM
from lifelong.models.config import ModelConfig, SoftSearchName
from lifelong.models.history import History
from lifelong.models.layers import (
    HammingSearch,
    InnerProductSearch,
    NeighborSearch,
    NormAugmentedSimHash,
    SearchedEvents,
    gather_events,
)
from lifelong.models.layers.searched_events import make_searched_events
from lifelong.models.row_blocks import row_blocks, table_in_blocks
from lifelong.models.soft_search.clusters import find_centers, nearest_center
from lifelong.models.soft_search.space import SearchSpace

# Items whose clusters are found at a time: bounds memory, [4096, clusters] products.
_INDEXED_TOGETHER = 4096
# Items that the clusters of the index are made of, at most: more make them hardly better.
_CLUSTERED_ITEMS = 32_768
# Events that the index compares for each that it is to find.
_COMPARED = 3


class Searcher(abc.ABC):
    """Searches with tables that are computed once, out of a trained search space.

    Args:
        space: Trained embeddings and projections.
        config: K and what `soft_search` chooses.

    Attributes:
        tables: What is looked up.
        signature_search: The search of signatures, of `alsh` alone.
    """

    def __init__(self, space: SearchSpace, config: ModelConfig) -> None:
        self.tables: list[tf.Variable] = []
        self.signature_search: HammingSearch | None = None
        self._build(space, config)

    @abc.abstractmethod
    def _build(self, space: SearchSpace, config: ModelConfig) -> None:
        """Computes the tables."""

    @abc.abstractmethod
    def search(self, batch: Mapping[str, tf.Tensor], history: History) -> SearchedEvents:
        """Finds at most K events of the long history `[B, L]` for every candidate."""

    def _keep(self, table: tf.Variable) -> tf.Variable:
        self.tables.append(table)
        return table


class ExactSearcher(Searcher):
    """Inner products of projected vectors that are looked up: items' and categories' added up."""

    def _build(self, space: SearchSpace, config: ModelConfig) -> None:
        item = space.item.embeddings[: space.items]
        category = space.category.embeddings[: space.categories]
        # W [e_item ; e_category] = W_item e_item + W_category e_category
        self._tables = {}
        for prefix, kernel in (
            ("history", space.event_kernel),
            ("candidate", space.candidate_kernel),
        ):
            of_item, of_category = tf.split(tf.convert_to_tensor(kernel), 2, axis=0)
            self._tables[prefix] = (
                self._project(item, of_item, f"{prefix}_item_projected"),
                self._project(category, of_category, f"{prefix}_category_projected"),
            )
        self._search = InnerProductSearch(config.searched_events)

    def search(self, batch: Mapping[str, tf.Tensor], history: History) -> SearchedEvents:
        """Finds the events of the largest inner products."""
        return self._search(
            self._vectors(batch, "candidate"),
            self._vectors(history.values, "history"),
            history.mask,
        )

    def _project(self, table: tf.Tensor, kernel: tf.Tensor, name: str) -> tf.Variable:
        return self._keep(tf.Variable(tf.matmul(table, kernel), trainable=False, name=name))

    def _vectors(self, values: Mapping[str, tf.Tensor], prefix: str) -> tf.Tensor:
        items, categories = self._tables[prefix]
        return tf.gather(items, values[f"{prefix}_item"]) + tf.gather(
            categories, values[f"{prefix}_category"]
        )


class AlshSearcher(Searcher):
    """Hamming distances of norm-augmented signatures, one of each item as event and candidate."""

    def _build(self, space: SearchSpace, config: ModelConfig) -> None:
        items, catalogue = space.items, space.catalogue()
        hashed = NormAugmentedSimHash(config.soft_search.alsh_bits)

        def events(rows: tf.Tensor) -> tf.Tensor:
            return space.project_events(catalogue(rows))

        def hash_candidates(rows: tf.Tensor) -> tf.Tensor:
            return hashed.hash_candidates(space.project_candidates(catalogue(rows)))

        hashed.set_max_norm(tf.stack([_longest(events(rows)) for rows in row_blocks(items)]))
        self._events = self._keep(
            table_in_blocks(
                items, lambda rows: hashed.hash_events(events(rows)), "event_signatures"
            )
        )
        self._candidates = self._keep(
            table_in_blocks(items, hash_candidates, "candidate_signatures")
        )
        self._search = HammingSearch(config.searched_events, ordered=False)
        self.signature_search = self._search

    def search(self, batch: Mapping[str, tf.Tensor], history: History) -> SearchedEvents:
        """Finds the events at the smallest Hamming distances."""
        return self._search(
            tf.gather(self._candidates, batch[CANDIDATE_ITEM]),
            tf.gather(self._events, history.values[HISTORY_ITEM]),
            history.mask,
        )


class IndexSearcher(ExactSearcher):
    """The inverted index: only events of each item's nearest clusters are compared with it.

    Event vectors of all items are clustered. A candidate's clusters are those whose centers have the
    largest inner products with it, nearest first; of the events there the first ones are compared, a
    few for each that is to be found. A history is sorted once for all candidates; what is done for
    each of them hardly grows with it.

    References:
        - [Search-based User Interest Modeling, section 3](https://arxiv.org/abs/2006.05639)
        - [Billion-scale similarity search with GPUs, section 2](https://arxiv.org/abs/1702.08734),
          for the inverted file of clusters
    """

    def _build(self, space: SearchSpace, config: ModelConfig) -> None:
        super()._build(space, config)
        items, catalogue, rows = space.items, space.catalogue(), space.catalogue_rows()
        count = min(config.soft_search.clusters, rows.shape[0])
        nearest = min(config.soft_search.searched_clusters, count)

        def events(rows: tf.Tensor) -> tf.Tensor:
            return space.project_events(catalogue(rows))

        # Rows in any order: items that became known together may be alike.
        drawn = tf.random.experimental.stateless_shuffle(rows, seed=[0, 0])
        centers = find_centers(events(drawn[: max(_CLUSTERED_ITEMS, count)]), count)

        def nearest_clusters(rows: tf.Tensor) -> tf.Tensor:
            candidates = space.project_candidates(catalogue(rows))
            return tf.math.top_k(tf.matmul(candidates, centers, transpose_b=True), nearest).indices

        def nearest_cluster(rows: tf.Tensor) -> tf.Tensor:
            return nearest_center(events(rows), centers)

        # [items], [items, M]
        self._cluster, self._searched = (
            self._keep(table_in_blocks(items, compute, name, size=_INDEXED_TOGETHER))
            for compute, name in (
                (nearest_cluster, "cluster"),
                (nearest_clusters, "searched_clusters"),
            )
        )
        self._neighbor_search = NeighborSearch(_COMPARED * config.searched_events)

    def search(self, batch: Mapping[str, tf.Tensor], history: History) -> SearchedEvents:
        """Finds the events of the largest inner products among those of the nearest clusters."""
        near = self._neighbor_search(
            tf.cast(tf.gather(self._searched, batch[CANDIDATE_ITEM]), tf.int64),
            tf.cast(tf.gather(self._cluster, history.values[HISTORY_ITEM]), tf.int64),
            history.mask,
        )
        events = gather_events(self._vectors(history.values, "history"), near.position)
        shape, width = tf.shape(near.position), events.shape[-1]
        # To every candidate a history of its own, [B, N, E, P] -> [B N, E, P]
        best = self._search(
            tf.reshape(self._vectors(batch, "candidate"), [shape[0] * shape[1], 1, width]),
            tf.reshape(events, [shape[0] * shape[1], shape[2], width]),
            tf.reshape(near.mask, [shape[0] * shape[1], shape[2]]),
        )
        place, mask, relevance = (
            tf.reshape(each, [shape[0], shape[1], tf.shape(each)[2]]) for each in best
        )
        position = tf.gather(near.position, place, batch_dims=2)
        return make_searched_events(position, mask, relevance)


def _longest(vectors: tf.Tensor) -> tf.Tensor:
    # A copy: a slice would keep the whole block.
    return tf.gather(vectors, tf.argmax(tf.norm(vectors, axis=-1)))


SEARCHERS: dict[SoftSearchName, type[Searcher]] = {
    "exact": ExactSearcher,
    "alsh": AlshSearcher,
    "index": IndexSearcher,
}

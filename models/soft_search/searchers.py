"""What searches the projected vectors once a model is baked: tables, and how they are looked up."""

from __future__ import annotations

import abc
from collections.abc import Mapping

import tensorflow as tf
import tensorflow_recommenders as tfrs

from lifelong.data.keys import CANDIDATE_ITEM, HISTORY_ITEM
from lifelong.models.config import ModelConfig, SoftSearchName
from lifelong.models.history import History
from lifelong.models.layers import (
    HammingSearch,
    InnerProductSearch,
    NeighborSearch,
    NormAugmentedSimHash,
    SearchedEvents,
)
from lifelong.models.row_blocks import row_blocks, table_in_blocks
from lifelong.models.soft_search.space import SearchSpace

# Items whose neighbours are computed at a time: bounds memory, [32, items] products.
_INDEXED_TOGETHER = 32


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


class IndexSearcher(Searcher):
    """The inverted index: each item's nearest items, intersected with the history."""

    def _build(self, space: SearchSpace, config: ModelConfig) -> None:
        catalogue, rows = space.catalogue(), space.catalogue_rows()
        events = table_in_blocks(
            rows.shape[0],
            lambda places: space.project_events(catalogue(tf.gather(rows, places))),
            "events",
        )
        count = min(config.soft_search.neighbors, rows.shape[0])
        index = tfrs.layers.factorized_top_k.BruteForce(k=count)
        index.index(tf.convert_to_tensor(events), rows)

        def nearest(rows: tf.Tensor) -> tf.Tensor:
            return index(space.project_candidates(catalogue(rows)))[1]

        # [items, M]
        self._neighbors = self._keep(
            table_in_blocks(space.items, nearest, "neighbors", size=_INDEXED_TOGETHER)
        )
        self._search = NeighborSearch(config.searched_events)

    def search(self, batch: Mapping[str, tf.Tensor], history: History) -> SearchedEvents:
        """Finds the events of the nearest items."""
        return self._search(
            tf.gather(self._neighbors, batch[CANDIDATE_ITEM]),
            history.values[HISTORY_ITEM],
            history.mask,
        )


def _longest(vectors: tf.Tensor) -> tf.Tensor:
    # A copy: a slice would keep the whole block.
    return tf.gather(vectors, tf.argmax(tf.norm(vectors, axis=-1)))


SEARCHERS: dict[SoftSearchName, type[Searcher]] = {
    "exact": ExactSearcher,
    "alsh": AlshSearcher,
    "index": IndexSearcher,
}

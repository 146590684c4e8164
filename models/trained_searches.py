"""Exact and approximate searches with the vectors of a trained model."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from lifelong.data.keys import (
    CANDIDATE_ITEM,
    CANDIDATE_ITEM_ENTRY,
    HISTORY_ITEM,
    HISTORY_ITEM_ENTRY,
)
from lifelong.models.config import ModelConfig
from lifelong.models.ctr_model import CTRModel
from lifelong.models.history import History
from lifelong.models.layers import HammingSearch, InnerProductSearch, SearchedEvents, SimHash
from lifelong.models.soft_search.searchers import AlshSearcher, ExactSearcher, IndexSearcher
from lifelong.models.soft_search.space import SearchSpace

Search = Callable[[Mapping[str, tf.Tensor], History], SearchedEvents]
Score = Callable[[Mapping[str, tf.Tensor], History], tf.Tensor]


@dataclasses.dataclass(frozen=True)
class Searches:
    """The searches of a trained model, with tables that are computed once.

    Attributes:
        scores: Exact scores by name, `[B, N, L]`.
        exact: Finds the events of the largest scores of the first kind.
        approximate: By name, what is compared with it.
    """

    scores: dict[str, Score]
    exact: Search
    approximate: dict[str, Search]


def exact_scores(model: CTRModel) -> dict[str, Score]:
    """Returns what an exact search would rank by, where the served one is an approximation.

    Args:
        model: A trained model.

    Returns:
        Scores by name; none for a model whose search is exact, or that searches nothing. What
        `search_vectors` names is compared by entries of the item table, which the batch has then.
    """
    config = model.spec.model
    if config.long_term == "eta":
        if config.search_vectors:
            items = model.embeddings.item_features
            assert items is not None
            vectors = items.vectors(config.search_vectors, tf.range(tf.size(items.items)))
            keys = (CANDIDATE_ITEM_ENTRY, HISTORY_ITEM_ENTRY)
        else:
            vectors = model.embeddings.items(tf.range(model.spec.used_rows("item")))
            keys = (CANDIDATE_ITEM, HISTORY_ITEM)
        directions = tf.linalg.l2_normalize(vectors, axis=-1)
        return {
            "inner product": functools.partial(_products, vectors, keys),
            "cosine": functools.partial(_products, directions, keys),
        }
    if config.long_term == "sim_soft" and not config.search_vectors:
        return {"inner product": functools.partial(_projected_products, model.long_term.space)}
    return {}


def eta_searches(model: CTRModel, bits: Sequence[int]) -> Searches:
    """Returns the searches by item embeddings: exact inner products, and SimHash's distances.

    SimHash tells angles, so that it is compared with the cosine as well.

    Args:
        model: A trained model.
        bits: Bits M of the signatures. With as many as trained, they are the model's own.
    """
    k = model.spec.model.searched_events
    # [items, D]
    vectors = model.embeddings.items(tf.range(model.spec.used_rows("item")))
    return Searches(
        scores=exact_scores(model),
        exact=functools.partial(_search_items, InnerProductSearch(k), vectors),
        approximate={
            f"SimHash of {m} bits": functools.partial(
                _search_items, HammingSearch(k), SimHash(m)(vectors)
            )
            for m in bits
        },
    )


def soft_searches(
    model: CTRModel, bits: Sequence[int], clusters: Sequence[tuple[int, int]]
) -> Searches:
    """Returns the searches by projected vectors: exact inner products, ALSH, and inverted index.

    Args:
        model: A trained `sim_soft` model.
        bits: Bits M of the signatures.
        clusters: Clusters of the index, and how many of them are searched for each candidate.
    """
    space, config = model.long_term.space, model.spec.model

    def choose(**changes: Any) -> ModelConfig:
        soft_search = dataclasses.replace(config.soft_search, **changes)
        return dataclasses.replace(config, soft_search=soft_search)

    return Searches(
        scores=exact_scores(model),
        exact=ExactSearcher(space, config).search,
        approximate={
            **{f"ALSH of {m} bits": AlshSearcher(space, choose(alsh_bits=m)).search for m in bits},
            **{
                f"index of {count} clusters, the nearest {nearest}": IndexSearcher(
                    space, choose(clusters=count, searched_clusters=nearest)
                ).search
                for count, nearest in clusters
            },
        },
    )


def _products(
    table: tf.Tensor,
    keys: tuple[str, str],
    batch: Mapping[str, tf.Tensor],
    history: History,
) -> tf.Tensor:
    of_candidates, of_events = keys
    return tf.matmul(
        tf.gather(table, batch[of_candidates]),
        tf.gather(table, history.values[of_events]),
        transpose_b=True,
    )


def _projected_products(
    space: SearchSpace, batch: Mapping[str, tf.Tensor], history: History
) -> tf.Tensor:
    return tf.matmul(
        space.project_candidates(space.embed(batch, "candidate")),
        space.project_events(space.embed(history.values, "history")),
        transpose_b=True,
    )


def _search_items(
    layer: InnerProductSearch | HammingSearch,
    table: tf.Tensor,
    batch: Mapping[str, tf.Tensor],
    history: History,
) -> SearchedEvents:
    return layer(
        tf.gather(table, batch[CANDIDATE_ITEM]),
        tf.gather(table, history.values[HISTORY_ITEM]),
        history.mask,
    )

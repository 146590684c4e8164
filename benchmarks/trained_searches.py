"""Exact and approximate searches with the vectors of a trained model."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf

from lifelong.data.keys import CANDIDATE_ITEM, HISTORY_ITEM
from lifelong.models.config import ModelConfig
from lifelong.models.ctr_model import CTRModel
from lifelong.models.history import History
from lifelong.models.layers import HammingSearch, InnerProductSearch, SearchedEvents, SimHash
from lifelong.models.soft_search.searchers import AlshSearcher, ExactSearcher, IndexSearcher

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


def eta_searches(model: CTRModel, bits: Sequence[int]) -> Searches:
    """Returns the searches by item embeddings: exact inner products, and SimHash's distances.

    SimHash tells angles, so that it is compared with the cosine as well.

    Args:
        model: A trained model.
        bits: Bits M of the signatures. With as many as trained, they are the model's own.
    """
    k = model.spec.model.searched_events
    # [items, D], [items, D]
    vectors = model.embeddings.items(tf.range(model.spec.used_rows("item")))
    directions = tf.linalg.l2_normalize(vectors, axis=-1)
    return Searches(
        scores={
            "inner product": functools.partial(_products, vectors),
            "cosine": functools.partial(_products, directions),
        },
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

    def choose(**changes: int) -> ModelConfig:
        soft_search = dataclasses.replace(config.soft_search, **changes)
        return dataclasses.replace(config, soft_search=soft_search)

    def score(batch: Mapping[str, tf.Tensor], history: History) -> tf.Tensor:
        return tf.matmul(
            space.project_candidates(space.embed(batch, "candidate")),
            space.project_events(space.embed(history.values, "history")),
            transpose_b=True,
        )

    return Searches(
        scores={"inner product": score},
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


def _products(table: tf.Tensor, batch: Mapping[str, tf.Tensor], history: History) -> tf.Tensor:
    return tf.matmul(
        tf.gather(table, batch[CANDIDATE_ITEM]),
        tf.gather(table, history.values[HISTORY_ITEM]),
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

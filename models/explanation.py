"""What is behind scores: what each search picks, what is attended to, what the long part adds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from lifelong.data.keys import (
    ATTENTION,
    CANDIDATE_CATEGORY_EVIDENCE,
    CANDIDATE_ITEM,
    CANDIDATE_ITEM_ENTRY,
    CANDIDATE_ITEM_EVIDENCE,
    HISTORY_ITEM,
    HISTORY_ITEM_ENTRY,
    POSITION,
    RELEVANCE,
    REQUEST_EVIDENCE,
    SEARCHED,
    STATISTICS,
)
from lifelong.models.ctr_model import CTRModel
from lifelong.models.history import History
from lifelong.models.layers import (
    HammingSearch,
    HardSearch,
    InnerProductSearch,
    SearchedEvents,
    SimHash,
)
from lifelong.models.layers.searched_events import best_first
from lifelong.models.long_term import AttendedHistory, EtaLongTerm, SimSoftLongTerm
from lifelong.models.long_term.given_vectors import GivenVectorsLongTerm
from lifelong.models.long_term.sim_hard import search_category
from lifelong.models.records import Batch

COUNTED = (CANDIDATE_ITEM_EVIDENCE, CANDIDATE_CATEGORY_EVIDENCE, REQUEST_EVIDENCE, *STATISTICS)


class Explanation(tf.Module):
    """Compares the three searches on one model, whichever of them it has.

    A search that is the model's own is that one. Others take what the model has: hard search the
    categories; soft search the inner products of the model's item embeddings, and ETA's search the
    SimHash of these (or, with `model.search_vectors`, of the vectors of that item feature).

    Args:
        model: A trained model, baked or not.
    """

    def __init__(self, model: CTRModel) -> None:
        super().__init__()
        self._model = model
        config = model.spec.model
        self._hard = HardSearch(config.searched_events)
        self._soft = InnerProductSearch(config.searched_events)
        self._simhash = SimHash(config.signature_bits)
        self._eta = HammingSearch(config.searched_events)

    def explain(self, rows: Batch) -> dict[str, tf.Tensor]:
        """Explains requests.

        Args:
            rows: Requests as the model reads them, evidence and statistics counted.

        Returns:
            `logits` and `logits_without_long_term` `[B, N]`: the latter are those of an empty long
            part, with evidence, statistics and the short part as they are. For each search, position
            in the history and relevance `[B, N, K]`, best first, position -1 where fewer were found.
            The same of what the model attends to (`searched_position`, `searched_relevance`), with
            `attention` `[B, N, H, K]`, where it has attention over events; K is L for `full`. And
            what was counted (`candidate_item_evidence` and so on), where the model reads it.
        """
        model = self._model
        batch = model.look_up(rows)
        short, long = model.split_history(batch)
        query = model.embeddings.candidates(batch)
        nothing = History(long.values, tf.zeros_like(long.mask))
        logits, without = model.logits(batch, short, [long, nothing])
        outputs = {
            "logits": logits,
            "logits_without_long_term": without,
            **self._found("hard_", self._search_hard(batch, long)),
            **self._found("soft_", self._search_soft(batch, query, long)),
            **self._found("eta_", self._search_eta(batch, query, long)),
            **{key: rows[key] for key in COUNTED if key in rows},
        }
        part = model.long_term
        if isinstance(part, AttendedHistory):
            attended = part.attended(batch, query, long)
            outputs |= self._found(SEARCHED, attended)
            outputs[ATTENTION] = part.attention(batch, query, long, attended)
        return outputs

    def _search_hard(self, batch: Batch, history: History) -> SearchedEvents:
        return search_category(self._hard, batch, history)

    def _search_soft(self, batch: Batch, query: tf.Tensor, history: History) -> SearchedEvents:
        part = self._model.long_term
        if isinstance(part, (SimSoftLongTerm, GivenVectorsLongTerm)):
            return best_first(part.search(batch, query, history))
        return self._soft(
            self._vectors(batch, CANDIDATE_ITEM, CANDIDATE_ITEM_ENTRY),
            self._vectors(history.values, HISTORY_ITEM, HISTORY_ITEM_ENTRY),
            history.mask,
        )

    def _search_eta(self, batch: Batch, query: tf.Tensor, history: History) -> SearchedEvents:
        part = self._model.long_term
        if isinstance(part, EtaLongTerm):
            return best_first(part.search(batch, query, history))
        return self._eta(
            self._simhash(self._vectors(batch, CANDIDATE_ITEM, CANDIDATE_ITEM_ENTRY)),
            self._simhash(self._vectors(history.values, HISTORY_ITEM, HISTORY_ITEM_ENTRY)),
            history.mask,
        )

    def _vectors(self, values: Mapping[str, tf.Tensor], item: str, entry: str) -> tf.Tensor:
        """Returns what a search by similarity compares, `[..., D]`."""
        embeddings, name = self._model.embeddings, self._model.spec.model.search_vectors
        if not name:
            return embeddings.items(values[item])
        items: Any = embeddings.item_features
        return items.vectors(name, values[entry])

    def _found(self, prefix: str, found: SearchedEvents) -> dict[str, tf.Tensor]:
        short_length = self._model.spec.model.short_length
        return {
            prefix + POSITION: positions_in_history(found, short_length),
            prefix + RELEVANCE: found.relevance,
        }


def positions_in_history(found: SearchedEvents, short_length: int) -> tf.Tensor:
    """Returns where found events are in the whole history, int64 `[B, N, K]`; -1 for none.

    Args:
        found: Positions in the long part.
        short_length: S, events before that part.
    """
    position = tf.cast(found.position, tf.int64) + short_length
    return tf.where(found.mask, position, tf.constant(-1, tf.int64))

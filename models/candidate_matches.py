"""Which events share the candidate's item or category, as evidence for the head network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from lifelong.data.keys import CANDIDATE, HISTORY
from lifelong.models.config import ModelSpec
from lifelong.models.layers import MatchEvidence
from lifelong.models.unknown_items import UnknownItems
from lifelong.models.vocabulary_files import UNKNOWN

keras: Any = tf.keras


class CandidateMatches(keras.layers.Layer):
    """Counts and times of the events of the candidate's item, and of its category.

    Unknown categories share a row but are not the same: they match nothing. Nor do unknown items,
    unless something tells them apart (`matched`, `hash_buckets`; see `UnknownItems`).

    Args:
        spec: Vocabulary sizes.
    """

    def __init__(self, spec: ModelSpec, **kwargs) -> None:
        super().__init__(**kwargs)
        unknown_items = UnknownItems(spec)
        # What is compared, and from where on its values stand for one item or category each.
        self._relations = {
            unknown_items.matched_by: unknown_items.identified_from,
            "category": UNKNOWN + 1,
        }
        self.evidence = MatchEvidence(name="evidence")

    def call(
        self,
        batch: Mapping[str, tf.Tensor],
        values: Mapping[str, tf.Tensor],
        gaps: tf.Tensor,
        mask: tf.Tensor,
    ) -> tf.Tensor:
        """Returns `[B, N, F]`.

        Args:
            batch: Wire tensors of the requests, ids as embedding rows.
            values: Event tensors by wire key: each candidate's `[B, N, K]`, or those that all
                candidates of a request share `[B, K]`.
            gaps: Seconds from each event to the request, of the shape of the events.
            mask: Which of them are events, of the same shape.
        """
        found = []
        for relation, identified_from in self._relations.items():
            events = values[f"{HISTORY}{relation}"]
            if events.shape.rank == 2:
                events, valid = events[:, tf.newaxis], mask[:, tf.newaxis]
            else:
                valid = mask
            candidates = batch[f"{CANDIDATE}{relation}"]
            identified = candidates >= identified_from
            same = (candidates[:, :, tf.newaxis] == events) & identified[:, :, tf.newaxis]
            found.append(self.evidence(same & valid, gaps))
        return tf.concat(found, axis=-1)

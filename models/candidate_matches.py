"""Which events share the candidate's item or category, as evidence for the head network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from lifelong.models.config import ModelSpec
from lifelong.models.layers import MatchEvidence

keras: Any = tf.keras

_RELATIONS = ("item", "category")


class CandidateMatches(keras.layers.Layer):
    """Counts and times of the events of the candidate's item, and of its category.

    Unknown items (and categories) share a row but are not the same: they match nothing.

    Args:
        spec: Vocabulary sizes.
    """

    def __init__(self, spec: ModelSpec, **kwargs) -> None:
        super().__init__(**kwargs)
        self._unknown = {relation: spec.vocabulary_sizes[relation] - 1 for relation in _RELATIONS}
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
        for relation in _RELATIONS:
            events = values[f"history_{relation}"]
            if events.shape.rank == 2:
                events, valid = events[:, tf.newaxis], mask[:, tf.newaxis]
            else:
                valid = mask
            candidates = batch[f"candidate_{relation}"]
            known = candidates != self._unknown[relation]
            same = (candidates[:, :, tf.newaxis] == events) & known[:, :, tf.newaxis]
            found.append(self.evidence(same & valid, gaps))
        return tf.concat(found, axis=-1)

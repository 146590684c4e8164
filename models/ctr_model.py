"""The request-shaped click-through-rate model: one user at one time, N candidates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
import tensorflow_recommenders as tfrs

from lifelong.data.keys import (
    CANDIDATE_LABEL,
    CANDIDATE_LENGTH,
    HISTORY_LENGTH,
    REQUEST_TIMESTAMP,
)
from lifelong.models.config import ModelSpec
from lifelong.models.embeddings import Embeddings, IdTable
from lifelong.models.evidence import counted
from lifelong.models.head import Head
from lifelong.models.history import History, split_history
from lifelong.models.layers import HistoryEvidence, length_mask
from lifelong.models.long_term import TrainedSearch, make_long_term
from lifelong.models.popularity import popularity
from lifelong.models.records import Batch
from lifelong.models.short_term import make_short_term
from lifelong.models.unknown_items import UnknownItems

keras: Any = tf.keras

# Score thresholds of the AUC that early stopping watches.
_AUC_THRESHOLDS = 1000


class CTRModel(tfrs.Model):
    """Scores the candidates of requests from short-term and long-term interest.

    A user's history is embedded (and hashed) once for all candidates of a request. The short part,
    the S newest events, is read by target attention; the long part, the L events before those, by
    the long-term part that the configuration names.

    Args:
        spec: Architecture, features and vocabulary sizes.

    Example:
        model = CTRModel(spec)
        model.compile(optimizer="adam")
        model.fit(request_dataset(...))
        logits = model(batch)  # [B, N]
    """

    def __init__(self, spec: ModelSpec, **kwargs) -> None:
        super().__init__(**kwargs)
        config = spec.model
        self.spec = spec
        self.unknown_items = UnknownItems(spec)
        self.embeddings = Embeddings(spec, name="embeddings")
        self.short_term = make_short_term(spec, self.embeddings) if config.short_length else None
        self.evidence = HistoryEvidence(name="evidence") if config.evidence_length else None
        self.long_term = make_long_term(spec, self.embeddings)
        self.head = Head(config, name="head")
        self.task = tfrs.tasks.Ranking(
            loss=keras.losses.BinaryCrossentropy(from_logits=True),
            metrics=[keras.metrics.AUC(_AUC_THRESHOLDS, from_logits=True, name="auc")],
        )

    def id_tables(self) -> list[IdTable]:
        """Returns what has a row for each id of a vocabulary, the optimizer's slots apart."""
        return [*self.embeddings.id_tables(), *self.long_term.id_tables()]

    def get_config(self) -> dict[str, str]:
        """Returns the specification, as JSON text."""
        return {"spec": self.spec.to_json()}

    @classmethod
    def from_config(cls, config: dict[str, str]) -> CTRModel:
        """Builds an untrained model from what `get_config` returned."""
        return cls(ModelSpec.from_json(config["spec"]))

    def call(self, batch: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Returns logits `[B, N]` of a batch of requests (wire tensors, ids as Transform's rows).

        What is counted comes with them: evidence (`evidence_wire_spec`) and statistics
        (`statistics_wire_spec`), unless the configuration leaves them out.

        With SIM hard, the long part of the history may also have been searched in a store: see
        `searched_wire_spec`.
        """
        batch = self.look_up(batch)
        short, long = self.split_history(batch)
        return self.logits(batch, short, [long], training)[0]

    def split_history(self, batch: Mapping[str, tf.Tensor]) -> tuple[History, History]:
        """Returns the short part and the long part of the histories of a batch."""
        config = self.spec.model
        return split_history(batch, config.short_length, config.long_length)

    def logits(
        self,
        batch: Mapping[str, tf.Tensor],
        short: History,
        longs: Sequence[History],
        training: bool = False,
    ) -> list[tf.Tensor]:
        """Returns logits `[B, N]` for each of several long parts, all else being equal.

        Args:
            batch: Wire tensors, ids as rows of the tables (`look_up`).
            short: What the short-term part reads.
            longs: What the long-term part reads: once for each.
            training: Whether the model is being trained.
        """
        config = self.spec.model
        # [B, N, Dc]
        query = self.embeddings.candidates(batch)
        features = [
            self._request_features(batch, query, training),
            self.embeddings.read_by_head(query),
        ]
        place = len(features)
        interests = [self.long_term(batch, query, long, training=training) for long in longs]
        if self.short_term is not None:
            features.append(self.short_term(batch, query, short, training=training))
        if self.evidence is not None:
            features.append(self.evidence.of_counts(counted(batch), batch[REQUEST_TIMESTAMP]))
        if config.statistics:
            features.append(popularity(batch))
        return [
            self.head(
                tf.concat([*features[:place], interest, *features[place:]], axis=-1),
                training=training,
            )
            for interest in interests
        ]

    def look_up(self, batch: Mapping[str, tf.Tensor]) -> Batch:
        """Returns Transform's rows as those of the tables, with the items' entries in their table."""
        batch = self.unknown_items.look_up(batch)
        items = self.embeddings.item_features
        return batch if items is None else items.add_entries(batch)

    def _request_features(
        self, batch: Mapping[str, tf.Tensor], query: tf.Tensor, training: bool
    ) -> tf.Tensor:
        """Returns what a request has once, shown to all of its candidates: `[B, N, Dr]`."""
        window = self.spec.model.window
        length = tf.clip_by_value(batch[HISTORY_LENGTH], 0, window)[:, tf.newaxis]
        # [B, Dr]
        request = tf.concat(
            [
                self.embeddings.requests(batch, training=training),
                tf.math.log1p(tf.cast(length, query.dtype)) / math.log1p(window),
            ],
            axis=-1,
        )
        return tf.repeat(request[:, tf.newaxis, :], tf.shape(query)[1], axis=1)

    # Nothing here needs AutoGraph, which would convert all of tf_keras: ten seconds a function.
    @tf.autograph.experimental.do_not_convert
    def train_step(self, inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Takes one optimizer step and returns the metrics."""
        return super().train_step(inputs)

    @tf.autograph.experimental.do_not_convert
    def test_step(self, inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Updates and returns the metrics."""
        return super().test_step(inputs)

    def compute_loss(self, inputs: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Returns the mean log loss over the valid candidates of a batch with labels."""
        logits = self(inputs, training=training)
        valid = length_mask(inputs[CANDIDATE_LENGTH], tf.shape(logits)[1])
        loss = self.task(
            labels=tf.boolean_mask(inputs[CANDIDATE_LABEL], valid),
            predictions=tf.boolean_mask(logits, valid),
        )
        # Losses that a part adds are added by the training step.
        if isinstance(self.long_term, TrainedSearch):
            loss *= self.long_term.click_weight
        return loss

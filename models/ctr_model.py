"""The request-shaped click-through-rate model: one user at one time, N candidates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tensorflow_recommenders as tfrs

from lifelong.models.config import ModelSpec
from lifelong.models.embeddings import Embeddings
from lifelong.models.history import split_history
from lifelong.models.layers import TargetAttention, TimeGapEmbedding, length_mask
from lifelong.models.long_term import make_long_term

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
        self.embeddings = Embeddings(spec, name="embeddings")
        self.short_time_gap = TimeGapEmbedding(config.time_gap_dim, name="short_time_gap")
        self.short_term = TargetAttention(name="short_term")
        self.long_term = make_long_term(spec, self.embeddings)
        self.head = keras.Sequential(name="head")
        for width in config.hidden:
            self.head.add(keras.layers.Dropout(config.dropout))
            self.head.add(keras.layers.Dense(width, activation="relu"))
        self.head.add(keras.layers.Dense(1, dtype="float32"))
        self.task = tfrs.tasks.Ranking(
            loss=keras.losses.BinaryCrossentropy(from_logits=True),
            metrics=[keras.metrics.AUC(_AUC_THRESHOLDS, from_logits=True, name="auc")],
        )

    def get_config(self) -> dict[str, str]:
        """Returns the specification, as JSON text."""
        return {"spec": self.spec.to_json()}

    @classmethod
    def from_config(cls, config: dict[str, str]) -> CTRModel:
        """Builds an untrained model from what `get_config` returned."""
        return cls(ModelSpec.from_json(config["spec"]))

    def call(self, batch: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Returns logits `[B, N]` of a batch of requests (wire tensors, ids as embedding rows)."""
        config = self.spec.model
        short, long = split_history(batch, config.short_length, config.long_length)
        # [B, N, Dc]
        query = self.embeddings.candidates(batch)
        gaps = batch["request_timestamp"][:, tf.newaxis] - short.values["history_timestamp"]
        # [B, S, De + Dt]
        short_events = tf.concat(
            [self.embeddings.events(short.values), self.short_time_gap(gaps)], axis=-1
        )
        # [B, N, Dr]: what the request has once, shown to all of its candidates
        request = self.embeddings.requests(batch, training=training)
        request = tf.repeat(request[:, tf.newaxis, :], tf.shape(query)[1], axis=1)
        features = tf.concat(
            [
                request,
                query,
                self.short_term(query, short_events, short.mask),
                self.long_term(batch, query, long),
            ],
            axis=-1,
        )
        return tf.squeeze(self.head(features, training=training), axis=-1)

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
        valid = length_mask(inputs["candidate_length"], tf.shape(logits)[1])
        return self.task(
            labels=tf.boolean_mask(inputs["candidate_label"], valid),
            predictions=tf.boolean_mask(logits, valid),
        )

"""Target attention: each candidate weighs the events of a history."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from lifelong.models.layers.checks import (
    check_bool,
    check_dtype,
    check_floating,
    check_shapes,
    check_sizes,
    last_size,
)
from lifelong.models.layers.layer_of_tensors import LayerOfTensors
from lifelong.models.layers.masks import clear_masked_in_half_precision, masked_softmax

keras: Any = tf.keras


@keras.utils.register_keras_serializable(package="lifelong")
class TargetAttention(LayerOfTensors):
    """DIN's local activation unit: a small MLP weighs every event against the candidate.

    The MLP sees [q, k, q - k, q * k] of candidate q and event k. As q - k is linear in both, a
    first layer on [q, k, q * k] computes the same functions. The pairs' inputs are never written
    out: the largest tensor is the first hidden layer, `[B, N, S, hidden[0]]`.

    Args:
        hidden: Sizes of the MLP's hidden layers, at least one.
        normalize: Whether the weights are a softmax. By default they are not, so that the result
            keeps how strong the interest is.
        activation: Of the hidden layers.
        **kwargs: Of `keras.layers.Layer`.

    Call:
        query: `[B, N, Dq]` floating point, candidates. Projected to Dk where Dq differs from it.
        history: `[B, S, Dk]` floating point, events. Masked ones may hold any finite number.
        history_mask: `[B, S]` bool, True for valid events; all of them by default.

    Returns:
        `[B, N, Dk]`, the weighted sum of the events; zeros for a history without valid events.

    Raises:
        ValueError: If a shape or type is not as above, Dq or Dk is unknown, or a constructor
            argument is not usable.

    Example:
        >>> attention = TargetAttention(hidden=(36,))
        >>> attention(tf.ones([2, 5, 8]), tf.ones([2, 7, 8]), tf.ones([2, 7], tf.bool)).shape
        TensorShape([2, 5, 8])

    References:
        [DIN](https://arxiv.org/abs/1706.06978), section 4.3 and equation 3.
    """

    def __init__(
        self,
        hidden: Sequence[int] = (36,),
        normalize: bool = False,
        activation: Any = "relu",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_sizes("TargetAttention", hidden=hidden)
        check_bool("TargetAttention", normalize=normalize)
        self.hidden = tuple(hidden)
        self.normalize = normalize
        self.activation = _activation(activation)
        dense = functools.partial(keras.layers.Dense, dtype=self.dtype_policy)
        self.upper = [dense(size, activation=self.activation) for size in self.hidden[1:]]
        self.upper.append(dense(1))

    def build(self, input_shape: Any) -> None:
        """Creates the weights for the sizes Dq and Dk."""
        query_size = last_size("TargetAttention", "query", input_shape[0], "B N Dq")
        event_size = last_size("TargetAttention", "history", input_shape[1], "B S Dk")
        if query_size == event_size:
            self.projection = None
        else:
            # [Dq, Dk]
            self.projection = self.add_weight(
                name="projection", shape=(query_size, event_size), initializer="glorot_uniform"
            )
        # [3 Dk, h]: for q, k and q * k
        self.kernel = self.add_weight(
            name="kernel",
            shape=(3 * event_size, self.hidden[0]),
            initializer="glorot_uniform",
        )
        self.bias = self.add_weight(name="bias", shape=(self.hidden[0],), initializer="zeros")
        for layer, size in zip(self.upper, self.hidden, strict=True):
            layer.build((None, None, None, size))
        self.built = True

    def compute(
        self,
        query: tf.Tensor,
        history: tf.Tensor,
        history_mask: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Attends; see the class."""
        check_floating("TargetAttention", query=query, history=history)
        check_dtype("TargetAttention", "history_mask", history_mask, tf.bool)
        check_shapes(
            "TargetAttention",
            {
                "query": (query, "B N Dq"),
                "history": (history, "B S Dk"),
                "history_mask": (history_mask, "B S"),
            },
            self._sizes(),
        )
        if history_mask is None:
            history_mask = tf.ones(tf.shape(history)[:-1], tf.bool)
        else:
            history = clear_masked_in_half_precision(history, history_mask)
        # [B, 1, S]
        mask = history_mask[:, tf.newaxis, :]
        scores = self._scores(query, history)
        if self.normalize:
            weights = masked_softmax(scores, mask)
        else:
            weights = tf.where(mask, scores, tf.zeros([], scores.dtype))
        # [B, N, S] x [B, S, Dk] -> [B, N, Dk]
        return tf.matmul(weights, history)

    def _sizes(self) -> dict[str, int]:
        """Returns the sizes that the weights were made for."""
        event_size = self.kernel.shape[0] // 3
        query_size = event_size if self.projection is None else self.projection.shape[0]
        return {"Dq": query_size, "Dk": event_size}

    def _scores(self, query: tf.Tensor, history: tf.Tensor) -> tf.Tensor:
        """Returns the MLP's output `[B, N, S]` for all pairs of candidate and event."""
        if self.projection is not None:
            query = tf.matmul(query, self.projection)
        of_query, of_event, of_product = tf.split(tf.convert_to_tensor(self.kernel), 3, axis=0)
        # k W_k + (q * k) W_p = k (W_k + diag(q) W_p): one matrix per candidate.
        # [B, N, Dk, 1] x [Dk, h] -> [B, N, Dk, h]
        per_query = query[..., tf.newaxis] * of_product + of_event
        # [B, 1, S, Dk] x [B, N, Dk, h] -> [B, N, S, h]
        event_part = tf.matmul(history[:, tf.newaxis], per_query)
        # [B, N, 1, h]
        query_part = (tf.matmul(query, of_query) + self.bias)[:, :, tf.newaxis]
        values = self.activation(event_part + query_part)
        for layer in self.upper:
            values = layer(values)
        return tf.squeeze(values, axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "hidden": list(self.hidden),
            "normalize": self.normalize,
            "activation": keras.activations.serialize(self.activation),
        }


def _activation(activation: Any) -> Any:
    """Returns the function that an activation's name, config or function stands for."""
    try:
        return keras.activations.get(activation)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"TargetAttention: `activation` is {activation!r}; expected an activation of Keras or "
            f"a function"
        ) from error

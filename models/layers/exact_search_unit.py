"""Exact search unit: multi-head attention of candidates over their searched events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from lifelong.models.layers.checks import (
    check_dtype,
    check_floating,
    check_measure,
    check_positive,
    check_shapes,
    last_size,
)
from lifelong.models.layers.layer_of_tensors import LayerOfTensors
from lifelong.models.layers.masks import clear_masked_in_half_precision, masked_softmax

keras: Any = tf.keras

# The place of `values` among the tensors of a call.
_VALUES = 3


@keras.utils.register_keras_serializable(package="lifelong")
class ExactSearchUnit(LayerOfTensors):
    """Attends over the events that a search found for each candidate, with many heads.

    Per head i, the weights are softmax((W_bi z_b) . (W_ai e_a) * scale) over a candidate's valid
    events, and head_i is the weighted sum of the events z_b themselves, or of values given for them.

    Args:
        heads: Number H of heads.
        key_dim: Size of W_ai e_a and W_bi z_b.
        value_dim: Size of each head when the weighted sum is projected; by default it is not,
            as in the article.
        scale: Factor on the scores; 1 / sqrt(key_dim) by default, 1 gives the article's formula.
        **kwargs: Of `keras.layers.Layer`.

    Call:
        query: `[B, N, Dq]` floating point, the candidates e_a.
        events: `[B, N, K, Dz]` floating point, each candidate's events z_b: embedding and time
            gap, concatenated. Masked ones may hold any finite number. Or `[B, K, Dz]`, the same
            events for all candidates of a request.
        event_mask: `[B, N, K]` (or `[B, K]`) bool, True for valid events; all of them by default.
        values: `[B, N, K, Dv]` (or `[B, K, Dv]`) floating point, what is summed of each event; the
            events themselves (Dv = Dz) by default.
        return_attention_scores: Whether to return the weights too.

    Returns:
        `[B, N, H * Dv]` (or `H * value_dim`), zeros for a candidate without valid events; and with
        `return_attention_scores` the weights `[B, N, H, K]` as well.

    Raises:
        ValueError: If a shape or type is not as above, Dq, Dz or Dv is unknown, or a constructor
            argument is not usable.

    Example:
        >>> unit = ExactSearchUnit(heads=2, key_dim=4)
        >>> query, events = tf.ones([1, 3, 8]), tf.ones([1, 3, 5, 6])
        >>> unit(query, events, tf.ones([1, 3, 5], tf.bool)).shape
        TensorShape([1, 3, 12])

    References:
        [SIM](https://arxiv.org/abs/2006.05639), section "Exact Search Unit".
    """

    def __init__(
        self,
        heads: int,
        key_dim: int,
        value_dim: int | None = None,
        scale: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_positive("ExactSearchUnit", heads=heads, key_dim=key_dim)
        if value_dim is not None:
            check_positive("ExactSearchUnit", value_dim=value_dim)
        if scale is not None:
            check_measure("ExactSearchUnit", scale=scale)
        self.heads = heads
        self.key_dim = key_dim
        self.value_dim = value_dim
        self.scale = None if scale is None else float(scale)

    def build(self, input_shape: Any) -> None:
        """Creates the weights for the sizes Dq, Dz and Dv."""
        query_size = last_size("ExactSearchUnit", "query", input_shape[0], "B N Dq")
        shared = tf.TensorShape(input_shape[1]).rank == 3
        event_size = last_size(
            "ExactSearchUnit", "events", input_shape[1], "B K Dz" if shared else "B N K Dz"
        )
        # [Dq, H d] and [Dz, H d]: W_a and W_b of all heads
        size = self.heads * self.key_dim
        self.query_kernel = self.add_weight(
            name="query_kernel", shape=(query_size, size), initializer="glorot_uniform"
        )
        self.event_kernel = self.add_weight(
            name="event_kernel", shape=(event_size, size), initializer="glorot_uniform"
        )
        if self.value_dim is not None:
            value_size = event_size
            if len(input_shape) > _VALUES and input_shape[_VALUES] is not None:
                value_size = last_size(
                    "ExactSearchUnit",
                    "values",
                    input_shape[_VALUES],
                    "B K Dv" if shared else "B N K Dv",
                )
            # [Dv, H v]
            self.value_kernel = self.add_weight(
                name="value_kernel",
                shape=(value_size, self.heads * self.value_dim),
                initializer="glorot_uniform",
            )
        self.built = True

    def call(self, inputs: Sequence[tf.Tensor], return_attention_scores: bool = False) -> Any:
        """Attends; see the class."""
        return self.compute(*inputs, return_attention_scores=return_attention_scores)

    def compute(
        self,
        query: tf.Tensor,
        events: tf.Tensor,
        event_mask: tf.Tensor | None = None,
        values: tf.Tensor | None = None,
        *,
        return_attention_scores: bool = False,
    ) -> Any:
        """Attends; see the class."""
        summed = events if values is None else values
        check_floating("ExactSearchUnit", query=query, events=events, values=summed)
        check_dtype("ExactSearchUnit", "event_mask", event_mask, tf.bool)
        shared = events.shape.rank == 3
        check_shapes(
            "ExactSearchUnit",
            {
                "query": (query, "B N Dq"),
                "events": (events, "B K Dz" if shared else "B N K Dz"),
                "event_mask": (event_mask, "B K" if shared else "B N K"),
                "values": (values, "B K Dv" if shared else "B N K Dv"),
            },
            self._sizes(),
        )
        if event_mask is None:
            event_mask = tf.ones(tf.shape(events)[:-1], tf.bool)
        else:
            events = clear_masked_in_half_precision(events, event_mask)
            summed = (
                events if values is None else clear_masked_in_half_precision(values, event_mask)
            )
        attended, weights = (
            self._attend_shared(query, events, event_mask, summed)
            if shared
            else self._attend_own(query, events, event_mask, summed)
        )
        shape = tf.shape(query)
        head_size = self.value_dim or summed.shape[-1]
        output = tf.reshape(attended, [shape[0], shape[1], self.heads * head_size])
        if not return_attention_scores:
            return output
        return output, tf.transpose(weights, [0, 2, 1, 3]) if shared else weights

    def _attend_own(
        self, query: tf.Tensor, events: tf.Tensor, event_mask: tf.Tensor, values: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Attends over each candidate's own events: `[B, N, H, Dv or v]`, weights `[B, N, H, K]`."""
        # [B, N, H, Dz] x [B, N, K, Dz] -> [B, N, H, K]
        scores = tf.matmul(self._project(query), events, transpose_b=True)
        weights = masked_softmax(scores, event_mask[:, :, tf.newaxis, :])
        # [B, N, H, K] x [B, N, K, Dv] -> [B, N, H, Dv]
        attended = tf.matmul(weights, values)
        if self.value_dim is not None:
            # Projecting the sum is the sum of projections.
            attended = tf.einsum("bnhz,zhv->bnhv", attended, self._by_head(self.value_kernel))
        return attended, weights

    def _attend_shared(
        self, query: tf.Tensor, events: tf.Tensor, event_mask: tf.Tensor, values: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Attends over shared events, which are projected once; weights are `[B, H, N, K]`."""
        # [B, K, H d] -> [B, H, K, d]
        keys = _heads_first(tf.matmul(events, self.event_kernel), self.heads)
        # [B, H, N, K]
        scores = tf.matmul(self._queries(query), keys, transpose_b=True)
        weights = masked_softmax(scores, event_mask[:, tf.newaxis, tf.newaxis, :])
        if self.value_dim is None:
            values = values[:, tf.newaxis]
        else:
            values = _heads_first(tf.matmul(values, self.value_kernel), self.heads)
        # [B, H, N, K] x [B, 1 or H, K, Dv or v] -> [B, N, H, Dv or v]
        return tf.transpose(tf.matmul(weights, values), [0, 2, 1, 3]), weights

    def _by_head(self, kernel: tf.Tensor) -> tf.Tensor:
        """Returns a kernel `[D, H x]` as `[D, H, x]`."""
        return tf.reshape(kernel, [kernel.shape[0], self.heads, kernel.shape[1] // self.heads])

    def relevance(self, query: tf.Tensor, events: tf.Tensor) -> tf.Tensor:
        """Returns the scores of shared events, summed over the heads.

        A search that ranks by them finds what the heads together would weigh most.

        Args:
            query: `[B, N, Dq]`, the candidates.
            events: `[B, L, Dz]`, the events of the requests.

        Returns:
            `[B, N, L]`.

        Raises:
            ValueError: If a shape is not as above.

        References:
            [TWIN](https://arxiv.org/abs/2302.02352) (consistency of the two stages).
        """
        check_floating("ExactSearchUnit", query=query, events=events)
        arguments = {"query": (query, "B N Dq"), "events": (events, "B L Dz")}
        check_shapes("ExactSearchUnit", arguments)
        if not self.built:
            # A search may rank before anything was attended to.
            self.build((query.shape, events.shape))
        check_shapes("ExactSearchUnit", arguments, self._sizes())
        # [B, N, H, Dz] -> [B, N, Dz]: the sum of products is the product with the sum.
        return tf.matmul(tf.reduce_sum(self._project(query), axis=2), events, transpose_b=True)

    def _sizes(self) -> dict[str, int]:
        """Returns the sizes that the weights were made for."""
        return {"Dq": self.query_kernel.shape[0], "Dz": self.event_kernel.shape[0]}

    def _project(self, query: tf.Tensor) -> tf.Tensor:
        """Returns W_b^T W_a e_a * scale for every head, `[B, N, H, Dz]`."""
        # (W_b z_b) . (W_a e_a) = z_b . (W_b^T W_a e_a): only queries are projected, not the events
        # of every candidate. [B, H, N, d] x [H, d, Dz] -> [B, H, N, Dz]
        kernel = tf.transpose(self._by_head(self.event_kernel), [1, 2, 0])
        return tf.transpose(tf.matmul(self._queries(query), kernel), [0, 2, 1, 3])

    def _queries(self, query: tf.Tensor) -> tf.Tensor:
        """Returns W_a e_a * scale for every head, `[B, H, N, d]`."""
        scale = self.key_dim**-0.5 if self.scale is None else self.scale
        return _heads_first(tf.matmul(query, self.query_kernel * scale), self.heads)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "heads": self.heads,
            "key_dim": self.key_dim,
            "value_dim": self.value_dim,
            "scale": self.scale,
        }


def _heads_first(values: tf.Tensor, heads: int) -> tf.Tensor:
    """Cuts `[B, X, H d]` into `[B, H, X, d]`."""
    shape = tf.shape(values)
    cut = tf.reshape(values, [shape[0], shape[1], heads, values.shape[-1] // heads])
    return tf.transpose(cut, [0, 2, 1, 3])

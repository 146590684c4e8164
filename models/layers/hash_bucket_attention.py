"""Hash bucket attention: a candidate's interest is the sum of the events in its hash buckets."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from lifelong.models.layers.checks import (
    check_dtype,
    check_floating,
    check_positive,
    check_shapes,
    last_size,
)
from lifelong.models.layers.hyperplanes import CODE_BITS, hyperplane_initializer, side_codes
from lifelong.models.layers.layer_of_tensors import LayerOfTensors
from lifelong.models.layers.masks import clear_masked

keras: Any = tf.keras

# Buckets whose values add up to a shorter vector than this have no direction.
_SHORTEST = 1e-6


@keras.utils.register_keras_serializable(package="lifelong")
class HashBucketAttention(LayerOfTensors):
    """Attends to the events that share hash codes with a candidate, without comparing pairs.

    Random hyperplanes give every vector `hashes` bits, read as G = hashes / width codes of `width`
    bits. Event and candidate share a code with probability (1 - angle / pi) ** width. Per group of
    bits, a candidate gets the sum of the values of the events of its code, divided by that sum's
    own l2 norm; the result is the mean over the G groups.

    The sums of all codes are one table per request, in which candidates are looked up: the work
    grows with (L + N) x G x 2 ** width, never with N x L.

    Args:
        hashes: Bits per vector, a multiple of `width`.
        width: Bits of one code, at most 24. More of them make attention keep to nearer events.
        seed: Seed of the random hyperplanes. Layers of the same seed, hashes and input size hash
            alike.
        **kwargs: Of `keras.layers.Layer`. `dtype` has no effect: codes must not depend on the
            precision that a model is trained in.

    Call:
        query: `[B, N, D]` floating point, candidates; D static.
        history: `[B, L, D]` floating point, what is hashed of the events. No gradient flows
            through the hashing.
        values: `[B, L, Dz]` floating point, what is added up of the events. Masked ones may hold
            anything.
        history_mask: `[B, L]` bool, True for valid events; all of them by default.

    Returns:
        `[B, N, Dz]` of the type of `values`, at most 1 long; zeros where no event shares a code. A
        sum shorter than 1e-6 counts as zero.

    Raises:
        ValueError: If a shape or type is not as above, D is unknown, or a constructor argument is
            not usable.

    Example:
        >>> attention = HashBucketAttention(hashes=6, width=3)
        >>> history = tf.constant([[[1.0, 2.0], [-1.0, -2.0]]])
        >>> values = tf.constant([[[0.0, 2.0], [5.0, 0.0]]])
        >>> attention(2 * history, history, values).numpy().tolist()
        [[[0.0, 1.0], [1.0, 0.0]]]

    References:
        [SDIM](https://arxiv.org/abs/2205.10249), section 4.1: l2 normalisation of each sum, then
        the average over the signatures.
    """

    def __init__(self, hashes: int = 48, width: int = 3, seed: int = 0, **kwargs: Any) -> None:
        # Under mixed precision Keras would round the vectors to 16 bits before they are hashed.
        super().__init__(**{**kwargs, "dtype": "float32", "autocast": False})
        check_positive("HashBucketAttention", hashes=hashes, width=width)
        if width > CODE_BITS:
            raise ValueError(
                f"HashBucketAttention: `width` is {width}; expected at most {CODE_BITS}"
            )
        if hashes % width:
            raise ValueError(
                f"HashBucketAttention: `hashes` is {hashes}; expected a multiple of `width` = "
                f"{width}"
            )
        self._draw = hyperplane_initializer("HashBucketAttention", seed)
        self.hashes = hashes
        self.width = width
        self.seed = seed

    @property
    def groups(self) -> int:
        """Codes G of a vector."""
        return self.hashes // self.width

    def build(self, input_shape: Any) -> None:
        """Draws the random hyperplanes, once: from then on they are saved with the model."""
        size = last_size("HashBucketAttention", "query", input_shape[0], "B N D")
        # [D, M]
        self.rotation = self.add_weight(
            name="rotation",
            shape=(size, self.hashes),
            initializer=self._draw,
            trainable=False,
        )
        self.built = True

    def compute(
        self,
        query: tf.Tensor,
        history: tf.Tensor,
        values: tf.Tensor,
        history_mask: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Attends; see the class."""
        check_floating("HashBucketAttention", query=query, history=history, values=values)
        check_dtype("HashBucketAttention", "history_mask", history_mask, tf.bool)
        check_shapes(
            "HashBucketAttention",
            {
                "query": (query, "B N D"),
                "history": (history, "B L D"),
                "values": (values, "B L Dz"),
                "history_mask": (history_mask, "B L"),
            },
            {"D": self.rotation.shape[0]},
        )
        return self.attend(self.codes(query), self.codes(history), values, history_mask)

    def codes(self, x: tf.Tensor) -> tf.Tensor:
        """Returns the hash codes of vectors: `[..., D] -> [..., G]` int32 in 0..2**width-1."""
        # [..., D] -> [..., G]
        codes = side_codes(tf.cast(x, tf.float32), self.rotation, self.width, self.groups)
        return tf.cast(codes, tf.int32)

    def attend(
        self,
        query_codes: tf.Tensor,
        history_codes: tf.Tensor,
        values: tf.Tensor,
        history_mask: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Attends by codes that were computed before, such as a table of all items' codes.

        Args:
            query_codes: `[B, N, G]` int32, what `codes` returned.
            history_codes: `[B, L, G]` int32.
            values: `[B, L, Dz]`.
            history_mask: `[B, L]` bool.

        Returns:
            `[B, N, Dz]`.
        """
        if history_mask is not None:
            # No bucket has this number.
            nowhere = tf.constant(-1, history_codes.dtype)
            history_codes = tf.where(history_mask[..., tf.newaxis], history_codes, nowhere)
            values = clear_masked(values, history_mask)
        # Products with ones and zeros: adding up segments is a little faster forwards, but three
        # times slower with its gradient. [B, L, G 2^w]^T x [B, L, Dz] -> [B, G 2^w, Dz]
        wide = tf.cast(values, tf.float32)
        table = tf.matmul(self._one_hot(history_codes), wide, transpose_a=True)
        square = tf.reduce_sum(table**2, axis=-1, keepdims=True)
        has_direction = square > _SHORTEST**2
        # Without the inner `where`, the gradient of an empty bucket is NaN under XLA.
        scale = tf.where(has_direction, tf.math.rsqrt(tf.where(has_direction, square, 1.0)), 0.0)
        # [B, N, G 2^w] x [B, G 2^w, Dz] -> [B, N, Dz]
        summed = tf.matmul(self._one_hot(query_codes), table * scale)
        return tf.cast(summed / self.groups, values.dtype)

    def _one_hot(self, codes: tf.Tensor) -> tf.Tensor:
        """Marks the buckets of codes: `[B, E, G] -> [B, E, G 2^w]`, a group's buckets together."""
        shape = tf.shape(codes)
        marks = tf.one_hot(codes, 2**self.width)
        return tf.reshape(marks, [shape[0], shape[1], self.groups * 2**self.width])

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "hashes": self.hashes,
            "width": self.width,
            "seed": self.seed,
        }

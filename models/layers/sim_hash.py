"""SimHash: bits whose agreement tells the angle between two vectors."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from lifelong.models.layers.checks import (
    check_floating,
    check_positive,
    check_shapes,
    last_size,
)
from lifelong.models.layers.hyperplanes import hyperplane_initializer, side_codes

keras: Any = tf.keras

WORD_BITS = 64
# Bits that float32 adds up exactly, with room to spare.
CHUNK_BITS = 16


@keras.utils.register_keras_serializable(package="lifelong")
class SimHash(keras.layers.Layer):
    """Hashes vectors into signatures of `bits` bits, packed into int64 words.

    Bit i is 1 where the vector's projection on the i-th random direction is positive. The share
    of bits in which two signatures differ estimates the angle between the vectors over pi.

    Args:
        bits: Bits M of a signature, at least 1.
        seed: Seed of the random directions. Layers of the same seed, bits and input size hash
            alike.
        **kwargs: Of `keras.layers.Layer`. `dtype` has no effect: a signature must not depend on
            the precision that a model is trained in.

    Call:
        x: `[..., D]` floating point, D static.

    Returns:
        `[..., W]` int64, W = ceil(bits / 64). Bit i is bit i % 64 of word i // 64, where bit 63 is
        the sign; unused bits are 0. No gradient flows through it. A zero vector has no bit set.

    Raises:
        ValueError: If `bits` or `seed` is not usable, x is not floating point, or its last
            dimension is unknown.

    Example:
        >>> vectors = tf.constant([[1.0, 2.0], [-1.0, -2.0]])
        >>> signature = SimHash(bits=8)(vectors)
        >>> signature.shape, int(signature[0, 0] ^ signature[1, 0])
        (TensorShape([2, 1]), 255)

    References:
        - Charikar, Similarity Estimation Techniques from Rounding Algorithms, STOC 2002, section 3.
        - [ETA](https://arxiv.org/abs/2108.04468), Algorithm 1.
    """

    def __init__(self, bits: int, seed: int = 0, **kwargs: Any) -> None:
        # float32 whatever the global policy: under mixed precision Keras would round x to 16 bits
        # first, and the signatures would not be those of the stored embeddings.
        super().__init__(**{**kwargs, "dtype": "float32"})
        check_positive("SimHash", bits=bits)
        self._draw = hyperplane_initializer("SimHash", seed)
        self.bits = bits
        self.seed = seed

    @property
    def words(self) -> int:
        """int64 words W of a signature."""
        return -(-self.bits // WORD_BITS)

    def build(self, input_shape: Any) -> None:
        """Draws the random directions, once: from then on they are saved with the model."""
        size = last_size("SimHash", "x", input_shape, "... D")
        # [D, M]
        self.rotation = self.add_weight(
            name="rotation",
            shape=(size, self.bits),
            initializer=self._draw,
            trainable=False,
        )
        self.built = True

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Hashes `x`."""
        check_floating("SimHash", x=x)
        check_shapes("SimHash", {"x": (x, "... D")}, {"D": self.rotation.shape[0]})
        per_word = WORD_BITS // CHUNK_BITS
        # [..., D] -> [..., 4 W]
        chunks = side_codes(x, self.rotation, CHUNK_BITS, self.words * per_word)
        # [..., 4 W] -> [..., W, 4] uint16 -> [..., W] int64
        shape = tf.concat([tf.shape(x)[:-1], [self.words, per_word]], axis=0)
        return tf.bitcast(tf.reshape(tf.cast(chunks, tf.uint16), shape), tf.int64)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "bits": self.bits, "seed": self.seed}

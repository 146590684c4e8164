"""Random hyperplanes, and codes of the sides on which vectors lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from lifelong.models.layers.checks import check_seed

# Bits of a code at most: float32 holds whole numbers up to 2^24.
CODE_BITS = 24


def hyperplane_initializer(owner: str, seed: int) -> Callable[..., tf.Tensor]:
    """Returns an initializer of normal vectors of random hyperplanes.

    Args:
        owner: Name of the layer, for the message.
        seed: Seed; the same seed and shape give the same hyperplanes.

    Raises:
        ValueError: If the seed is not an integer of 64 bits.
    """
    check_seed(owner, seed)

    def draw(shape: Any, dtype: Any = None, **_: Any) -> tf.Tensor:
        # Philox gives the same numbers on every device.
        return tf.random.stateless_normal(shape, seed=(seed, 0), dtype=dtype, alg="philox")

    return draw


def side_codes(x: tf.Tensor, rotation: tf.Tensor, width: int, codes: int) -> tf.Tensor:
    """Reads the sides of `x` as codes of `width` bits; no gradient flows through them.

    Args:
        x: `[..., D]` of the type of `rotation`.
        rotation: `[D, M]`, the hyperplanes. Bit i is set on the positive side of the i-th one.
        width: Bits of a code, at most `CODE_BITS`. Bit i is bit i % width of code i // width.
        codes: Codes to return, at least ceil(M / width); unused bits are 0.

    Returns:
        `[..., codes]` float32, whole numbers.
    """
    rotation = tf.convert_to_tensor(rotation)
    # [..., D] x [D, M] -> [..., M]
    bits = tf.cast(tf.matmul(tf.stop_gradient(x), rotation) > 0, tf.float32)
    bit = np.arange(rotation.shape[1])
    powers = np.zeros([rotation.shape[1], codes], np.float32)
    powers[bit, bit // width] = 2.0 ** (bit % width)
    # Sums of powers of two, which any precision of matrix multiplication keeps exact.
    return tf.matmul(bits, tf.constant(powers))

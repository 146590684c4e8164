"""SimHash for inner products: bits whose agreement tells how large the product of two vectors is."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from lifelong.models.layers.checks import (
    check_floating,
    check_measure,
    check_positive,
    check_seed,
    check_shapes,
    last_size,
)
from lifelong.models.layers.sim_hash import SimHash

keras: Any = tf.keras


@keras.utils.register_keras_serializable(package="lifelong")
class NormAugmentedSimHash(keras.layers.Layer):
    """Hashes events and candidates so that a large inner product means few differing bits.

    `SimHash` tells angles: it cannot prefer the longer of two events in the same direction. Here
    one more coordinate makes all events x equally long, U, and is 0 for candidates q:

        event [x ; sqrt(U^2 - |x|^2)], candidate [q ; 0]

    Then the cosine of the two is x . q / (U |q|), which orders a candidate's events as the inner
    product does. (The article divides by U and by |q|, which changes no sign.)

    Args:
        bits: Bits M of a signature, at least 1.
        seed: Seed of the random directions.
        max_norm: U until `set_max_norm` sets another one; positive.
        **kwargs: Of `keras.layers.Layer`. `dtype` has no effect, as in `SimHash`.

    Call:
        x: `[..., D]` floating point, D static. Events longer than U are hashed as if they were
            shortened to U.
        candidates: Whether x are candidates; events by default.

    Returns:
        `[..., W]` int64, as of `SimHash`.

    Raises:
        ValueError: If a constructor argument is not usable, x is not floating point, or its last
            dimension is unknown.

    Example:
        >>> hashed = NormAugmentedSimHash(bits=64)
        >>> events = tf.constant([[3.0, 0.0], [0.3, 0.0]])
        >>> hashed.set_max_norm(events)
        >>> signatures = hashed.hash_events(events)
        >>> candidate = hashed.hash_candidates(tf.constant([[1.0, 0.1]]))
        >>> differing = tf.raw_ops.PopulationCount(x=tf.bitwise.bitwise_xor(signatures, candidate))
        >>> bool(differing[0, 0] < differing[1, 0])
        True

    References:
        - [On Symmetric and Asymmetric LSHs for Inner Product Search](https://arxiv.org/abs/1410.5518),
          the section on simple-LSH.
        - [Asymmetric LSH (ALSH)](https://arxiv.org/abs/1405.5869), with which
          [SIM](https://arxiv.org/abs/2006.05639), section "General Search Unit", searches.
    """

    def __init__(self, bits: int, seed: int = 0, max_norm: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "dtype": "float32"})
        check_positive("NormAugmentedSimHash", bits=bits)
        check_seed("NormAugmentedSimHash", seed)
        check_measure("NormAugmentedSimHash", max_norm=max_norm)
        self.simhash = SimHash(bits, seed=seed, name="simhash")
        self.bits = bits
        self.seed = seed
        self.max_norm = float(max_norm)

    @property
    def words(self) -> int:
        """int64 words W of a signature."""
        return self.simhash.words

    def build(self, input_shape: Any) -> None:
        """Draws the random directions and creates U: both are saved with the model."""
        size = last_size("NormAugmentedSimHash", "x", input_shape, "... D")
        self.simhash.build((*input_shape[:-1], size + 1))
        self.norm_bound = self.add_weight(
            name="norm_bound",
            shape=(),
            initializer=keras.initializers.Constant(self.max_norm),
            trainable=False,
        )
        self.built = True

    def call(self, x: tf.Tensor, candidates: bool = False) -> tf.Tensor:
        """Hashes events, or candidates."""
        check_floating("NormAugmentedSimHash", x=x)
        check_shapes("NormAugmentedSimHash", {"x": (x, "... D")}, self._sizes())
        x = tf.cast(x, tf.float32)
        # [..., 1]
        square = tf.reduce_sum(tf.square(x), axis=-1, keepdims=True)
        if candidates:
            rest = tf.zeros_like(square)
        else:
            # Of events longer than U nothing is left, as if they were U long: signs tell no scale.
            bound = tf.convert_to_tensor(self.norm_bound)
            rest = tf.sqrt(tf.maximum(tf.square(bound) - square, 0.0))
        # [..., D + 1] -> [..., W]
        return self.simhash(tf.concat([x, rest], axis=-1))

    def hash_events(self, x: tf.Tensor) -> tf.Tensor:
        """Hashes events, `[..., D]` -> `[..., W]` int64."""
        return self(x)

    def hash_candidates(self, q: tf.Tensor) -> tf.Tensor:
        """Hashes candidates, `[..., D]` -> `[..., W]` int64."""
        return self(q, candidates=True)

    def set_max_norm(self, vectors: tf.Tensor) -> None:
        """Sets U to the largest norm of vectors, such as an embedding table's.

        Signatures made before do not fit those made after it.

        Args:
            vectors: `[..., D]` floating point, all that will be hashed as events, at least one.

        Raises:
            ValueError: If there is no vector, or they are not floating point.
        """
        vectors = tf.convert_to_tensor(vectors)
        check_floating("NormAugmentedSimHash", vectors=vectors)
        if 0 in vectors.shape:
            raise ValueError(
                f"NormAugmentedSimHash: `vectors` has shape {tuple(vectors.shape)}; expected at "
                f"least one vector"
            )
        if not self.built:
            self.build(vectors.shape)
        check_shapes("NormAugmentedSimHash", {"vectors": (vectors, "... D")}, self._sizes())
        self.norm_bound.assign(tf.reduce_max(tf.norm(tf.cast(vectors, tf.float32), axis=-1)))

    def _sizes(self) -> dict[str, int]:
        """Returns the sizes that the weights were made for."""
        return {"D": self.simhash.rotation.shape[0] - 1}

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "bits": self.bits,
            "seed": self.seed,
            "max_norm": self.max_norm,
        }

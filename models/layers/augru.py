"""AUGRU: a GRU whose update gate follows a candidate's attention."""

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
from lifelong.models.layers.layer_of_tensors import LayerOfTensors
from lifelong.models.layers.masks import clear_masked
from lifelong.models.layers.steps import by_step

keras: Any = tf.keras


@keras.utils.register_keras_serializable(package="lifelong")
class AUGRU(LayerOfTensors):
    """Evolves the interest in each candidate along one sequence of interest states.

    With x_t the state and a_t the candidate's attention to it:

        u_t = a_t * sigmoid(x_t W_u + h U_u + b_u)
        r_t = sigmoid(x_t W_r + h U_r + b_r)
        c_t = tanh(x_t W_c + r_t * (h U_c) + b_c)
        h <- (1 - u_t) * h + u_t * c_t

    A state without attention leaves h as it is. All candidates of a request share its states:
    x_t W + b is computed once per request, and nothing of size N x S x D is made.

    Args:
        units: Size U of the result.
        **kwargs: Of `keras.layers.Layer`.

    Call:
        states: `[B, S, D]` floating point, oldest first. Masked ones may hold anything.
        attention: `[B, N, S]` floating point in 0..1, each candidate's attention to the states.
        state_mask: `[B, S]` bool, True for valid states; all of them by default. Masked ones are
            passed over, wherever they are.

    Returns:
        `[B, N, U]`, h after the last state; zeros for a request without valid states.

    Raises:
        ValueError: If a shape or type is not as above, D is unknown, or `units` is not usable.

    Example:
        >>> states, attention = tf.ones([2, 5, 6]), tf.fill([2, 3, 5], 0.2)
        >>> AUGRU(units=4)(states, attention, tf.ones([2, 5], tf.bool)).shape
        TensorShape([2, 3, 4])

    References:
        [DIEN](https://arxiv.org/abs/1809.03672), section "Interest Evolving Layer".
    """

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_positive("AUGRU", units=units)
        self.units = units

    def build(self, input_shape: Any) -> None:
        """Creates the weights for the size D; columns are update, reset and candidate."""
        size = last_size("AUGRU", "states", input_shape[0], "B S D")
        # [D, 3 U], [U, 3 U] and [3 U]
        self.kernel = self.add_weight(
            name="kernel", shape=(size, 3 * self.units), initializer="glorot_uniform"
        )
        self.recurrent_kernel = self.add_weight(
            name="recurrent_kernel", shape=(self.units, 3 * self.units), initializer="orthogonal"
        )
        self.bias = self.add_weight(name="bias", shape=(3 * self.units,), initializer="zeros")
        self.built = True

    def compute(
        self,
        states: tf.Tensor,
        attention: tf.Tensor,
        state_mask: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Evolves; see the class."""
        check_floating("AUGRU", states=states, attention=attention)
        check_dtype("AUGRU", "state_mask", state_mask, tf.bool)
        check_shapes(
            "AUGRU",
            {
                "states": (states, "B S D"),
                "attention": (attention, "B N S"),
                "state_mask": (state_mask, "B S"),
            },
            {"D": self.kernel.shape[0]},
        )
        if state_mask is not None:
            states = clear_masked(states, state_mask)
            nothing = tf.zeros([], attention.dtype)
            attention = tf.where(state_mask[:, tf.newaxis, :], attention, nothing)
        # [B, S, D] x [D, 3 U] -> [S, B, 3 U] -> three of [S, B, U]
        projected = tf.einsum("bsd,dg->sbg", states, tf.convert_to_tensor(self.kernel))
        of_update, of_reset, of_candidate = (
            by_step(part) for part in tf.split(projected + self.bias, 3, axis=-1)
        )
        # [B, N, S] -> [S, N, B, 1]: with the candidates in front, a step's [B, U] is added to
        # [N, B, U] row by row, which is faster than repeating it between two axes.
        attention = tf.transpose(attention, [2, 1, 0])[..., tf.newaxis]
        steps, candidates, rows = (tf.shape(attention)[axis] for axis in range(3))
        weight = by_step(attention)
        # One kernel per gate: splitting a product of all three, and joining its gradient, costs
        # more than the larger product saves.
        kernels = tf.split(tf.convert_to_tensor(self.recurrent_kernel), 3, axis=-1)

        def evolve(step: tf.Tensor, interest: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            # [N B, U] x [U, U], three times
            flat = tf.reshape(interest, [-1, self.units])
            update, reset, candidate = (
                tf.reshape(tf.matmul(flat, kernel), tf.shape(interest)) for kernel in kernels
            )
            update = tf.sigmoid(update + of_update.read(step)) * weight.read(step)
            reset = tf.sigmoid(reset + of_reset.read(step))
            candidate = tf.tanh(reset * candidate + of_candidate.read(step))
            return step + 1, interest + update * (candidate - interest)

        start = tf.zeros([candidates, rows, self.units], states.dtype)
        _, interest = tf.while_loop(lambda step, _: step < steps, evolve, [0, start])
        # [N, B, U] -> [B, N, U]
        return tf.transpose(interest, [1, 0, 2])

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "units": self.units}

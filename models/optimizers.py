"""Optimizers whose steps cost what a batch has read, not what the embedding tables hold."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from lifelong.models.config import OptimizerName

keras: Any = tf.keras


@keras.utils.register_keras_serializable(package="lifelong")
class LazyAdam(keras.optimizers.Adam):
    """Adam that leaves those rows of embedding tables alone that a batch did not read.

    Keras's Adam decays the moments of every row in every step, and moves every row by them: a step
    then reads and writes the whole table and both of its slots. Here, the moments of a row stand
    still while no batch reads it. Variables with dense gradients are trained as Adam has it, and the
    slots are those of Adam, so that checkpoints of either can be gone on from with the other.

    References:
        Kingma, Ba, "Adam: a method for stochastic optimization", ICLR 2015,
        [arXiv 1412.6980](https://arxiv.org/abs/1412.6980); lazy for sparse gradients as
        TensorFlow's and PyTorch's optimizers of that name (`LazyAdam`, `SparseAdam`) have it.
    """

    def update_step(self, gradient: tf.Tensor | tf.IndexedSlices, variable: tf.Variable) -> None:
        """Moves a variable by its gradient, in which no row stands twice."""
        if not isinstance(gradient, tf.IndexedSlices):
            super().update_step(gradient, variable)
            return
        dtype = variable.dtype
        step = tf.cast(self.iterations + 1, dtype)
        beta_1, beta_2 = tf.cast(self.beta_1, dtype), tf.cast(self.beta_2, dtype)
        correction = tf.sqrt(1 - tf.pow(beta_2, step)) / (1 - tf.pow(beta_1, step))
        size = tf.cast(self.learning_rate, dtype) * correction
        index = self._index_dict[self._var_key(variable)]
        rows, values = gradient.indices, gradient.values
        first = self._decay(self._momentums[index], rows, values, beta_1)
        second = self._decay(self._velocities[index], rows, tf.square(values), beta_2)
        change = size * first / (tf.sqrt(second) + self.epsilon)
        variable.scatter_sub(tf.IndexedSlices(change, rows))

    @staticmethod
    def _decay(
        moment: tf.Variable, rows: tf.Tensor, values: tf.Tensor, beta: tf.Tensor
    ) -> tf.Tensor:
        """Updates the rows of a moment; returns them."""
        updated = beta * tf.gather(moment, rows) + (1 - beta) * values
        moment.scatter_update(tf.IndexedSlices(updated, rows))
        return updated


def make_optimizer(name: OptimizerName, learning_rate: float) -> Any:
    """Makes the optimizer that a configuration names.

    Args:
        name: `adam` is Keras's, whose steps cost what the tables hold; `lazy_adam` is `LazyAdam`;
            `adagrad` is Keras's, which touches the rows read alone as well.
        learning_rate: Step size.
    """
    return _OPTIMIZERS[name](learning_rate)


_OPTIMIZERS: dict[OptimizerName, Any] = {
    "adam": keras.optimizers.Adam,
    "lazy_adam": LazyAdam,
    "adagrad": keras.optimizers.Adagrad,
}

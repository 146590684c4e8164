"""Optimizers whose steps cost what a batch has read, not what the embedding tables hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from lifelong.models.config import OptimizerName

keras: Any = tf.keras

# What Keras's `Embedding` calls its table.
_TABLE_NAME = "embeddings"


@keras.utils.register_keras_serializable(package="lifelong")
class LazyAdam(keras.optimizers.Adam):
    """Adam that reads and writes only those rows of embedding tables that a batch has read.

    Keras's Adam decays both moments of every row in every step and moves every row by them: a step
    costs what the tables hold. Here, a row stands still until a batch reads it. Then its second
    moment decays by all steps since it was last read, as Adam would have decayed it: rare rows take
    as large steps as Adam's. (Were it to decay by one step a reading, these steps would be too
    small.) Tables have no first moment: for a row that is read now and then, all that it does is to
    deliver a movement over the ten steps after it, in most of which nobody reads the row. And the
    numbers of a row share their second moment, so that a table's slots are two numbers a row.

    Weight decay, where asked for, touches the rows that a step reads. Averages (`use_ema`) and
    `amsgrad` are of what is no embedding table.

    Args:
        *args: Of `keras.optimizers.Adam`.
        jit_compile: Whether XLA compiles the step, anew for each number of rows that a batch reads.
        **kwargs: Of `keras.optimizers.Adam`.

    References:
        - Kingma, Ba, "Adam: a method for stochastic optimization", ICLR 2015,
          [arXiv 1412.6980](https://arxiv.org/abs/1412.6980).
        - One second moment a row: [Adafactor](https://arxiv.org/abs/1804.04235) has one a row and
          one a column; TorchRec's `PARTIAL_ROWWISE_ADAM` has one a row.
    """

    def __init__(self, *args: Any, jit_compile: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, jit_compile=jit_compile, **kwargs)

    def build(self, var_list: Sequence[tf.Variable]) -> None:
        """Creates the slots: Adam's, and of each embedding table two numbers a row."""
        if getattr(self, "_built", False):
            return
        super().build([variable for variable in var_list if not _is_table(variable)])
        tables = [variable for variable in var_list if _is_table(variable)]
        self._mean_squares = [
            self.add_variable_from_reference(table, "mean_square", shape=[table.shape[0], 1])
            for table in tables
        ]
        self._last_steps = [
            self.add_variable([table.shape[0]], tf.int64, name=f"last_step/{table._shared_name}")
            for table in tables
        ]
        self._index_dict.update({self._var_key(table): i for i, table in enumerate(tables)})

    def update_step(self, gradient: tf.Tensor | tf.IndexedSlices, variable: tf.Variable) -> None:
        """Moves a variable by its gradient, in which no row stands twice."""
        if not _is_table(variable):
            super().update_step(gradient, variable)
            return
        if not isinstance(gradient, tf.IndexedSlices):
            gradient = tf.IndexedSlices(gradient, tf.range(variable.shape[0]))
        dtype, rows = variable.dtype, gradient.indices
        index = self._index_dict[self._var_key(variable)]
        steps = self._steps_since(self._last_steps[index], rows, dtype)
        rate, beta = tf.cast(self.learning_rate, dtype), tf.cast(self.beta_2, dtype)
        # [rows read, 1]
        slot = self._mean_squares[index]
        mean_square = tf.pow(beta, steps) * tf.gather(slot, rows)
        mean_square += (1 - beta) * tf.reduce_mean(
            tf.square(gradient.values), axis=1, keepdims=True
        )
        slot.scatter_update(tf.IndexedSlices(mean_square, rows))
        # Both began with 0.
        rate_now = rate * tf.sqrt(1 - tf.pow(beta, tf.cast(self.iterations + 1, dtype)))
        change = rate_now * gradient.values / (tf.sqrt(mean_square) + self.epsilon)
        if self.weight_decay is not None and self._use_weight_decay(variable):
            change += rate * tf.cast(self.weight_decay, dtype) * tf.gather(variable, rows)
        variable.scatter_sub(tf.IndexedSlices(change, rows))

    def _steps_since(self, last: tf.Variable, rows: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
        """Returns the steps since rows were read, this one included, `[rows read, 1]`; notes it."""
        now = self.iterations + 1
        steps = now - tf.gather(last, rows)
        last.scatter_update(tf.IndexedSlices(tf.fill(tf.shape(rows), now), rows))
        return tf.cast(steps, dtype)[:, tf.newaxis]

    # What Keras does to all rows of all variables is done to what is no table.

    def _apply_weight_decay(self, variables: Sequence[tf.Variable]) -> None:
        super()._apply_weight_decay(_without_tables(variables))

    def _update_model_variables_moving_average(self, var_list: Sequence[tf.Variable]) -> None:
        super()._update_model_variables_moving_average(_without_tables(var_list))

    def _overwrite_model_variables_with_average_value(
        self, var_list: Sequence[tf.Variable]
    ) -> None:
        super()._overwrite_model_variables_with_average_value(_without_tables(var_list))


def make_optimizer(name: OptimizerName, learning_rate: float) -> Any:
    """Makes the optimizer that a configuration names.

    Args:
        name: `lazy_adam` is `LazyAdam`; `adam` is Keras's, whose steps cost what the tables hold;
            `adagrad` is Keras's, which touches the rows read alone as well.
        learning_rate: Step size.
    """
    return _OPTIMIZERS[name](learning_rate)


def _is_table(variable: tf.Variable) -> bool:
    return variable.name.rpartition("/")[-1].partition(":")[0] == _TABLE_NAME


def _without_tables(variables: Sequence[tf.Variable]) -> list[tf.Variable]:
    return [variable for variable in variables if not _is_table(variable)]


_OPTIMIZERS: dict[OptimizerName, Any] = {
    "lazy_adam": LazyAdam,
    "adam": keras.optimizers.Adam,
    "adagrad": keras.optimizers.Adagrad,
}

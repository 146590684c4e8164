"""Recurrent layers' sequences, step by step, and the step of a GRU."""

from __future__ import annotations

import tensorflow as tf


def by_step(values: tf.Tensor) -> tf.TensorArray:
    """Cuts `[S, ...]` into steps. Unlike that of a slice, a step's gradient has no zeros around."""
    array = tf.TensorArray(values.dtype, tf.shape(values)[0], element_shape=values.shape[1:])
    return array.unstack(values)


def gru_step(inputs: tf.Tensor, state: tf.Tensor, kernel: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    """Returns the next state of a GRU, towards which the state goes by a share of the way.

    Args:
        inputs: `[..., 3 U]`, projected: update, reset and candidate.
        state: `[..., U]`.
        kernel: `[U, 3 U]`, of the state.
        share: `[..., 1]`; where it is 0, the state stays as it is.
    """
    units = state.shape[-1]
    gates, candidate = tf.split(inputs, [2 * units, units], axis=-1)
    of_gates, of_candidate = tf.split(project(state, kernel), [2 * units, units], axis=-1)
    update, reset = tf.split(tf.sigmoid(gates + of_gates), 2, axis=-1)
    candidate = tf.tanh(candidate + reset * of_candidate)
    return state + share * update * (candidate - state)


def project(values: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Multiplies vectors by a matrix: `[..., D] x [D, G] -> [..., G]`."""
    flat = tf.matmul(tf.reshape(values, [-1, kernel.shape[0]]), kernel)
    return tf.reshape(flat, tf.concat([tf.shape(values)[:-1], [kernel.shape[1]]], axis=0))

"""The layers of `layer_cases` called alone and as graphs, once for all tests that compare them."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from tests.models.layers.layer_cases import BATCHES, CASES, POLICIES

IS_KERAS_3 = tf.keras.layers.Layer.__module__.startswith("keras.")
# All calls there are: a layer, a policy and whether a mask is given
CALLS = [
    (name, policy, masked)
    for name, case in CASES.items()
    for policy in POLICIES
    for masked in ((True, False) if case.has_optional_mask else (True,))
]
every_call = pytest.mark.parametrize(("name", "policy", "masked"), CALLS)
# Without those that differ from another one in a single way that others show: for what is slow. The
# layers' own operations are the same under both versions of Keras, so that one shows the precisions.
FEWER_CALLS = [
    call
    for call in CALLS
    if call[1] == "float32" or (call[1:] == ("mixed_float16", True) and not IS_KERAS_3)
]

# How far the values of one precision may differ
SAME = {"float32": 1e-5, "mixed_float16": 4e-3, "mixed_bfloat16": 3e-2}


@functools.cache
def built(name, policy):
    return CASES[name].build(policy)


@functools.cache
def eager(name, policy, masked, batch):
    case = CASES[name]
    return case(built(name, policy), case.draw(BATCHES[batch], masked))


@functools.cache
def traced(name, policy, masked):
    """The layer as a graph for batches of any size."""
    case, layer = CASES[name], built(name, policy)
    function = tf.function(
        lambda *tensors: case(layer, tensors),
        input_signature=[argument.spec for argument in case.taken(masked)],
        autograph=False,
    )
    function.get_concrete_function()
    return function


def assert_same(outputs, expected, tolerance, message=""):
    """Asserts that outputs have the shapes, types and values of others, which are finite."""
    for output, value in zip(outputs, expected, strict=True):
        assert output.shape == value.shape, message
        assert output.dtype == value.dtype, message
        if value.dtype.is_floating:
            output, value = (tf.cast(tensor, tf.float32).numpy() for tensor in (output, value))
            assert np.isfinite(value).all(), message
            np.testing.assert_allclose(output, value, tolerance, tolerance, err_msg=message)
        else:
            np.testing.assert_array_equal(output, value, message)

import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.layers import HardSearch, InnerProductSearch, TargetAttention
from lifelong.models.layers.layer_of_tensors import LayerOfTensors, one_tuple

keras = tf.keras


class Weighted(LayerOfTensors):
    """Sums `x` and `y` times a weight of the size of `y`, where they are valid."""

    def build(self, input_shape):
        self.shapes = [tuple(shape) for shape in input_shape]
        self.weight = self.add_weight(name="weight", shape=input_shape[1][-1:], initializer="ones")
        self.built = True

    def call(self, inputs, negative=False):
        return self.compute(*inputs, negative=negative)

    def compute(self, x, y, mask=None, *, negative=False):
        total = x + y * tf.cast(self.weight, y.dtype)
        if mask is not None:
            total = tf.where(mask, total, tf.zeros([], total.dtype))
        return -total if negative else total


X, Y, MASK = np.float32([[1, 2]]), np.float32([[10, 20]]), np.array([[True, False]])


@pytest.mark.parametrize(
    ("tensors", "named"),
    [
        ((X, Y, MASK), {}),
        ((X, Y), {"mask": MASK}),
        ((X,), {"mask": MASK, "y": Y}),
        ((), {"mask": MASK, "x": X, "y": Y}),
        (((X, Y, MASK),), {}),
        (([X, Y, MASK],), {}),
        ((X.tolist(), Y.tolist(), MASK.tolist()), {}),
    ],
)
def test_tensors_by_position_by_name_and_as_one(tensors, named):
    layer = Weighted()
    assert layer(*tensors, **named).numpy().tolist() == [[11, 0]]
    assert layer(*tensors, **named, negative=True).numpy().tolist() == [[-11, 0]]
    assert layer.shapes == [(1, 2)] * 3


def test_the_last_may_be_left_out():
    for tensors in ((X, Y), (X, Y, None), ((X, Y),)):
        assert Weighted()(*tensors).numpy().tolist() == [[11, 22]]


def test_all_are_cast_to_the_precision_of_the_layer():
    layer = Weighted(dtype="mixed_float16")
    assert layer(X, y=Y).dtype == tf.float16


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="Weighted: `y` is missing; expected `x`, `y` and opt"):
        Weighted()(X, mask=MASK)
    with pytest.raises(ValueError, match="Weighted: got 4 tensors; expected `x`, `y`, `mask`"):
        Weighted()((X, Y, MASK, X))
    with pytest.raises(TypeError, match="too many positional arguments"):
        Weighted()(X, Y, MASK, X)
    with pytest.raises(TypeError, match="multiple values for argument 'y'"):
        Weighted()(X, Y, y=Y)


def test_tensors_of_a_call_become_one_tuple():
    assert one_tuple("Layer", 1, {"a": 1, "b": None, "c": None}) == (1,)
    assert one_tuple("Layer", 1, {"a": [1, 2], "b": None, "c": None}) == (1, 2)
    assert one_tuple("Layer", 2, {"a": 1, "b": 2, "c": 3}) == (1, 2, 3)
    with pytest.raises(ValueError, match="Layer: `b` is missing; expected `a`, `b` and optionally"):
        one_tuple("Layer", 2, {"a": 1, "b": None, "c": 3})
    with pytest.raises(ValueError, match="Layer: `b` is missing"):
        one_tuple("Layer", 1, {"a": 1, "b": None, "c": 3})
    with pytest.raises(ValueError, match="Layer: got 3 tensors; expected `a`, `b`"):
        one_tuple("Layer", 1, {"a": (1, 2, 3), "b": None})


def test_lists_of_numbers_are_tensors():
    found = HardSearch(k=2)([[7, 9]], [[7, 8, 9, 7, 7]])
    assert found.position.numpy().tolist() == [[[0, 3], [2, 0]]]


@pytest.mark.parametrize(
    "layer", [InnerProductSearch(k=3), TargetAttention()], ids=lambda layer: type(layer).__name__
)
def test_a_mask_that_keras_passes_along_is_not_read(layer):
    embedding = keras.layers.Embedding(5, 3, mask_zero=True)
    query, history = embedding(tf.constant([[1, 2]])), embedding(tf.constant([[3, 0, 4]]))
    assert getattr(history, "_keras_mask", None) is not None
    outputs = layer(query, history)
    expected = layer(query, tf.identity(history), tf.ones([1, 3], tf.bool))
    for output, value in zip(tf.nest.flatten(outputs), tf.nest.flatten(expected), strict=True):
        np.testing.assert_array_equal(output, value)

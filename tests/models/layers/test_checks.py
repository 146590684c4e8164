import pytest
import tensorflow as tf

from lifelong.models.layers.checks import (
    check_dtype,
    check_positive,
    check_shapes,
    last_size,
)


def test_a_wrong_rank_names_argument_shape_and_expectation():
    with pytest.raises(ValueError, match=r"Layer: `x` has shape \(2, 3\); expected \[B, N, D\]"):
        check_shapes("Layer", {"x": (tf.zeros([2, 3]), "B N D")})


def test_a_size_that_differs_names_the_argument_it_must_agree_with():
    arguments = {"x": (tf.zeros([2, 3]), "B N"), "y": (tf.zeros([2, 4]), "B N")}
    with pytest.raises(ValueError, match=r"`y` has shape \(2, 4\).*\[B, N\] with N = 3 as in `x`"):
        check_shapes("Layer", arguments)


def test_unknown_sizes_and_missing_arguments_pass():
    @tf.function(input_signature=[tf.TensorSpec([None, 3]), tf.TensorSpec([2, None])])
    def traced(x, y):
        check_shapes("Layer", {"x": (x, "B N"), "y": (y, "B N"), "z": (None, "B")})
        return x + y

    assert traced(tf.zeros([2, 3]), tf.zeros([2, 3])).shape == (2, 3)


def test_dtype():
    check_dtype("Layer", "x", tf.zeros([1]), tf.float16, tf.float32)
    check_dtype("Layer", "x", None, tf.bool)
    with pytest.raises(ValueError, match=r"`x` of shape \(1,\) has dtype float32; expected bool"):
        check_dtype("Layer", "x", tf.zeros([1]), tf.bool)


@pytest.mark.parametrize("value", [0, -1, 1.5, True, None, "3"])
def test_only_counts_are_positive_integers(value):
    with pytest.raises(ValueError, match=r"Layer: `k` is .*at least 1"):
        check_positive("Layer", k=value)


def test_leading_dimensions_may_be_any_and_weights_have_sizes_too():
    check_shapes("Layer", {"x": (tf.zeros([2, 5, 3]), "... D")}, {"D": 3})
    check_shapes("Layer", {"x": (tf.zeros([3]), "... D")}, {"D": 3})
    with pytest.raises(
        ValueError, match=r"`x` has shape \(2, 4\); .* D = 3 as in the layer's weig"
    ):
        check_shapes("Layer", {"x": (tf.zeros([2, 4]), "... D")}, {"D": 3})
    with pytest.raises(ValueError, match=r"`x` has shape \(\); expected \[\.\.\., D\]"):
        check_shapes("Layer", {"x": (tf.zeros([]), "... D")})


def test_last_size():
    assert last_size("Layer", "x", tf.TensorShape([None, 3]), "B D") == 3
    assert last_size("Layer", "x", (3,), "... D") == 3
    for shape in ((None, None), (2, 3, 4), ()):
        with pytest.raises(ValueError, match=r"Layer: `x` has shape .*\[B, D\] with a known D"):
            last_size("Layer", "x", shape, "B D")
    with pytest.raises(ValueError, match=r"`x` has shape unknown; expected .* with a known D"):
        last_size("Layer", "x", tf.TensorShape(None), "... D")

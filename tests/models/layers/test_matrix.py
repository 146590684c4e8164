"""Every layer, in all precisions, with and without a mask, eager and traced, for batches of all sizes."""

import inspect
import json

import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.layers import ExactSearchUnit, TargetAttention
from lifelong.models.layers.layer_of_tensors import LayerOfTensors
from tests.models.layers.layer_calls import (
    SAME,
    assert_same,
    built,
    eager,
    every_call,
    traced,
)
from tests.models.layers.layer_cases import BATCHES, CASES, POLICIES, dynamic_shape

# How far values in half precision may be from those in float32
NEAR = {"mixed_float16": 0.02, "mixed_bfloat16": 0.15}
# What padding may hold: also what is not finite, or not in 16 bits
GARBAGE = (-1e5, 1e30, np.inf, -np.inf, np.nan)
# These do not mask events in full precision, which would cost them up to a third of their time.
FINITE_GARBAGE_ONLY = (ExactSearchUnit, TargetAttention)

every_case = pytest.mark.parametrize("name", CASES)
every_policy = pytest.mark.parametrize("policy", POLICIES)
HIDING = [
    name
    for name, case in CASES.items()
    if any(places is not None for places in case.hidden(case.draw(BATCHES["one candidate"])))
]


def with_garbage(tensors, hidden, garbage):
    """Puts garbage where places are hidden; the extremes of the type where it is an integer."""
    changed = list(tensors)
    for index, (tensor, places) in enumerate(zip(tensors, hidden, strict=True)):
        if places is not None:
            value = garbage
            if tensor.dtype.is_integer:
                value = {np.inf: tensor.dtype.max, -np.inf: tensor.dtype.min}.get(garbage, -1)
            changed[index] = tf.where(places, tf.constant(value, tensor.dtype), tensor)
    return changed


@every_call
def test_shapes_are_those_of_the_docstring(name, policy, masked):
    for batch, sizes in BATCHES.items():
        outputs = eager(name, policy, masked, batch)
        expected = [sizes.shape(dimensions) for dimensions in CASES[name].outputs]
        assert [output.shape for output in outputs] == expected, batch


@every_call
def test_a_graph_of_unknown_sizes(name, policy, masked):
    case, graph = CASES[name], traced(name, policy, masked)
    known = [output.shape.as_list() for output in graph.get_concrete_function().outputs]
    assert known == [dynamic_shape(dimensions) for dimensions in case.outputs]
    for batch, sizes in BATCHES.items():
        outputs = graph(*case.draw(sizes, masked))
        assert_same(outputs, eager(name, policy, masked, batch), SAME[policy], batch)


@every_case
@pytest.mark.parametrize("batch", ["500 candidates", "empty history"])
def test_a_graph_of_known_sizes(name, batch):
    case, layer = CASES[name], built(name, "float32")
    tensors = case.draw(BATCHES[batch])
    graph = tf.function(lambda *tensors: case(layer, tensors), autograph=False)
    outputs = graph(*tensors)
    known = [output.shape for output in graph.get_concrete_function(*tensors).outputs]
    assert known == [BATCHES[batch].shape(dimensions) for dimensions in case.outputs]
    assert_same(outputs, eager(name, "float32", True, batch), SAME["float32"])


@every_case
@pytest.mark.parametrize("policy", POLICIES[1:])
def test_half_precision_is_near_full_precision(name, policy):
    for batch in BATCHES:
        expected = eager(name, "float32", True, batch)
        outputs = eager(name, policy, True, batch)
        outputs = [tf.cast(o, value.dtype) for o, value in zip(outputs, expected, strict=True)]
        assert_same(outputs, expected, NEAR[policy], batch)
    assert {tf.as_dtype(weight.dtype) for weight in built(name, policy).weights} <= {tf.float32}


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.has_optional_mask])
def test_without_a_mask_every_place_is_valid(name):
    for batch, sizes in BATCHES.items():
        tensors = CASES[name].draw(sizes)
        tensors[-1] = tf.ones_like(tensors[-1])
        outputs = CASES[name](built(name, "float32"), tensors)
        assert_same(outputs, eager(name, "float32", False, batch), 1e-6, batch)


@every_policy
@pytest.mark.parametrize("name", HIDING)
def test_what_is_masked_changes_nothing(name, policy):
    case = CASES[name]
    for batch in ("one candidate", "500 candidates", "fewer events than K"):
        tensors, expected = case.draw(BATCHES[batch]), eager(name, policy, True, batch)
        for garbage in GARBAGE:
            if case.layer in FINITE_GARBAGE_ONLY and not np.isfinite(garbage):
                continue
            changed = with_garbage(tensors, case.hidden(tensors), garbage)
            outputs = case(built(name, policy), changed)
            assert_same(outputs, expected, 0.0, f"{batch}, {garbage}")
            outputs = traced(name, policy, True)(*changed)
            assert_same(outputs, expected, SAME[policy], f"{batch}, {garbage}")


@every_policy
@every_case
def test_gradients_are_finite_and_none_reaches_what_is_masked(name, policy):
    case, layer = CASES[name], built(name, policy)
    for batch in ("one candidate", "empty history"):
        tensors = case.draw(BATCHES[batch])
        hidden = case.hidden(tensors)
        tensors = with_garbage(tensors, hidden, 1e30)
        floats = [index for index, tensor in enumerate(tensors) if tensor.dtype.is_floating]
        with tf.GradientTape() as tape:
            tape.watch([tensors[index] for index in floats])
            outputs = [tf.cast(output, tf.float32) for output in case(layer, tensors)]
            total = sum(tf.reduce_sum(output**2) for output in outputs)
        sources = [*(tensors[index] for index in floats), *layer.trainable_variables]
        places = [*(hidden[index] for index in floats), *[None] * len(layer.trainable_variables)]
        for gradient, masked in zip(tape.gradient(total, sources), places, strict=True):
            if gradient is not None:
                gradient = tf.convert_to_tensor(gradient).numpy()
                assert np.isfinite(gradient).all(), batch
                assert masked is None or not np.any(gradient * masked), batch


@every_case
def test_arguments_may_be_named_or_one_structure(name):
    case, layer = CASES[name], built(name, "float32")
    tensors, expected = (
        case.draw(BATCHES["500 candidates"]),
        eager(name, "float32", True, "500 candidates"),
    )
    named = {a.name: tensor for a, tensor in zip(case.arguments, tensors, strict=True)}
    first = named.pop(case.arguments[0].name)
    assert_same(tf.nest.flatten(layer(first, **named, **case.options)), expected, 0.0)
    if isinstance(layer, LayerOfTensors):
        assert_same(
            tf.nest.flatten(layer(**{case.arguments[0].name: first}, **named, **case.options)),
            expected,
            0.0,
        )
        for structure in (tuple(tensors), list(tensors)):
            assert_same(tf.nest.flatten(layer(structure, **case.options)), expected, 0.0)
    arrays = [tensor.numpy() for tensor in tensors]
    assert_same(case(layer, arrays), expected, 0.0)


@every_case
@every_policy
def test_config_gives_the_same_layer(name, policy):
    case, layer = CASES[name], built(name, policy)
    config = layer.get_config()
    own = set(inspect.signature(case.layer.__init__).parameters) - {"self", "kwargs"}
    assert own <= set(config)
    for argument, value in case.make.keywords.items():
        assert json.loads(json.dumps(config[argument])) == json.loads(json.dumps(value))
    again = case.layer.from_config(json.loads(json.dumps(config)))
    assert again.get_config() == config
    case(again, case.draw(BATCHES["one candidate"]))
    again.set_weights(layer.get_weights())
    outputs = case(again, case.draw(BATCHES["500 candidates"]))
    assert_same(outputs, eager(name, policy, True, "500 candidates"), 0.0)

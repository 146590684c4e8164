"""Bad arguments of any layer, eager, in a graph and in a functional model: errors that say what to mend."""

import inspect

import pytest
import tensorflow as tf

from lifelong.models.layers import (
    AUGRU,
    ExactSearchUnit,
    HammingSearch,
    HardSearch,
    HashBucketAttention,
    HistoryEvidence,
    InnerProductSearch,
    InterestExtractor,
    InterestMemory,
    NeighborSearch,
    NormAugmentedSimHash,
    SimHash,
    TargetAttention,
    TimeGapEmbedding,
)
from lifelong.models.layers.layer_of_tensors import LayerOfTensors
from tests.models.layers.layer_cases import CASES, Batch

keras = tf.keras

# No two dimensions of this size are equal.
SIZES = Batch(2, 3, 5)
# Layers that hash or embed whatever is in the last axis
ANY_RANK = (NormAugmentedSimHash, SimHash, TimeGapEmbedding)
OTHER_DTYPE = {tf.float32: tf.int64, tf.int64: tf.float32, tf.bool: tf.int32}


def eager(layer, specs, options):
    layer(*(tf.zeros(spec.shape, spec.dtype) for spec in specs), **options)


def graph(layer, specs, options):
    call = tf.function(lambda *tensors: layer(*tensors, **options), autograph=False)
    call.get_concrete_function(*specs)


def functional(layer, specs, options):
    layer(*(keras.Input(spec.shape[1:], dtype=spec.dtype.name) for spec in specs), **options)


every_mode = pytest.mark.parametrize("mode", [eager, graph, functional])


def specs_of(case):
    return [tf.TensorSpec(SIZES.shape(a.dimensions), a.dtype, a.name) for a in case.arguments]


def bad_tensors(case):
    """Yields specs for a layer, one of which is wrong, and what the error has to say."""
    specs, seen = specs_of(case), set()
    for index, (argument, spec) in enumerate(zip(case.arguments, specs, strict=True)):
        shape, names = spec.shape.as_list(), argument.dimensions.split()
        dtype = OTHER_DTYPE[spec.dtype]
        wrong = [(shape, dtype, f"of shape .* has dtype {dtype.name}; expected ")]
        if case.layer not in ANY_RANK:
            deeper = [*shape[:2], 1, 1, *shape[2:]]
            wrong.append((deeper, spec.dtype, r"has shape .*; expected \[B"))
        for axis, name in enumerate(names):
            if name in seen:
                larger = [size + (place == axis) for place, size in enumerate(shape)]
                wrong.append(
                    (larger, spec.dtype, f"has shape .* with {name} = {shape[axis]} as in ")
                )
        seen |= set(names)
        for shape, dtype, message in wrong:
            changed = [*specs[:index], tf.TensorSpec(shape, dtype), *specs[index + 1 :]]
            yield changed, f"{case.layer.__name__}: `{argument.name}` {message}"


BAD_CALLS = [
    (mode, name, specs, message)
    for name, case in CASES.items()
    for specs, message in bad_tensors(case)
    for mode in (eager, graph, functional)
    # Inputs of a functional model have an unknown B.
    if mode is not functional or "with B = " not in message
]


@pytest.mark.parametrize(("mode", "name", "specs", "message"), BAD_CALLS)
def test_a_wrong_tensor_is_named(mode, name, specs, message):
    with pytest.raises(ValueError, match=message):
        mode(CASES[name].make(), specs, CASES[name].options)


# Of each layer with weights: the arguments on whose last dimension they depend
WEIGHTED = {
    "AUGRU": ["states"],
    "ExactSearchUnit": ["query", "events"],
    "ExactSearchUnit-shared": ["query", "events"],
    "HashBucketAttention": ["query"],
    "InterestExtractor": ["events"],
    "InterestMemory": ["query", "events", "values"],
    "NormAugmentedSimHash": ["x"],
    "SimHash": ["x"],
    "TargetAttention": ["query", "history"],
}
every_weighted = pytest.mark.parametrize(
    ("name", "argument"), [(name, argument) for name in WEIGHTED for argument in WEIGHTED[name]]
)


def with_last_size(case, argument, change):
    specs = specs_of(case)
    (index,) = (place for place, spec in enumerate(specs) if spec.name == argument)
    shape = specs[index].shape.as_list()
    specs[index] = tf.TensorSpec([*shape[:-1], change(shape[-1])], specs[index].dtype, argument)
    return specs


@pytest.mark.parametrize("mode", [graph, functional])
@every_weighted
def test_an_unknown_last_dimension_is_named(name, argument, mode):
    case = CASES[name]
    message = rf"{case.layer.__name__}: `{argument}` has shape .*None\); expected .* with a known D"
    with pytest.raises(ValueError, match=message):
        mode(case.make(), with_last_size(case, argument, lambda size: None), case.options)


@every_mode
@every_weighted
def test_another_size_than_the_weights_have_is_named(name, argument, mode):
    case = CASES[name]
    layer = case.build()
    message = rf"{case.layer.__name__}: `{argument}` has shape .* as in the layer's weights"
    with pytest.raises(ValueError, match=message):
        mode(layer, with_last_size(case, argument, lambda size: size + 1), case.options)


def test_words_must_be_known():
    message = r"HammingSearch: `history_signature` has shape .*expected .* with a known W"
    specs = [tf.TensorSpec([None, None, None], tf.int64)] * 2
    with pytest.raises(ValueError, match=message):
        graph(HammingSearch(1), specs, {})


STRUCTURED = {name: case for name, case in CASES.items() if issubclass(case.layer, LayerOfTensors)}


@pytest.mark.parametrize("name", STRUCTURED)
def test_a_missing_tensor_is_named(name):
    case = STRUCTURED[name]
    owner, tensors = case.layer.__name__, case.draw(SIZES)
    _, *taken = inspect.signature(case.layer.compute).parameters.values()
    taken = [it for it in taken if it.kind is not inspect.Parameter.KEYWORD_ONLY]
    last = sum(it.default is inspect.Parameter.empty for it in taken) - 1
    missing = f"{owner}: `{taken[last].name}` is missing; expected "
    with pytest.raises(ValueError, match=missing):
        case.make()(*tensors[:last], None, *tensors[last + 1 :])
    more = len(taken) + 1
    with pytest.raises(ValueError, match=f"{owner}: got {more} tensors; expected "):
        case.make()((*tensors, *[tensors[-1]] * (more - len(tensors))))
    if last:
        with pytest.raises(ValueError, match=missing):
            case.make()(tuple(tensors[:last]))


def counts(*names):
    return dict.fromkeys(names, (0, -1, 2.0, True, None, "3"))


SEEDS = {"seed": (None, 1.5, True, "1", 2**63)}
SWITCHES = (None, 0, "yes")
MEASURES = (0, -1.0, float("nan"), float("inf"), True, "1", 1j)
SIZE_LISTS = ((), 36, "36", None, (3, 0), (3, 2.5), (True,))

# Of each constructor: arguments that are fine, and values of each argument that are not
CONSTRUCTORS = {
    AUGRU: ({"units": 3}, counts("units")),
    ExactSearchUnit: (
        {"heads": 1, "key_dim": 2},
        counts("heads", "key_dim") | {"value_dim": (0, -1, 2.0, True, "3"), "scale": MEASURES},
    ),
    HammingSearch: ({"k": 3}, counts("k") | dict.fromkeys(("ordered", "jit_compile"), SWITCHES)),
    HardSearch: ({"k": 3}, counts("k")),
    HashBucketAttention: (
        {"hashes": 12, "width": 3},
        counts("hashes", "width") | SEEDS | {"hashes": (0, 13), "width": (0, 25)},
    ),
    HistoryEvidence: ({}, {}),
    InnerProductSearch: ({"k": 3}, counts("k")),
    InterestExtractor: (
        {"units": 3},
        counts("units") | {"context_size": (-1, 1.0, None, True), "hidden": SIZE_LISTS},
    ),
    InterestMemory: (
        {"units": 3},
        counts("units", "slots", "channels") | {"channels": (0, 5, 2.0)},
    ),
    NeighborSearch: ({"k": 3}, counts("k")),
    NormAugmentedSimHash: ({"bits": 64}, counts("bits") | SEEDS | {"max_norm": (*MEASURES, None)}),
    SimHash: ({"bits": 64}, counts("bits") | SEEDS),
    TargetAttention: (
        {},
        {"hidden": SIZE_LISTS, "normalize": SWITCHES, "activation": ("no such", 3, {})},
    ),
    TimeGapEmbedding: (
        {"dim": 2},
        counts("dim", "buckets", "max_gap_seconds")
        | {"buckets": (2, 0, "3", True), "max_gap_seconds": (31, 2**63, 1e9)},
    ),
}


def test_every_argument_of_every_constructor_is_tried():
    assert {case.layer for case in CASES.values()} == set(CONSTRUCTORS)
    for layer, (good, bad) in CONSTRUCTORS.items():
        assert set(inspect.signature(layer.__init__).parameters) == {"self", "kwargs", *bad}
        layer(**good)


@pytest.mark.parametrize(
    ("layer", "argument", "value"),
    [
        pytest.param(layer, argument, value, id=f"{layer.__name__}-{argument}-{value!r}")
        for layer, (_, bad) in CONSTRUCTORS.items()
        for argument, values in bad.items()
        for value in values
    ],
)
def test_a_wrong_constructor_argument_is_named(layer, argument, value):
    good, _ = CONSTRUCTORS[layer]
    # Of a sequence, the element
    message = rf"^{layer.__name__}: `{argument}(\[\d\])?` is .*; expected "
    with pytest.raises(ValueError, match=message) as raised:
        layer(**{**good, argument: value})
    wrong = value if f"`{argument}` is" in str(raised.value) else value[-1]
    assert f" is {wrong!r}; expected " in str(raised.value)

"""Every public layer with the tensors it takes, for the tests that all layers have to pass."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
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

keras = tf.keras

POLICIES = ("float32", "mixed_float16", "mixed_bfloat16")

# Events that a search is asked for.
_K = 5
# Dimensions that a model fixes; those of a batch are B, N and the length of the history: L, S or K.
_FIXED = {"Dv": 3, "D": 6, "Dq": 6, "Dk": 4, "Dz": 4, "W": 2, "M": 4}
_LENGTHS = ("L", "S", "K")


@dataclass(frozen=True)
class Batch:
    """Sizes of a batch."""

    rows: int
    candidates: int
    length: int

    def shape(self, dimensions):
        """Returns the shape of dimensions such as `"B N D"`; a number stands for itself."""
        sizes = _FIXED | dict.fromkeys(_LENGTHS, self.length)
        sizes |= {"B": self.rows, "N": self.candidates, "found": min(_K, self.length)}
        return tuple(sizes[name] if name in sizes else int(name) for name in dimensions.split())


BATCHES = {
    "one candidate": Batch(2, 1, 9),
    "500 candidates": Batch(2, 500, 12),
    "empty history": Batch(2, 3, 0),
    "fewer events than K": Batch(2, 3, 2),
    "no candidate": Batch(2, 0, 3),
    "no request": Batch(0, 2, 3),
}


def dynamic_shape(dimensions):
    """Returns the shape of dimensions while tracing, where a batch's sizes are unknown."""
    batch = ("B", "N", "found", *_LENGTHS)
    return [
        None if name in batch else _FIXED[name] if name in _FIXED else int(name)
        for name in dimensions.split()
    ]


_KINDS = {
    "float": (tf.float32, lambda rng, shape: rng.standard_normal(shape)),
    "share": (tf.float32, lambda rng, shape: rng.random(shape)),
    # Few different ones: matches and ties
    "id": (tf.int64, lambda rng, shape: rng.integers(0, 6, shape)),
    "seconds": (tf.int64, lambda rng, shape: rng.integers(-10, 10**8, shape)),
    "match": (tf.bool, lambda rng, shape: rng.random(shape) < 0.5),
    "mask": (tf.bool, lambda rng, shape: rng.random(shape) < 0.6),
}


@dataclass(frozen=True)
class Argument:
    """A tensor that a layer takes.

    Attributes:
        name: As in the layer's `call`.
        dimensions: As in its docstring.
        kind: What it holds. The one of kind "mask" is optional.
    """

    name: str
    dimensions: str
    kind: str = "float"

    @property
    def dtype(self):
        return _KINDS[self.kind][0]

    @property
    def spec(self):
        """What is known of the tensor while tracing."""
        return tf.TensorSpec(dynamic_shape(self.dimensions), self.dtype, self.name)

    def draw(self, rng, batch):
        value = _KINDS[self.kind][1](rng, batch.shape(self.dimensions))
        value = np.asarray(value, self.dtype.as_numpy_dtype)
        if self.kind == "mask" and len(value) > 1:
            # A request without any event
            value[-1] = False
        return value


@dataclass(frozen=True)
class Case:
    """A layer and how to call it.

    Attributes:
        make: Makes the layer, none of whose arguments has its default; takes Keras's own as well.
        arguments: What it is called with.
        outputs: The dimensions of the tensors that it returns.
        options: What else it is called with.
    """

    make: Callable[..., Any]
    arguments: tuple[Argument, ...]
    outputs: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def layer(self):
        """The class of the layer."""
        return self.make.func

    @property
    def has_optional_mask(self):
        return self.arguments[-1].kind == "mask"

    def taken(self, masked=True):
        """Returns the arguments, without the mask if the call is not to be masked."""
        return self.arguments if masked else self.arguments[:-1]

    def draw(self, batch, masked=True, seed=3):
        """Returns a tensor for each argument."""
        rng = np.random.default_rng(seed)
        return [tf.constant(argument.draw(rng, batch)) for argument in self.taken(masked)]

    def hidden(self, tensors):
        """Marks what the mask hides in each of the tensors; None where it hides nothing."""
        masks = [
            (argument, tensor)
            for argument, tensor in zip(self.arguments, tensors, strict=True)
            if argument.kind in ("mask", "match")
        ]
        places = [None] * len(tensors)
        for mask, valid in masks:
            of_mask = mask.dimensions.split()
            for index, argument in enumerate(self.arguments):
                names = argument.dimensions.split()
                if argument is not mask and set(of_mask) <= set(names):
                    axes = [slice(None) if name in of_mask else np.newaxis for name in names]
                    places[index] = ~np.asarray(valid)[tuple(axes)]
        return places

    def build(self, policy="float32"):
        """Returns the layer with weights that it has neither from an initializer nor a seed."""
        layer = self.make(dtype=policy)
        self(layer, self.draw(BATCHES["one candidate"]))
        rng = np.random.default_rng(5)
        layer.set_weights([rng.normal(0, 0.7, weight.shape) for weight in layer.get_weights()])
        return layer

    def __call__(self, layer, tensors):
        """Calls the layer; returns its outputs in a list."""
        return tf.nest.flatten(layer(*tensors, **self.options))


_FOUND = ("B N found",) * 3
_HISTORY_MASK = Argument("history_mask", "B L", "mask")
_OWN_EVENTS = (
    Argument("query", "B N Dq"),
    Argument("events", "B N K Dz"),
    Argument("event_mask", "B N K", "mask"),
)
CASES = {
    "AUGRU": Case(
        functools.partial(AUGRU, units=3),
        (
            Argument("states", "B S D"),
            Argument("attention", "B N S", "share"),
            Argument("state_mask", "B S", "mask"),
        ),
        ("B N 3",),
    ),
    "ExactSearchUnit": Case(
        functools.partial(ExactSearchUnit, heads=2, key_dim=3, value_dim=5, scale=0.5),
        _OWN_EVENTS,
        ("B N 10",),
    ),
    "ExactSearchUnit-values": Case(
        functools.partial(ExactSearchUnit, heads=2, key_dim=3, value_dim=5),
        (*_OWN_EVENTS, Argument("values", "B N K Dv")),
        ("B N 10",),
    ),
    "ExactSearchUnit-weights": Case(
        functools.partial(ExactSearchUnit, heads=2, key_dim=3),
        _OWN_EVENTS,
        ("B N 8", "B N 2 K"),
        {"return_attention_scores": True},
    ),
    "ExactSearchUnit-shared": Case(
        functools.partial(ExactSearchUnit, heads=2, key_dim=3),
        (
            Argument("query", "B N Dq"),
            Argument("events", "B K Dz"),
            Argument("event_mask", "B K", "mask"),
        ),
        ("B N 8",),
    ),
    "HammingSearch": Case(
        functools.partial(HammingSearch, k=_K, ordered=False, jit_compile=False),
        (
            Argument("candidate_signature", "B N W", "id"),
            Argument("history_signature", "B L W", "id"),
            _HISTORY_MASK,
        ),
        _FOUND,
    ),
    "HardSearch": Case(
        functools.partial(HardSearch, k=_K),
        (
            Argument("candidate_category", "B N", "id"),
            Argument("history_category", "B L", "id"),
            _HISTORY_MASK,
        ),
        _FOUND,
    ),
    "HashBucketAttention": Case(
        functools.partial(HashBucketAttention, hashes=8, width=2, seed=1),
        (
            Argument("query", "B N D"),
            Argument("history", "B L D"),
            Argument("values", "B L Dz"),
            _HISTORY_MASK,
        ),
        ("B N 4",),
    ),
    "InnerProductSearch": Case(
        functools.partial(InnerProductSearch, k=_K),
        (Argument("candidate", "B N D"), Argument("history", "B L D"), _HISTORY_MASK),
        _FOUND,
    ),
    "InterestExtractor": Case(
        functools.partial(InterestExtractor, units=3, context_size=1, hidden=(4,)),
        (Argument("events", "B S D"), Argument("event_mask", "B S", "mask")),
        ("B S 3",),
    ),
    "InterestMemory": Case(
        functools.partial(InterestMemory, units=3, slots=5, channels=3),
        (
            Argument("query", "B N Dq"),
            Argument("events", "B L D"),
            Argument("values", "B L Dz"),
            Argument("event_mask", "B L", "mask"),
        ),
        ("B N 6", "B 5"),
        {"return_utilization": True},
    ),
    "HistoryEvidence": Case(
        functools.partial(HistoryEvidence),
        (
            Argument("candidate_item", "B N", "id"),
            Argument("candidate_category", "B N", "id"),
            Argument("history_item", "B L", "id"),
            Argument("history_category", "B L", "id"),
            Argument("history_timestamp", "B L", "seconds"),
            Argument("request_timestamp", "B", "seconds"),
            _HISTORY_MASK,
        ),
        ("B N 34",),
    ),
    "NeighborSearch": Case(
        functools.partial(NeighborSearch, k=_K),
        (
            Argument("neighbors", "B N M", "id"),
            Argument("history_item", "B L", "id"),
            _HISTORY_MASK,
        ),
        _FOUND,
    ),
    "NormAugmentedSimHash": Case(
        functools.partial(NormAugmentedSimHash, bits=70, seed=1, max_norm=2.5),
        (Argument("x", "B L D"),),
        ("B L 2",),
    ),
    "NormAugmentedSimHash-candidates": Case(
        functools.partial(NormAugmentedSimHash, bits=64),
        (Argument("x", "B N D"),),
        ("B N 1",),
        {"candidates": True},
    ),
    "SimHash": Case(
        functools.partial(SimHash, bits=100, seed=1), (Argument("x", "B N D"),), ("B N 2",)
    ),
    "TargetAttention": Case(
        functools.partial(TargetAttention, hidden=(5, 3), normalize=True, activation="tanh"),
        (
            Argument("query", "B N Dq"),
            Argument("history", "B S Dk"),
            Argument("history_mask", "B S", "mask"),
        ),
        ("B N 4",),
    ),
    "TargetAttention-sum": Case(
        functools.partial(TargetAttention, hidden=(5,)),
        (
            Argument("query", "B N 4"),
            Argument("history", "B S Dk"),
            Argument("history_mask", "B S", "mask"),
        ),
        ("B N 4",),
    ),
    "TimeGapEmbedding": Case(
        functools.partial(TimeGapEmbedding, dim=4, buckets=9, max_gap_seconds=10**6),
        (Argument("gaps", "B L", "seconds"),),
        ("B L 4",),
    ),
}

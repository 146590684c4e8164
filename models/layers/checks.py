"""Checks of the arguments that the layers are made and called with."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf


def last_size(owner: str, argument: str, shape: Any, names: str) -> int:
    """Returns the last dimension of an argument, on which weights depend.

    Args:
        owner: Name of the layer, for the message.
        argument: Name of the argument.
        shape: Its shape, of whatever type Keras gives to `build`.
        names: Its dimensions' names, such as `"B N D"`, or `"... D"` for any rank.

    Raises:
        ValueError: If the rank is not as expected, or the last dimension is unknown.
    """
    dimensions = tf.TensorShape(shape)
    expected = names.split()
    ranks_agree = dimensions.rank is not None and (
        dimensions.rank >= 1 if expected[0] == "..." else dimensions.rank == len(expected)
    )
    if not ranks_agree or dimensions[-1] is None:
        raise ValueError(
            f"{owner}: `{argument}` has shape {_text(dimensions)}; "
            f"expected [{', '.join(expected)}] with a known {expected[-1]}"
        )
    return int(dimensions[-1])


def check_shapes(
    owner: str,
    arguments: Mapping[str, tuple[tf.Tensor | None, str]],
    weights: Mapping[str, int] | None = None,
) -> None:
    """Checks ranks, and that dimensions of the same name have the same static size.

    Args:
        owner: Name of the layer or function, for the message.
        arguments: Argument name to the tensor and its dimensions' names, such as `"B N K"`, or
            `"... D"` for any rank. An argument that is None, or a dimension unknown while tracing,
            is not checked.
        weights: Sizes by name that weights were made for.

    Raises:
        ValueError: On a wrong rank, or a size that differs from that of an earlier argument or of
            the weights.
    """
    known = {name: (size, "as in the layer's weights") for name, size in (weights or {}).items()}
    for argument, (tensor, names) in arguments.items():
        if tensor is None or tensor.shape.rank is None:
            continue
        dimensions, sizes = names.split(), list(tensor.shape)
        expected = f"[{', '.join(dimensions)}]"
        found = f"{owner}: `{argument}` has shape {tuple(tensor.shape)}; expected {expected}"
        if dimensions[0] == "...":
            dimensions, sizes = dimensions[1:], sizes[1 - len(dimensions) :]
        if len(sizes) != len(dimensions):
            raise ValueError(f"{found}, which has {len(dimensions)} dimensions")
        for name, size in zip(dimensions, sizes, strict=True):
            if size is None:
                continue
            expected_size, source = known.setdefault(name, (size, f"as in `{argument}`"))
            if size != expected_size:
                raise ValueError(f"{found} with {name} = {expected_size} {source}")


def check_dtype(owner: str, argument: str, tensor: tf.Tensor | None, *expected: tf.DType) -> None:
    """Checks the type of a tensor's elements; an argument that is None passes.

    Raises:
        ValueError: If the type is none of `expected`.
    """
    if tensor is not None and tensor.dtype not in expected:
        raise _wrong_dtype(owner, argument, tensor, " or ".join(dtype.name for dtype in expected))


def check_floating(owner: str, **arguments: tf.Tensor) -> None:
    """Checks that the elements of tensors are floating point numbers.

    Raises:
        ValueError: If those of a tensor are not.
    """
    for argument, tensor in arguments.items():
        if not tensor.dtype.is_floating:
            raise _wrong_dtype(owner, argument, tensor, "floating point")


def check_positive(owner: str, **arguments: Any) -> None:
    """Checks constructor arguments that count something.

    Raises:
        ValueError: If a value is not an integer of at least 1.
    """
    for name, value in arguments.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{owner}: `{name}` is {value!r}; expected an integer of at least 1")


def check_seed(owner: str, seed: Any) -> None:
    """Checks the seed of a constructor.

    Raises:
        ValueError: If it is not an integer of 64 bits.
    """
    whole = isinstance(seed, int) and not isinstance(seed, bool)
    if not whole or not -(2**63) <= seed < 2**63:
        raise ValueError(f"{owner}: `seed` is {seed!r}; expected an integer of 64 bits")


def check_sizes(owner: str, **arguments: Any) -> None:
    """Checks constructor arguments that are the sizes of one or more layers.

    Raises:
        ValueError: If a value is not a sequence of at least one integer, or one is below 1.
    """
    for name, sizes in arguments.items():
        if isinstance(sizes, str) or not isinstance(sizes, Sequence) or not sizes:
            raise ValueError(f"{owner}: `{name}` is {sizes!r}; expected at least one size")
        for index, size in enumerate(sizes):
            check_positive(owner, **{f"{name}[{index}]": size})


def check_measure(owner: str, **arguments: Any) -> None:
    """Checks constructor arguments that measure something.

    Raises:
        ValueError: If a value is not a finite number above 0.
    """
    for name, value in arguments.items():
        number = isinstance(value, numbers.Real) and not isinstance(value, bool)
        if not number or not 0 < value < math.inf:
            raise ValueError(f"{owner}: `{name}` is {value!r}; expected a positive finite number")


def check_bool(owner: str, **arguments: Any) -> None:
    """Checks constructor arguments that are True or False.

    Raises:
        ValueError: If a value is neither.
    """
    for name, value in arguments.items():
        if not isinstance(value, bool):
            raise ValueError(f"{owner}: `{name}` is {value!r}; expected True or False")


def _wrong_dtype(owner: str, argument: str, tensor: tf.Tensor, expected: str) -> ValueError:
    return ValueError(
        f"{owner}: `{argument}` of shape {tensor.shape} has dtype {tensor.dtype.name}; "
        f"expected {expected}"
    )


def _text(shape: tf.TensorShape) -> str:
    return "unknown" if shape.rank is None else str(tuple(shape))

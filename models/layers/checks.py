"""Checks of the arguments that the layers are called with."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf


def check_shapes(owner: str, arguments: Mapping[str, tuple[tf.Tensor | None, str]]) -> None:
    """Checks ranks, and that dimensions of the same name have the same static size.

    Args:
        owner: Name of the layer or function, for the message.
        arguments: Argument name to the tensor and its dimensions' names, such as `"B N K"`.
            An argument that is None, or a dimension unknown while tracing, is not checked.

    Raises:
        ValueError: On a wrong rank, or a size that differs from that of an earlier argument.
    """
    known: dict[str, tuple[int, str]] = {}
    for argument, (tensor, names) in arguments.items():
        if tensor is None or tensor.shape.rank is None:
            continue
        dimensions = names.split()
        expected = f"[{', '.join(dimensions)}]"
        found = f"{owner}: `{argument}` has shape {tuple(tensor.shape)}; expected {expected}"
        if tensor.shape.rank != len(dimensions):
            raise ValueError(f"{found}, which has {len(dimensions)} dimensions")
        for name, size in zip(dimensions, tensor.shape, strict=True):
            if size is None:
                continue
            expected_size, source = known.setdefault(name, (size, argument))
            if size != expected_size:
                raise ValueError(f"{found} with {name} = {expected_size} as in `{source}`")


def check_dtype(owner: str, argument: str, tensor: tf.Tensor | None, *expected: tf.DType) -> None:
    """Checks the type of a tensor's elements; an argument that is None passes.

    Raises:
        ValueError: If the type is none of `expected`.
    """
    if tensor is not None and tensor.dtype not in expected:
        names = " or ".join(dtype.name for dtype in expected)
        raise ValueError(
            f"{owner}: `{argument}` of shape {tensor.shape} has dtype {tensor.dtype.name}; "
            f"expected {names}"
        )


def check_positive(owner: str, **arguments: int) -> None:
    """Checks constructor arguments that count something.

    Raises:
        ValueError: If a value is not an integer of at least 1.
    """
    for name, value in arguments.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{owner}: `{name}` is {value!r}; expected an integer of at least 1")

"""The one way in which layers are called with several tensors."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

keras: Any = tf.keras


class LayerOfTensors(keras.layers.Layer):
    """A layer that is called with several tensors, the last of which may be left out.

    A subclass defines `compute`, whose arguments are the tensors: those without a default are
    required, the others are None if left out; what else `compute` takes is keyword-only. A call
    gives the tensors by position or name, or all of them as a tuple or list in place of the first.

    To Keras they are always one tuple, and `build` is given the tuple of their shapes. Of several
    arguments, tf_keras takes the first alone as input: from its shape it builds the layer, here and
    when it is reloaded, and it casts and converts no other. Keras 3 takes all of them, but fills an
    argument `x_mask` with the mask that `x` carries along unseen. With one tuple both do the same.
    """

    compute: Callable[..., Any]

    def __call__(self, *tensors: Any, **arguments: Any) -> Any:
        """Calls `compute`.

        Args:
            *tensors: The tensors that `compute` takes.
            **arguments: Those that are given by name, and what else `compute` and Keras take.

        Raises:
            ValueError: If a tensor is missing, or there are too many.
        """
        taken = _tensors_of(type(self).compute)
        named = {name: arguments.pop(name) for name in taken.names if name in arguments}
        given = taken.signature.bind_partial(*tensors, **named).arguments
        inputs = one_tuple(
            type(self).__name__, taken.required, {name: given.get(name) for name in taken.names}
        )
        return super().__call__(inputs, **arguments)

    def call(self, inputs: Sequence[tf.Tensor]) -> Any:
        """Computes; see the class."""
        return self.compute(*inputs)


class _Taken(NamedTuple):
    """The tensors that a layer takes, the first `required` of which must be given."""

    names: tuple[str, ...]
    required: int
    signature: inspect.Signature


@functools.cache
def _tensors_of(compute: Callable[..., Any]) -> _Taken:
    _, *arguments = inspect.signature(compute).parameters.values()
    tensors = [it for it in arguments if it.kind is not inspect.Parameter.KEYWORD_ONLY]
    required = sum(it.default is inspect.Parameter.empty for it in tensors)
    return _Taken(tuple(it.name for it in tensors), required, inspect.Signature(tensors))


def one_tuple(owner: str, required: int, arguments: dict[str, Any]) -> tuple[Any, ...]:
    """Returns the tensors of a call as one tuple.

    Args:
        owner: Name of the layer, for the message.
        required: How many of the arguments must be given.
        arguments: In the order of the tuple; None for those not given. The first one may also be
            a tuple or list of all the tensors.

    Raises:
        ValueError: If a required argument is missing, one follows a missing one, or there are too
            many.
    """
    first, *others = arguments.values()
    packed = isinstance(first, tuple | list) and all(other is None for other in others)
    given = list(first) if packed else [first, *others]
    while given and given[-1] is None:
        given.pop()
    names = [f"`{name}`" for name in arguments]
    if len(given) > len(names):
        raise ValueError(f"{owner}: got {len(given)} tensors; expected {', '.join(names)}")
    for index in range(max(required, len(given))):
        if index >= len(given) or given[index] is None:
            optional = f" and optionally {', '.join(names[required:])}" if names[required:] else ""
            raise ValueError(
                f"{owner}: {names[index]} is missing; expected {', '.join(names[:required])}"
                f"{optional}"
            )
    # Keras would take the numbers of a list for tensors of their own.
    return tuple(
        tf.convert_to_tensor(value) if isinstance(value, tuple | list) else value for value in given
    )

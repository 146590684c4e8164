"""TensorProto to NumPy and back, by the rules of TensorFlow's C++ runtime.

`tf.make_ndarray` refuses a repeated field longer or emptier than the shape says, which
`Tensor::FromProto` in C++ accepts, and `tf.make_tensor_proto` writes `tensor_content` where
TensorFlow Serving answers in repeated fields.
"""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

# The repeated field of TensorProto that holds a type's values, and the type of one field entry.
_FIELDS: dict[tf.DType, tuple[str, type]] = {
    tf.float32: ("float_val", np.float32),
    tf.float64: ("double_val", np.float64),
    tf.int64: ("int64_val", np.int64),
    tf.int32: ("int_val", np.int64),
    tf.int16: ("int_val", np.int64),
    tf.int8: ("int_val", np.int64),
    tf.uint16: ("int_val", np.int64),
    tf.uint8: ("int_val", np.int64),
    tf.uint32: ("uint32_val", np.uint32),
    tf.uint64: ("uint64_val", np.uint64),
    tf.bool: ("bool_val", np.bool_),
    tf.string: ("string_val", np.object_),
    # Half-width floats travel as their bits, complex numbers as pairs.
    tf.float16: ("half_val", np.uint16),
    tf.bfloat16: ("half_val", np.uint16),
    tf.complex64: ("scomplex_val", np.float32),
    tf.complex128: ("dcomplex_val", np.float64),
}
_REINTERPRETED = frozenset({tf.float16, tf.bfloat16, tf.complex64, tf.complex128})


def decode(proto: tensor_pb2.TensorProto) -> np.ndarray:
    """Turns a TensorProto into an array.

    A repeated field shorter than the shape repeats its last value (an empty one gives zeros), and
    surplus values are dropped.

    Args:
        proto: A tensor in `tensor_content` or in the repeated field of its type.

    Returns:
        An array of the proto's type and shape; it may be read-only.

    Raises:
        ValueError: The type is unknown, a dimension is negative, or the content does not fill
            the shape.
    """
    try:
        dtype = tf.dtypes.as_dtype(proto.dtype)
    except TypeError as error:
        raise ValueError(f"unknown tensor type {proto.dtype}") from error
    shape = tuple(dim.size for dim in proto.tensor_shape.dim)
    if any(size < 0 for size in shape):
        raise ValueError(f"tensor shape {shape} has a negative dimension")
    if dtype not in _FIELDS or (proto.tensor_content and dtype == tf.string):
        return _decode_in_runtime(proto, dtype)
    count = math.prod(shape)
    try:
        if count == 0:
            return np.zeros(shape, dtype.as_numpy_dtype)
        if proto.tensor_content:
            return np.frombuffer(proto.tensor_content, dtype.as_numpy_dtype).reshape(shape)
        return _decode_field(proto, dtype, count).reshape(shape)
    except (ValueError, MemoryError) as error:
        raise ValueError(
            f"cannot decode a {dtype.name} tensor of shape {shape}: {error}"
        ) from error


def _decode_field(proto: tensor_pb2.TensorProto, dtype: tf.DType, count: int) -> np.ndarray:
    field, entry = _FIELDS[dtype]
    values: np.ndarray = np.array(getattr(proto, field), dtype=entry)
    if dtype in _REINTERPRETED:
        per_value = dtype.size // values.itemsize
        whole = len(values) - len(values) % per_value
        values = values[:whole].view(dtype.as_numpy_dtype)
    else:
        values = values.astype(dtype.as_numpy_dtype, copy=False)
    if len(values) >= count:
        return values[:count]
    if not len(values):
        return np.full(count, b"" if dtype == tf.string else 0, values.dtype)
    filled = np.full(count, values[-1], values.dtype)
    filled[: len(values)] = values
    return filled


def _decode_in_runtime(proto: tensor_pb2.TensorProto, dtype: tf.DType) -> np.ndarray:
    """Leaves rare encodings to TensorFlow's own parser, at the price of a copy."""
    try:
        return tf.io.parse_tensor(proto.SerializeToString(), dtype).numpy()
    except (tf.errors.OpError, TypeError) as error:
        raise ValueError(f"cannot decode a {dtype.name} tensor: {error}") from error


def encode(value: np.ndarray | np.generic | bytes) -> tensor_pb2.TensorProto:
    """Turns an array into a TensorProto that uses the repeated field of its type.

    Args:
        value: An array, or a scalar as a TensorFlow session returns it.

    Returns:
        The proto, without `tensor_content`.
    """
    array = np.asarray(value, dtype=np.object_ if isinstance(value, bytes) else None)
    dtype = tf.dtypes.as_dtype(array.dtype)
    if dtype not in _FIELDS:
        return tf.make_tensor_proto(array)
    proto = tensor_pb2.TensorProto(dtype=dtype.as_datatype_enum)
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    field, entry = _FIELDS[dtype]
    flat = np.ascontiguousarray(array).ravel()
    if dtype in _REINTERPRETED:
        flat = flat.view(entry)
    getattr(proto, field).extend(flat.tolist())
    return proto

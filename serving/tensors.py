"""TensorProto to NumPy and back, by the rules of TensorFlow's C++ runtime, without TensorFlow.

`tf.make_ndarray` refuses a repeated field longer or emptier than the shape says, which
`Tensor::FromProto` in C++ accepts, and `tf.make_tensor_proto` writes `tensor_content` where
TensorFlow Serving answers in repeated fields. Messages may be TensorFlow's own or those of
`lifelong.serving.messages`. Only rare encodings are left to TensorFlow, where it is installed.
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np

from lifelong.serving.messages import TensorProto

# A TensorProto of either kind; their classes have nothing in common.
Proto = Any


class _Kind(NamedTuple):
    """A type of tensors.

    Attributes:
        enum: Its number on the wire (`DataType`).
        numpy: Its type in memory.
        field: The repeated field of TensorProto that holds its values.
        entry: The type of one entry of that field: half-width floats travel as their bits, complex
            numbers as pairs.
    """

    enum: int
    numpy: np.dtype[Any]
    field: str
    entry: type

    @property
    def name(self) -> str:
        """As TensorFlow calls it."""
        return "string" if self.numpy.kind == "O" else self.numpy.name


def _kind(enum: int, numpy: Any, field: str, entry: type) -> _Kind:
    return _Kind(enum, np.dtype(numpy), field, entry)


_KINDS = [
    _kind(1, np.float32, "float_val", np.float32),
    _kind(2, np.float64, "double_val", np.float64),
    _kind(3, np.int32, "int_val", np.int64),
    _kind(4, np.uint8, "int_val", np.int64),
    _kind(5, np.int16, "int_val", np.int64),
    _kind(6, np.int8, "int_val", np.int64),
    _kind(7, np.object_, "string_val", np.object_),
    _kind(8, np.complex64, "scomplex_val", np.float32),
    _kind(9, np.int64, "int64_val", np.int64),
    _kind(10, np.bool_, "bool_val", np.bool_),
    _kind(14, ml_dtypes.bfloat16, "half_val", np.uint16),
    _kind(17, np.uint16, "int_val", np.int64),
    _kind(18, np.complex128, "dcomplex_val", np.float64),
    _kind(19, np.float16, "half_val", np.uint16),
    _kind(22, np.uint32, "uint32_val", np.uint32),
    _kind(23, np.uint64, "uint64_val", np.uint64),
]
_BY_ENUM = {kind.enum: kind for kind in _KINDS}
_BY_NUMPY = {kind.numpy: kind for kind in _KINDS}
_STRING = _BY_ENUM[7]
_REINTERPRETED = frozenset({"half_val", "scomplex_val", "dcomplex_val"})
# On the wire these fields are, after a tag and a length, what NumPy has in memory.
_LENGTH_DELIMITED = 2
_PACKED = {
    name: TensorProto.DESCRIPTOR.fields_by_name[name].number << 3 | _LENGTH_DELIMITED
    for name in ("float_val", "double_val", "scomplex_val", "dcomplex_val", "bool_val")
}
# A few bytes may claim any shape: what they leave to be filled is allocated up to this size only.
MAX_FILLED_BYTES = 16 * 2**20
# What TensorFlow takes for a string, beside its content when that is long.
_STRING_BYTES = 24


def decode(proto: Proto) -> np.ndarray:
    """Turns a TensorProto into an array.

    A repeated field shorter than the shape repeats its last value (an empty one gives zeros), and
    surplus values are dropped. Where TensorFlow would fill any shape that fits its memory, values
    that fall short may leave at most `MAX_FILLED_BYTES`.

    Args:
        proto: A tensor in `tensor_content` or in the repeated field of its type.

    Returns:
        An array of the proto's type and shape; it may be read-only.

    Raises:
        ValueError: The type is unknown, a dimension is negative, the content does not fill the
            shape, or the shape is too large for the values in a repeated field.
    """
    shape = [dim.size for dim in proto.tensor_shape.dim]
    if min(shape, default=0) < 0:
        raise ValueError(f"tensor shape {shape} has a negative dimension")
    count = math.prod(shape)
    content = proto.tensor_content
    kind = _BY_ENUM.get(proto.dtype)
    if kind is None or (content and kind is _STRING):
        # A string takes a byte at least; two values of four bits share one.
        _check_filled(count - 2 * len(content), _STRING_BYTES)
        return _decode_in_runtime(proto)
    try:
        if count == 0:
            return np.zeros(shape, kind.numpy)
        if content:
            return np.frombuffer(content, kind.numpy).reshape(shape)
        return _decode_field(proto, kind, count).reshape(shape)
    except (ValueError, MemoryError) as error:
        raise ValueError(f"cannot decode a {kind.name} tensor of shape {shape}: {error}") from error


def _decode_field(proto: Proto, kind: _Kind, count: int) -> np.ndarray:
    # NumPy reads a list several times as fast as it finds out what a repeated field is.
    values: np.ndarray = np.array(getattr(proto, kind.field)[:], dtype=kind.entry)
    if kind.field in _REINTERPRETED:
        per_value = kind.numpy.itemsize // values.itemsize
        whole = len(values) - len(values) % per_value
        values = values[:whole].view(kind.numpy)
    else:
        values = values.astype(kind.numpy, copy=False)
    if len(values) >= count:
        return values[:count]
    is_string = kind is _STRING
    last: Any = values[-1] if len(values) else b"" if is_string else 0
    size = _STRING_BYTES + len(last) if is_string else kind.numpy.itemsize
    _check_filled(count - len(values), size)
    filled = np.full(count, last, values.dtype)
    filled[: len(values)] = values
    return filled


def _check_filled(missing: int, size: int) -> None:
    if missing * size > MAX_FILLED_BYTES:
        raise ValueError(
            f"{missing} values of {size} bytes are missing, more than {MAX_FILLED_BYTES} bytes"
        )


def _decode_in_runtime(proto: Proto) -> np.ndarray:
    """Leaves rare encodings to TensorFlow's own parser, at the price of a copy."""
    try:
        import tensorflow as tf
    except ImportError as error:
        raise ValueError(
            f"tensors of type {proto.dtype}, so encoded, are read by TensorFlow, which is not "
            "installed"
        ) from error
    try:
        dtype = tf.dtypes.as_dtype(proto.dtype)
    except TypeError as error:
        raise ValueError(f"unknown tensor type {proto.dtype}") from error
    try:
        return tf.io.parse_tensor(proto.SerializeToString(), dtype).numpy()
    except (tf.errors.OpError, TypeError) as error:
        raise ValueError(f"cannot decode a {dtype.name} tensor: {error}") from error


def write(value: np.ndarray | np.generic | bytes, proto: Proto) -> None:
    """Writes an array into the repeated field of its type, as TensorFlow Serving answers.

    Args:
        value: An array, or a scalar as a TensorFlow session returns it.
        proto: An empty message, which is filled without `tensor_content`.
    """
    array = np.asarray(value, dtype=np.object_ if isinstance(value, bytes) else None)
    kind = _kind_of(array)
    if kind is None:
        _write_in_runtime(array, proto)
        return
    if kind is _STRING:
        _write_strings(array, proto)
        return
    _write_header(kind, array, proto)
    flat = np.ascontiguousarray(array, kind.numpy).ravel()
    if kind.field in _PACKED:
        proto.MergeFromString(bytes([_PACKED[kind.field]]) + _varint(flat.nbytes) + flat.tobytes())
    else:
        if kind.field in _REINTERPRETED:
            flat = flat.view(kind.entry)
        getattr(proto, kind.field).extend(flat.tolist())


def write_content(array: np.ndarray, proto: Proto) -> None:
    """Writes an array into `tensor_content`, which is the fastest to read; strings have none.

    Args:
        array: The values.
        proto: An empty message, which is filled.
    """
    kind = _kind_of(array)
    if kind is None:
        _write_in_runtime(array, proto)
        return
    if kind is _STRING:
        _write_strings(array, proto)
        return
    _write_header(kind, array, proto)
    proto.tensor_content = array.astype(kind.numpy, copy=False).tobytes()


def numpy_type(enum: int) -> np.dtype[Any]:
    """Returns NumPy's type for a `DataType` of the wire; `object` for texts and for rare types."""
    kind = _BY_ENUM.get(enum)
    return kind.numpy if kind else np.dtype(np.object_)


def _kind_of(array: np.ndarray) -> _Kind | None:
    kind = _BY_NUMPY.get(array.dtype)
    if kind is not None:
        return kind
    # Texts of a fixed length are strings, too, and numbers may be in another byte order.
    return _STRING if array.dtype.kind in "SU" else _BY_NUMPY.get(array.dtype.newbyteorder("="))


def _write_strings(array: np.ndarray, proto: Proto) -> None:
    _write_header(_STRING, array, proto)
    for value in array.ravel().tolist():
        if not isinstance(value, (bytes, str)):
            raise TypeError(f"a tensor holds {value!r}; expected a number, text or bytes")
        proto.string_val.append(value.encode() if isinstance(value, str) else value)


def _write_in_runtime(array: np.ndarray, proto: Proto) -> None:
    """Leaves rare types to TensorFlow."""
    try:
        import tensorflow as tf
    except ImportError as error:
        raise TypeError(f"no tensor has the type {array.dtype}; convert the values") from error
    proto.MergeFromString(tf.make_tensor_proto(array).SerializeToString())


def _write_header(kind: _Kind, array: np.ndarray, proto: Proto) -> None:
    proto.MergeFromString(_header(kind.enum, array.shape))


@functools.lru_cache(maxsize=4096)
def _header(enum: int, shape: tuple[int, ...]) -> bytes:
    """Returns type and shape as bytes: merging them takes half the time of setting the fields."""
    proto = TensorProto(dtype=enum)
    # A scalar has a shape, too, one without dimensions.
    proto.tensor_shape.SetInParent()
    for size in shape:
        proto.tensor_shape.dim.add(size=size)
    return proto.SerializeToString()


def _varint(value: int) -> bytes:
    """Encodes a number as protobuf does, seven bits a byte, the lowest first."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2, types_pb2

from lifelong.serving.tensors import MAX_FILLED_BYTES, decode, write, write_content

NUMERIC = (
    *("float16", "float32", "float64", "bfloat16", "complex64", "complex128", "bool"),
    *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
)


def encode(value):
    message = tensor_pb2.TensorProto()
    write(value, message)
    return message


def proto(dtype, shape, **fields):
    message = tensor_pb2.TensorProto(dtype=dtype, **fields)
    for size in shape:
        message.tensor_shape.dim.add(size=size)
    return message


@pytest.mark.parametrize("name", NUMERIC)
@pytest.mark.parametrize("shape", [(), (3,), (2, 2), (0, 4)])
def test_every_type_survives_both_encodings(name, shape):
    values = np.ones(shape).astype(tf.dtypes.as_dtype(name).as_numpy_dtype)
    if values.size > 1:
        values.flat[1] = 0
    repeated = encode(values)
    assert not repeated.tensor_content
    for message in (repeated, tf.make_tensor_proto(values)):
        decoded = decode(message)
        assert decoded.dtype == values.dtype
        assert decoded.shape == shape
        assert (decoded == values).all()
    # TensorFlow itself reads it the same.
    assert (tf.io.parse_tensor(repeated.SerializeToString(), name).numpy() == values).all()


def test_strings_survive():
    values = np.array([[b"a\0b"], [b""]], dtype=object)
    decoded = decode(encode(values))
    assert decoded.tolist() == values.tolist()
    assert decode(encode(b"scalar")).item() == b"scalar"


@pytest.mark.parametrize(
    ("dtype", "field", "wire_type"),
    [
        (np.float32, "float_val", types_pb2.DT_FLOAT),
        (np.float64, "double_val", types_pb2.DT_DOUBLE),
        (np.bool_, "bool_val", types_pb2.DT_BOOL),
    ],
)
# Lengths that take one, two and three bytes on the wire.
@pytest.mark.parametrize("count", [0, 1, 15, 16, 127, 128, 4096, 20_000])
def test_the_answer_has_the_bytes_that_protobuf_writes(dtype, field, wire_type, count):
    values = (np.arange(count) % 3 - 0.25).astype(dtype)
    written = proto(wire_type, (count,), **{field: values.tolist()})
    assert encode(values).SerializeToString() == written.SerializeToString()


def test_values_that_numpy_holds_otherwise():
    swapped = np.array([[1.5, -2.0], [3.0, 0.25]], ">f4").T
    expected = [[1.5, 3.0], [-2.0, 0.25]]
    content = tensor_pb2.TensorProto()
    write_content(swapped, content)
    for message in (encode(swapped), content):
        assert message.dtype == types_pb2.DT_FLOAT
        assert decode(message).tolist() == expected
    assert list(encode(np.array([b"ab", b"c"])).string_val) == [b"ab", b"c"]


@pytest.mark.parametrize("name", NUMERIC)
@pytest.mark.parametrize("shape", [(), (1,), (2, 2), (0, 4)])
def test_content_is_read_alike_by_tensorflow(name, shape):
    values = np.ones(shape).astype(tf.dtypes.as_dtype(name).as_numpy_dtype)
    message = tensor_pb2.TensorProto()
    write_content(values, message)
    assert len(message.tensor_content) == values.nbytes
    assert message.HasField("tensor_shape")
    read = tf.io.parse_tensor(message.SerializeToString(), name).numpy()
    for decoded in (decode(message), read):
        assert (decoded.dtype, decoded.shape) == (values.dtype, shape)
        assert (decoded == values).all()


def test_strings_have_no_content():
    message = tensor_pb2.TensorProto()
    write_content(np.array([["plum"], ["\u00e4"]]), message)
    assert decode(message).tolist() == [[b"plum"], ["\u00e4".encode()]]
    assert not message.tensor_content


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.0, 7.0], [[1.0, 7.0], [7.0, 7.0]]),
        ([5.0], [[5.0, 5.0], [5.0, 5.0]]),
        ([], [[0.0, 0.0], [0.0, 0.0]]),
        ([1.0, 2.0, 3.0, 4.0, 9.0, 9.0], [[1.0, 2.0], [3.0, 4.0]]),
    ],
    ids=["short repeats the last value", "one fills all", "none gives zeros", "surplus is dropped"],
)
def test_repeated_field_of_another_length(values, expected):
    assert decode(proto(types_pb2.DT_FLOAT, (2, 2), float_val=values)).tolist() == expected


def test_short_repeated_strings_and_half_floats():
    assert decode(proto(types_pb2.DT_STRING, (3,), string_val=[b"a", b"b"])).tolist() == [
        b"a",
        b"b",
        b"b",
    ]
    assert decode(proto(types_pb2.DT_STRING, (2,))).tolist() == [b"", b""]
    one = int(np.float16(1.0).view(np.uint16))
    assert decode(proto(types_pb2.DT_HALF, (2,), half_val=[one])).tolist() == [1.0, 1.0]


def test_string_content_is_left_to_tensorflow():
    # TensorFlow's string list: lengths as varints, then the bytes.
    assert decode(proto(types_pb2.DT_STRING, (2,), tensor_content=b"\x01\x02abb")).tolist() == [
        b"a",
        b"bb",
    ]


FILLED = MAX_FILLED_BYTES


@pytest.mark.parametrize(
    ("dtype", "count", "fields"),
    [
        (types_pb2.DT_INT64, FILLED // 8, {"int64_val": [7]}),
        (types_pb2.DT_INT8, FILLED, {}),
        # 24 bytes each, and the content once more for each copy.
        (types_pb2.DT_STRING, FILLED // 64, {"string_val": [b"s" * 40]}),
        (types_pb2.DT_STRING, FILLED // 24, {}),
    ],
)
def test_a_shape_is_filled_up_to_a_limit(dtype, count, fields):
    sent = sum(map(len, fields.values()))
    assert decode(proto(dtype, (count + sent,), **fields)).shape == (count + sent,)
    with pytest.raises(ValueError, match=r"values of \d+ bytes are missing"):
        decode(proto(dtype, (count + sent + 1,), **fields))


@pytest.mark.parametrize("dtype", [types_pb2.DT_QINT8, types_pb2.DT_INT4, types_pb2.DT_VARIANT])
def test_rare_types_are_not_filled_without_limit(dtype):
    with pytest.raises(ValueError, match="bytes are missing"):
        decode(proto(dtype, (2**40,), int_val=[1]))


def test_values_that_were_sent_are_not_limited():
    large = np.ones(FILLED // 4 + 1, np.float32)
    assert decode(encode(large)).shape == large.shape
    assert decode(tf.make_tensor_proto(large)).shape == large.shape


@pytest.mark.parametrize(
    "message",
    [
        proto(types_pb2.DT_FLOAT, (2,), tensor_content=b"\0" * 7),
        proto(types_pb2.DT_FLOAT, (2,), tensor_content=b"\0" * 12),
        proto(types_pb2.DT_FLOAT, (-1,), float_val=[1.0]),
        proto(types_pb2.DT_INVALID, (1,)),
        proto(99, (1,)),
        proto(types_pb2.DT_STRING, (2,), tensor_content=b"\xff"),
        proto(types_pb2.DT_RESOURCE, (1,)),
        proto(types_pb2.DT_INT64, (2**40, 2**40), int64_val=[1]),
    ],
    ids=["short", "long", "negative", "invalid", "unknown", "bad strings", "resource", "huge"],
)
def test_what_cannot_be_parsed_is_a_value_error(message):
    with pytest.raises(ValueError, match="tensor"):
        decode(message)

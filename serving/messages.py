"""The messages of TensorFlow Serving's gRPC that a client needs, without TensorFlow.

The package `tensorflow-serving-api` brings them too, but its modules import TensorFlow: seconds of
time and hundreds of megabytes that a backend has no other use for. Here they are built of a table,
in a descriptor pool of their own, so that both may live in one process. Fields that a client has no
use for are left out, which protobuf allows; enumerations are plain numbers, which look the same on
the wire.

References:
    https://github.com/tensorflow/serving, tensorflow_serving/apis/*.proto;
    https://github.com/tensorflow/tensorflow, tensorflow/core/framework/{tensor,tensor_shape}.proto
    and tensorflow/core/protobuf/meta_graph.proto.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2

from lifelong.data.library_differences import message_classes

# Message -> field -> (number, type). `[T]` is repeated, `{T}` a map from text to T; what is no
# type of protobuf's is a message of this table.
_TENSORFLOW: dict[str, dict[str, tuple[int, str]]] = {
    "TensorShapeProto.Dim": {"size": (1, "int64"), "name": (2, "string")},
    "TensorShapeProto": {"dim": (2, "[TensorShapeProto.Dim]"), "unknown_rank": (3, "bool")},
    "TensorProto": {
        "dtype": (1, "int32"),
        "tensor_shape": (2, "TensorShapeProto"),
        "version_number": (3, "int32"),
        "tensor_content": (4, "bytes"),
        "half_val": (13, "[int32]"),
        "float_val": (5, "[float]"),
        "double_val": (6, "[double]"),
        "int_val": (7, "[int32]"),
        "string_val": (8, "[bytes]"),
        "scomplex_val": (9, "[float]"),
        "int64_val": (10, "[int64]"),
        "bool_val": (11, "[bool]"),
        "dcomplex_val": (12, "[double]"),
        "uint32_val": (16, "[uint32]"),
        "uint64_val": (17, "[uint64]"),
    },
    "TensorInfo": {
        "name": (1, "string"),
        "dtype": (2, "int32"),
        "tensor_shape": (3, "TensorShapeProto"),
    },
    "SignatureDef": {
        "inputs": (1, "{TensorInfo}"),
        "outputs": (2, "{TensorInfo}"),
        "method_name": (3, "string"),
    },
}
_PROTOBUF = {
    "Int64Value": {"value": (1, "int64")},
    "Any": {"type_url": (1, "string"), "value": (2, "bytes")},
}
_SERVING = {
    "ModelSpec": {
        "name": (1, "string"),
        "version": (2, "Int64Value"),
        "signature_name": (3, "string"),
        "version_label": (4, "string"),
    },
    "PredictRequest": {
        "model_spec": (1, "ModelSpec"),
        "inputs": (2, "{TensorProto}"),
        "output_filter": (3, "[string]"),
    },
    "PredictResponse": {"outputs": (1, "{TensorProto}"), "model_spec": (2, "ModelSpec")},
    "SignatureDefMap": {"signature_def": (1, "{SignatureDef}")},
    "GetModelMetadataRequest": {"model_spec": (1, "ModelSpec"), "metadata_field": (2, "[string]")},
    "GetModelMetadataResponse": {"model_spec": (1, "ModelSpec"), "metadata": (2, "{Any}")},
    "GetModelStatusRequest": {"model_spec": (1, "ModelSpec")},
    "StatusProto": {"error_code": (1, "int32"), "error_message": (2, "string")},
    "ModelVersionStatus": {
        "version": (1, "int64"),
        "state": (2, "int32"),
        "status": (3, "StatusProto"),
    },
    "GetModelStatusResponse": {"model_version_status": (1, "[ModelVersionStatus]")},
}
_PACKAGES = {
    "google.protobuf": _PROTOBUF,
    "tensorflow": _TENSORFLOW,
    "tensorflow.serving": _SERVING,
}
_HOME = {name: package for package, messages in _PACKAGES.items() for name in messages}
_Field = descriptor_pb2.FieldDescriptorProto

PREDICT = "/tensorflow.serving.PredictionService/Predict"
GET_MODEL_METADATA = "/tensorflow.serving.PredictionService/GetModelMetadata"
GET_MODEL_STATUS = "/tensorflow.serving.ModelService/GetModelStatus"


def _file(package: str) -> descriptor_pb2.FileDescriptorProto:
    """Describes the messages of a package."""
    file = descriptor_pb2.FileDescriptorProto(
        name=f"lifelong/{package}.proto", package=package, syntax="proto3"
    )
    others = list(_PACKAGES)[: list(_PACKAGES).index(package)]
    file.dependency.extend(f"lifelong/{other}.proto" for other in others)
    outer: dict[str, descriptor_pb2.DescriptorProto] = {}
    # An outer message comes before those within it.
    for name in sorted(_PACKAGES[package]):
        parent, _, short = name.rpartition(".")
        holder = outer[parent].nested_type if parent else file.message_type
        outer[name] = holder.add(name=short)
        for field, (number, kind) in _PACKAGES[package][name].items():
            _add_field(outer[name], name, field, number, kind)
    return file


def _add_field(
    message: descriptor_pb2.DescriptorProto, owner: str, name: str, number: int, kind: str
) -> None:
    if kind[0] == "{":
        # A map is a repeated message of keys and values.
        entry = message.nested_type.add(name=f"{name.title().replace('_', '')}Entry")
        entry.options.map_entry = True
        _add_field(entry, owner, "key", 1, "string")
        _add_field(entry, owner, "value", 2, kind.strip("{}"))
        field = message.field.add(name=name, number=number, type=_Field.TYPE_MESSAGE)
        field.type_name = f".{_HOME[owner]}.{owner}.{entry.name}"
    else:
        field = message.field.add(name=name, number=number)
        plain = kind.strip("[]")
        if plain in _HOME:
            field.type, field.type_name = _Field.TYPE_MESSAGE, f".{_HOME[plain]}.{plain}"
        else:
            field.type = _Field.Type.Value(f"TYPE_{plain.upper()}")
    field.label = _Field.LABEL_REPEATED if kind[0] in "[{" else _Field.LABEL_OPTIONAL


_CLASSES = message_classes(_file(package) for package in _PACKAGES)


def _class(name: str) -> Any:
    """Returns the class of a message of this module."""
    return _CLASSES[f"{_HOME[name]}.{name}"]


TensorProto: Any = _class("TensorProto")
ModelSpec: Any = _class("ModelSpec")
PredictRequest: Any = _class("PredictRequest")
PredictResponse: Any = _class("PredictResponse")
SignatureDefMap: Any = _class("SignatureDefMap")
GetModelMetadataRequest: Any = _class("GetModelMetadataRequest")
GetModelMetadataResponse: Any = _class("GetModelMetadataResponse")
GetModelStatusRequest: Any = _class("GetModelStatusRequest")
GetModelStatusResponse: Any = _class("GetModelStatusResponse")

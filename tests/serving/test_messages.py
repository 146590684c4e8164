"""The messages without TensorFlow are those of TensorFlow Serving."""

import numpy as np
import pytest
from google.protobuf import any_pb2, wrappers_pb2
from tensorflow.core.framework import tensor_pb2, tensor_shape_pb2
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    predict_pb2,
    prediction_service_pb2,
)

from lifelong.serving import messages, prediction

OFFICIAL = {
    it.DESCRIPTOR.full_name: it.DESCRIPTOR
    for it in (
        any_pb2.Any,
        wrappers_pb2.Int64Value,
        tensor_shape_pb2.TensorShapeProto,
        tensor_shape_pb2.TensorShapeProto.Dim,
        tensor_pb2.TensorProto,
        meta_graph_pb2.TensorInfo,
        meta_graph_pb2.SignatureDef,
        model_pb2.ModelSpec,
        predict_pb2.PredictRequest,
        predict_pb2.PredictResponse,
        get_model_metadata_pb2.SignatureDefMap,
        get_model_metadata_pb2.GetModelMetadataRequest,
        get_model_metadata_pb2.GetModelMetadataResponse,
        get_model_status_pb2.GetModelStatusRequest,
        get_model_status_pb2.GetModelStatusResponse,
        get_model_status_pb2.ModelVersionStatus,
    )
}
# Where its module lies differs from version to version.
_STATUS = OFFICIAL["tensorflow.serving.ModelVersionStatus"].fields_by_name["status"].message_type
OFFICIAL[_STATUS.full_name] = _STATUS


def described(message):
    """All messages that a message is made of, by full name."""
    found = {message.full_name: message}
    for field in message.fields:
        if field.message_type and field.message_type.full_name not in found:
            found |= described(field.message_type)
    return found


OURS = {
    name: descriptor
    for public, it in vars(messages).items()
    if hasattr(it, "DESCRIPTOR") and hasattr(it, "FromString") and not public.startswith("_")
    for name, descriptor in described(it.DESCRIPTOR).items()
}


def kind(field):
    """How a field looks on the wire: an enumeration as a number of 32 bits."""
    plain = field.TYPE_INT32 if field.type == field.TYPE_ENUM else field.type
    return field.number, plain, field.label, field.message_type and field.message_type.full_name


def test_every_message_is_known():
    assert {name for name in OURS if not name.endswith("Entry")} == OFFICIAL.keys()


@pytest.mark.parametrize("name", sorted(OFFICIAL))
def test_fields_have_the_numbers_and_types_of_the_api(name):
    official = OFFICIAL[name].fields_by_name
    for field in OURS[name].fields:
        assert kind(field) == kind(official[field.name]), field.full_name


def test_bytes_are_read_alike_by_both():
    spec = prediction.model_spec("shop", 7)
    inputs = {"item": np.arange(6).reshape(2, 3), "price": np.float32([1.5]), "word": ["a", "b"]}
    sent = prediction.predict_request(spec, inputs, "search", ["scores"])
    official = predict_pb2.PredictRequest.FromString(sent.SerializeToString())
    assert official.model_spec.version.value == 7
    assert official.inputs["item"].tensor_shape.dim[1].size == 3
    assert official.inputs["word"].string_val[:] == [b"a", b"b"]
    again = messages.PredictRequest.FromString(official.SerializeToString(deterministic=True))
    assert again == sent


def test_calls_have_the_paths_of_the_services():
    services = {
        *prediction_service_pb2.DESCRIPTOR.services_by_name.values(),
    }
    paths = {
        f"/{service.full_name}/{method.name}" for service in services for method in service.methods
    }
    assert {messages.PREDICT, messages.GET_MODEL_METADATA} <= paths

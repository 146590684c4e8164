"""A server of two models on gRPC and REST, to be asked the same of both.

`two` is a plain y = x / 2 + 2, `ranker` a model of this project.
"""

from __future__ import annotations

import json

import grpc
import numpy as np
import pytest
from tensorflow_serving.apis import (
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from lifelong.serving import tensors

MODELS = ("two", "ranker")
VERSION = 3
# An input of each model's `serving_default`, and the output.
INPUT = {"two": "x", "ranker": "candidate_category"}
OUTPUT = {"two": "y", "ranker": "scores"}


class Served:
    """Both front ends of a server of both models, and the inputs of a good request to each."""

    def __init__(self, base, channel, connection, inputs):
        self.base = base
        self.inputs = inputs
        self.predictions = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        self.models = model_service_pb2_grpc.ModelServiceStub(channel)
        self._connection = connection

    def request(self, model, **changes):
        """Returns a good Predict request; `changes` replaces inputs, None leaves one out."""
        inputs = {**self.inputs[model], **changes}
        given = {name: value for name, value in inputs.items() if value is not None}
        return predict_request(model, "", given)

    def rest(self, verb, path, body=None, root="/v1/models"):
        self._connection.request(verb, f"{root}/{path}", body and json.dumps(body))
        response = self._connection.getresponse()
        return response.status, json.loads(response.read())

    def post(self, path, inputs, **more):
        values = {name: np.asarray(value).tolist() for name, value in inputs.items()}
        return self.rest("POST", f"{path}:predict", {"inputs": values, **more})


def predict_request(model, signature, inputs):
    """Returns a Predict request."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    for name, value in inputs.items():
        tensors.write(np.asarray(value), request.inputs[name])
    return request


def refusal(method, message):
    with pytest.raises(grpc.RpcError) as caught:
        method(message, timeout=20)
    return caught.value.code(), caught.value.details()

"""What travels with a model for its server: warm-up requests and batching parameters.

References:
    [SavedModel warm-up](https://www.tensorflow.org/tfx/serving/saved_model_warmup).
    [Batching](https://github.com/tensorflow/serving/blob/master/tensorflow_serving/batching).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2
from tfx.utils import io_utils, path_utils

from lifelong.components.serving_validator.client_requests import ClientRequests
from lifelong.components.serving_validator.config import ServingConfig
from lifelong.components.serving_validator.recorded_requests import RecordedRequest
from lifelong.data.keys import CONTRACT_SIGNATURE
from lifelong.serving import prediction
from lifelong.serving.ranker.model_contract import contract_request
from lifelong.serving.request import Request, stack_requests

# TensorFlow Serving looks for it beside saved_model.pb (--enable_per_model_batching_parameters).
BATCHING_FILE = "batching_params.pbtxt"
_MAX_ENQUEUED_BATCHES = 64


def write_batching_parameters(model_path: Path, config: ServingConfig) -> None:
    """Writes how requests of this model may be joined, unless they may not.

    Args:
        model_path: Folder of the SavedModel.
        config: Sizes and waiting time.
    """
    if config.max_batch_size == 1:
        return
    lines = [
        "# Read with --enable_batching=true --enable_per_model_batching_parameters=true, instead",
        "# of all but the threads in --batching_parameters_file.",
        f"max_batch_size {{ value: {config.max_batch_size} }}",
        f"batch_timeout_micros {{ value: {config.batch_timeout_micros} }}",
        "# Batches that wait for a thread; more are refused with UNAVAILABLE, and tried again.",
        f"max_enqueued_batches {{ value: {_MAX_ENQUEUED_BATCHES} }}",
        "# A batch is filled up to the next of these, so that the graph sees few shapes.",
        *(f"allowed_batch_sizes: {size}" for size in config.batch_sizes),
        "# Histories and candidates differ in length: without padding they are never joined.",
        "pad_variable_length_inputs: true",
    ]
    (model_path / BATCHING_FILE).write_text("\n".join(lines) + "\n")


def write_warmup_requests(
    model_path: Path,
    model_name: str,
    calls: ClientRequests,
    requests: Sequence[RecordedRequest],
    config: ServingConfig,
) -> int:
    """Writes the requests that a server runs before it answers the first one.

    Args:
        model_path: Folder of the SavedModel.
        model_name: Name of the model on the server.
        calls: Makes the inputs.
        requests: A request of each length that is to be warmed up, the shortest first; batches
            are made of them all.
        config: How many, and in batches of which sizes.

    Returns:
        The number of records; no file is written if it is 0.
    """
    spec = prediction.model_spec(model_name, None)
    logs = [
        prediction_log_pb2.PredictionLog(
            predict_log={"request": _predict_request(spec, inputs, signature)}
        )
        for signature, inputs in itertools.islice(
            _warmup_calls(calls, requests, config.batch_sizes), config.warmup_requests
        )
    ]
    if logs:
        io_utils.write_tfrecord_file(path_utils.warmup_file_path(str(model_path)), *logs)
    return len(logs)


def _predict_request(
    spec: prediction.Message, inputs: Request, signature: str
) -> predict_pb2.PredictRequest:
    """Returns a client's request as TensorFlow Serving's own message, which the log is made of."""
    request = prediction.predict_request(spec, inputs, signature, ())
    return predict_pb2.PredictRequest.FromString(request.SerializeToString())


def _warmup_calls(
    calls: ClientRequests, requests: Sequence[RecordedRequest], batch_sizes: Sequence[int]
) -> Iterator[tuple[str, Request]]:
    """Yields signatures and inputs: every signature and length, then ever larger batches."""
    yield CONTRACT_SIGNATURE, contract_request()
    made = {
        signature: [_without_user(make(request)) for request in requests]
        for signature, make in (calls.ranking | calls.ranking_as_of_then).items()
    }
    for number in range(len(requests)):
        for signature, inputs in made.items():
            yield signature, inputs[number]
    for size in batch_sizes[1:]:
        for signature, inputs in made.items():
            longest_first = itertools.cycle(reversed(inputs))
            yield signature, stack_requests(list(itertools.islice(longest_first, size)))


def _without_user(request: Request) -> Request:
    """Leaves out who it was: a look-up costs the same for a user that nobody is."""
    return {**request, "user": np.zeros_like(request["user"])}

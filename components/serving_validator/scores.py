"""Whether a server gives the scores that the Evaluator judges."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from lifelong.components.serving_validator.client_requests import ClientRequests
from lifelong.components.serving_validator.recorded_requests import RecordedRequest
from lifelong.components.serving_validator.refusal import (
    ModelRefusedError,
    ServerFailedError,
    judge,
)
from lifelong.data.keys import (
    RANK_SIGNATURE,
    RECORDS,
    RECORDS_SIGNATURE,
    REQUEST_CANDIDATES,
    SCORES,
)
from lifelong.serving.client import PredictionClient
from lifelong.serving.prediction import PredictionError
from lifelong.serving.request import Request, stack_requests


class Comparison(NamedTuple):
    """How far served scores are from the Evaluator's.

    Attributes:
        difference: The largest absolute difference of two scores; NaN if a score is.
        signature: Signature that gave it.
    """

    difference: float
    signature: str


class Reference(NamedTuple):
    """What served scores are compared with, made in this process.

    Attributes:
        scores: The Evaluator's, of each request's candidates.
        rank: Ranks the inputs of `serving_default`, with the statistics that the model has itself.
    """

    scores: Sequence[np.ndarray]
    rank: Callable[[Request], np.ndarray]


def evaluator_scores(model_path: str, requests: Sequence[RecordedRequest]) -> Reference:
    """Scores requests as the Evaluator does: in this process, by `score_records`.

    Args:
        model_path: The SavedModel.
        requests: The requests.

    Raises:
        ModelRefusedError: The model has no such signature, or fails.
        ServerFailedError: There is too little memory for it.
    """
    records = [request.serialized() for request in requests]
    try:
        with tf.device("/CPU:0"):  # The server has no GPU either, whose products are coarser.
            loaded = tf.saved_model.load(model_path)
            scored = loaded.signatures[RECORDS_SIGNATURE](records=tf.constant(records))
    except KeyError as error:
        raise ModelRefusedError(f"the model has no signature {error} for the Evaluator") from error
    except tf.errors.ResourceExhaustedError as error:
        raise ServerFailedError(f"there is too little memory: {error.message}") from error
    except tf.errors.OpError as error:
        raise ModelRefusedError(
            f"the model fails in the Evaluator's way: {error.message}"
        ) from error
    ends = np.cumsum(scored[REQUEST_CANDIDATES].numpy())

    def rank(inputs: Request) -> np.ndarray:
        with tf.device("/CPU:0"):
            tensors = {key: tf.constant(value) for key, value in inputs.items()}
            return loaded.signatures[RANK_SIGNATURE](**tensors)[SCORES].numpy()

    return Reference(np.split(scored[SCORES].numpy(), ends[:-1]), rank)


def compare(
    client: PredictionClient,
    calls: ClientRequests,
    requests: Sequence[RecordedRequest],
    expected: Reference,
    batch_size: int,
) -> Comparison:
    """Sends requests to every signature that gives scores.

    Where the model reads statistics, some signatures are given those of the request's day, which the
    Evaluator reads; the others look up the newest, as the model in this process does.

    Args:
        client: Of the server.
        calls: Makes the inputs.
        requests: The requests; each is sent alone, and again in a batch.
        expected: What the scores are to be.
        batch_size: Requests in a batch.

    Raises:
        ModelRefusedError: The server failed a request, or gives too few scores.
        ServerFailedError: The server is too busy to answer, or gone.
    """
    asked = [(calls.ranking_as_of_then, expected.scores)]
    if calls.contract.reads_statistics:
        newest = [expected.rank(calls.with_history(request))[0] for request in requests]
        asked.append((calls.ranking, newest))
    found = [
        _scores_of_records(client, requests, expected.scores),
        *(
            Comparison(_difference(scores, wanted, signature), signature)
            for ranking, all_wanted in asked
            for signature, make in ranking.items()
            for scores, wanted in _served(
                client, signature, [make(request) for request in requests], all_wanted, batch_size
            )
        ),
    ]
    # A NaN is the largest.
    return max(found, key=lambda it: np.inf if np.isnan(it.difference) else it.difference)


def _scores_of_records(
    client: PredictionClient, requests: Sequence[RecordedRequest], expected: Sequence[np.ndarray]
) -> Comparison:
    records = np.array([request.serialized() for request in requests], object)
    scores = _call(client, RECORDS_SIGNATURE, {RECORDS: records})
    return Comparison(
        _difference(scores, np.concatenate(expected), RECORDS_SIGNATURE), RECORDS_SIGNATURE
    )


def _served(
    client: PredictionClient,
    signature: str,
    inputs: list[Request],
    expected: Sequence[np.ndarray],
    batch_size: int,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields served and expected scores of one request after another."""
    for size in {1, batch_size}:
        for first in range(0, len(inputs), size):
            rows = slice(first, first + size)
            served = _call(client, signature, stack_requests(inputs[rows]))
            for row, wanted in zip(served, expected[rows], strict=True):
                # What comes after a row's candidates is padding.
                yield row[: len(wanted)], wanted


def _call(client: PredictionClient, signature: str, inputs: Request) -> np.ndarray:
    try:
        return client.predict(inputs, signature, [SCORES])[SCORES]
    except PredictionError as error:
        raise judge(error, f"the server failed a request of signature {signature!r}") from error


def _difference(scores: np.ndarray, expected: np.ndarray, signature: str) -> float:
    if scores.shape != expected.shape:
        raise ModelRefusedError(
            f"signature {signature!r} gives scores of shape {scores.shape} where the Evaluator "
            f"reads {expected.shape}"
        )
    # np.max hands a NaN on.
    return float(np.max(np.abs(scores - expected), initial=0))

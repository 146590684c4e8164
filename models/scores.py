"""Scores of the candidates of many requests, in one form for every kind of model."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from lifelong.data.keys import (
    CANDIDATE_ITEM,
    CANDIDATE_LABEL,
    HISTORY_EVENTS,
    REQUEST_CANDIDATES,
    SCORES,
)
from lifelong.models.reader import serialized_records

# Records in a call of `score_records`, which cuts their requests a few at a time.
_RECORDS_TOGETHER = 32


@dataclasses.dataclass(frozen=True)
class CandidateScores:
    """Scored candidates as flat arrays, in the order of the files' requests.

    Attributes:
        user: int64 `[C]`, the user's id as in the records.
        request: int64 `[C]`, running number of the candidate's request, from 0.
        item: int64 `[C]`, the candidate's item, its id as in the records.
        history_events: int64 `[C]`, all events of the user before the request, also those that no
            record or window holds.
        label: float32 `[C]`, 1 where the candidate was clicked, else 0.
        score: float64 `[C]`, the predicted probability of a click.

    Raises:
        ValueError: An array is not `[C]` with the C of `user`.
    """

    user: np.ndarray
    request: np.ndarray
    item: np.ndarray
    history_events: np.ndarray
    label: np.ndarray
    score: np.ndarray

    def __post_init__(self) -> None:
        for name in ("user", "request", "item", HISTORY_EVENTS, "label", "score"):
            shape = np.shape(getattr(self, name))
            if len(shape) != 1 or shape != np.shape(self.user):
                raise ValueError(
                    f"CandidateScores: `{name}` has shape {shape}; expected [C] with C the "
                    f"{np.size(self.user)} candidates of `user`"
                )


def score_files(
    score: Callable[..., dict[str, tf.Tensor]],
    files: Sequence[str],
    most_requests: int | None = None,
) -> CandidateScores:
    """Scores requests of raw per-user records with the signature that the Evaluator calls.

    Args:
        score: The signature `score_records`.
        files: File patterns of TFRecord files (gzip).
        most_requests: Requests after which no more records are read, a batch of records more or
            less; None: all are.

    Returns:
        One row per candidate.

    Raises:
        ValueError: If no file fits the patterns.
    """
    outputs, requests = [], 0
    for records in serialized_records(files).batch(_RECORDS_TOGETHER):
        outputs.append({key: value.numpy() for key, value in score(records=records).items()})
        requests += len(outputs[-1][REQUEST_CANDIDATES])
        if most_requests is not None and requests >= most_requests:
            break
    joined = {key: np.concatenate([output[key] for output in outputs]) for key in outputs[0]}
    candidates = joined[REQUEST_CANDIDATES]
    return CandidateScores(
        user=np.repeat(joined["user"], candidates),
        item=joined[CANDIDATE_ITEM],
        label=joined[CANDIDATE_LABEL],
        score=joined[SCORES].astype(np.float64),
        history_events=np.repeat(joined[HISTORY_EVENTS], candidates),
        request=np.repeat(np.arange(len(candidates)), candidates),
    )

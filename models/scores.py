"""Scores of the candidates of many requests, in one form for every kind of model."""

from __future__ import annotations

import dataclasses

import numpy as np

from lifelong.data.keys import HISTORY_EVENTS


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

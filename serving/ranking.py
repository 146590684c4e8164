"""Ranks a request's candidates and says which past events the model found for each."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from lifelong.serving.client import PredictionClient

# The signature of models that search: scores, and which events were found.
SEARCH_SIGNATURE = "search"


@dataclasses.dataclass(frozen=True)
class SearchedEvent:
    """A past event that the model's search found for a candidate.

    Attributes:
        item: Item id.
        category: Category id.
        timestamp: Unix seconds.
        relevance: What the search ranked by, larger is better: for a search by Hamming distance
            minus the number of differing bits.
    """

    item: int
    category: int
    timestamp: int
    relevance: float


@dataclasses.dataclass(frozen=True)
class RankedItem:
    """A candidate with its score.

    Attributes:
        item: Item id.
        category: Category id.
        score: Probability of a click.
        evidence: Events that the search found, in the search's order (best first); empty for
            models without a search.
    """

    item: int
    category: int
    score: float
    evidence: tuple[SearchedEvent, ...] = ()


def rank(
    client: PredictionClient, request: Mapping[str, np.ndarray], top: int, explain: bool = True
) -> list[RankedItem]:
    """Scores a request's candidates and returns the best.

    Args:
        client: Client of the model.
        request: A request of `build_request`, for one user.
        top: Number of candidates to return; fewer when the request has fewer.
        explain: Whether to ask for the events that the search found, where the model tells.

    Returns:
        Candidates by descending score; equal scores keep the request's order.

    Raises:
        ValueError: The request is not for one user, or `top` is not positive.
        PredictionError: The server refused or failed the call.
    """
    if top < 1:
        raise ValueError(f"top is {top}; at least 1 is needed")
    users = len(request["user"])
    if users != 1:
        raise ValueError(f"user has {users} rows; rank takes the request of one user")
    explained = explain and SEARCH_SIGNATURE in client.signatures()
    answer = client.predict(request, SEARCH_SIGNATURE if explained else "")
    count = int(request["candidate_length"][0])
    scores = answer["scores"][0, :count]
    best = np.argsort(-scores, kind="stable")[:top]
    return [
        RankedItem(
            item=int(request["candidate_item"][0, index]),
            category=int(request["candidate_category"][0, index]),
            score=float(scores[index]),
            evidence=_evidence(request, answer, index) if explained else (),
        )
        for index in best
    ]


def _evidence(
    request: Mapping[str, np.ndarray], answer: Mapping[str, np.ndarray], candidate: int
) -> tuple[SearchedEvent, ...]:
    positions = answer["searched_position"][0, candidate]
    relevances = answer["searched_relevance"][0, candidate]
    return tuple(
        SearchedEvent(
            item=int(request["history_item"][0, position]),
            category=int(request["history_category"][0, position]),
            timestamp=int(request["history_timestamp"][0, position]),
            relevance=float(relevance),
        )
        for position, relevance in zip(positions, relevances, strict=True)
        if position >= 0
    )

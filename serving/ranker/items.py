"""Ranked candidates, and which past events were found for each."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np

from lifelong.data.keys import (
    CANDIDATE_CATEGORY,
    CANDIDATE_ITEM,
    CANDIDATE_LENGTH,
    CANDIDATE_SLOT,
    HISTORY_CATEGORY,
    HISTORY_ITEM,
    HISTORY_TIMESTAMP,
    SCORES,
    SEARCHED_CATEGORY,
    SEARCHED_ITEM,
    SEARCHED_LENGTH,
    SEARCHED_POSITION,
    SEARCHED_RELEVANCE,
    SEARCHED_TIMESTAMP,
)

Arrays = Mapping[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class SearchedEvent:
    """A past event that the model's search found for a candidate.

    Attributes:
        item: Item id.
        category: Category id.
        timestamp: Unix seconds.
        relevance: What the search ranked by, larger is better: for a search by Hamming distance
            minus the number of differing bits, for hard search always 1.
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


def best_items(
    request: Mapping[str, np.ndarray],
    answer: Mapping[str, np.ndarray],
    top: int,
    evidence: Callable[[Arrays, Arrays, int], tuple[SearchedEvent, ...]],
) -> list[RankedItem]:
    """Returns the best candidates of one user's request.

    Args:
        request: The request, one row.
        answer: The model's outputs for it, one row.
        top: Number of candidates to return.
        evidence: Given request, answer and a candidate's position, tells the events found for it.

    Raises:
        ValueError: `top` is not positive.
    """
    if top < 1:
        raise ValueError(f"top is {top}; at least 1 is needed")
    count = int(request[CANDIDATE_LENGTH][0])
    scores = answer[SCORES][0, :count]
    best = np.argsort(-scores, kind="stable")[:top]
    return [
        RankedItem(
            item=int(request[CANDIDATE_ITEM][0, index]),
            category=int(request[CANDIDATE_CATEGORY][0, index]),
            score=float(scores[index]),
            evidence=evidence(request, answer, int(index)),
        )
        for index in best
    ]


def no_evidence(request: Arrays, answer: Arrays, candidate: int) -> tuple[SearchedEvent, ...]:
    """Tells nothing, for models that do not search and callers that do not ask."""
    del request, answer, candidate
    return ()


def found_by_model(request: Arrays, answer: Arrays, candidate: int) -> tuple[SearchedEvent, ...]:
    """Returns the events that the signature `search` found in the request's history."""
    positions = answer[SEARCHED_POSITION][0, candidate]
    relevances = answer[SEARCHED_RELEVANCE][0, candidate]
    return tuple(
        SearchedEvent(
            item=int(request[HISTORY_ITEM][0, position]),
            category=int(request[HISTORY_CATEGORY][0, position]),
            timestamp=int(request[HISTORY_TIMESTAMP][0, position]),
            relevance=float(relevance),
        )
        for position, relevance in zip(positions, relevances, strict=True)
        if position >= 0
    )


def found_by_store(request: Arrays, answer: Arrays, candidate: int) -> tuple[SearchedEvent, ...]:
    """Returns the events that the behaviour store found for the candidate's category."""
    del answer
    slot = int(request[CANDIDATE_SLOT][0, candidate])
    if slot < 0:
        return ()
    count = int(request[SEARCHED_LENGTH][0, slot])
    return tuple(
        SearchedEvent(
            item=int(request[SEARCHED_ITEM][0, slot, place]),
            category=int(request[SEARCHED_CATEGORY][0, slot]),
            timestamp=int(request[SEARCHED_TIMESTAMP][0, slot, place]),
            relevance=1.0,
        )
        for place in range(count)
    )

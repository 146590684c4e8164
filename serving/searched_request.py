"""Builds the request of SIM with hard search from what the behaviour store found.

References:
    [SIM](https://arxiv.org/abs/2006.05639), section 4.2 (online serving).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lifelong.data.columns import Columns, length
from lifelong.data.events import Cut, cut_before, no_events
from lifelong.data.evidence import Evidence
from lifelong.data.keys import (
    CANDIDATE_CATEGORY,
    CANDIDATE_CATEGORY_EVIDENCE,
    CANDIDATE_ITEM_EVIDENCE,
    CANDIDATE_SLOT,
    HISTORY_LENGTH,
    REQUEST_EVIDENCE,
    SEARCHED,
    SEARCHED_CATEGORY,
    SEARCHED_LENGTH,
)
from lifelong.serving.behavior_store.checks import checked_ids
from lifelong.serving.behavior_store.user_tree import CategoryEvents, UserTree
from lifelong.serving.request import Request, Values, build_request


class SearchedHistory(NamedTuple):
    """What a model with hard search reads of one user for one request.

    Attributes:
        short: The S newest events before the request, oldest first.
        window_length: Events of the short and the long part together.
        categories: int64 `[C]`, distinct categories.
        found: The newest events of each of them in the long part.
        evidence: What was counted for the candidates; None for a model without evidence.
    """

    short: Columns
    window_length: int
    categories: np.ndarray
    found: CategoryEvents
    evidence: Evidence | None


def search_history(
    tree: UserTree,
    candidates: Values,
    timestamp: int,
    short_length: int,
    long_length: int,
    k: int,
    evidence_length: int,
) -> SearchedHistory:
    """Searches a user's tree as the model in training searched the history, and counts its evidence.

    Args:
        tree: The user's tree.
        candidates: `item` and `category` of each candidate, `[N]`.
        timestamp: Time of the request, Unix seconds; only earlier events count.
        short_length: S, events of the short part; 0 for a model without one.
        long_length: L, events before those, which are searched.
        k: Most events to find of a category.
        evidence_length: E, events of the evidence window; 0 for a model without evidence.

    Raises:
        StoreError: The tree cannot be read.
        TypeError: An item or a category is no integer.
        ValueError: An item or a category is too large for int64.
    """
    request = Cut(timestamp)
    evidence = None
    if evidence_length:
        # First: what it reads is most of what the search will need.
        evidence = tree.evidence(
            candidates["item"], candidates["category"], timestamp, evidence_length
        )
    window = tree.window(short_length + long_length, request)
    short = tree.history(short_length, request) if short_length else no_events(tree.features)
    categories = checked_ids(np.unique(candidates["category"]), "categories")
    # The long part ends where the short part begins, be it in the middle of a basket.
    end = cut_before(short, 0) if length(short) else request
    found = tree.search(categories, k, before=end, not_before=window.start)
    return SearchedHistory(short, window.length, categories, found, evidence)


def build_searched_request(
    user: int,
    history: SearchedHistory,
    candidates: Values,
    timestamp: int,
    request_features: Values | None = None,
    user_features: Values | None = None,
) -> Request:
    """Builds the request of the signature `searched_events` for one user and N candidates.

    Args:
        user: User id.
        history: What was searched for this request.
        candidates: `item`, `category` and every extra candidate feature, one value for each.
        timestamp: Time of the request, Unix seconds.
        request_features: Extra features of the request by name, one value each.
        user_features: Extra features of the user by name, one value each.

    Returns:
        The arrays of `build_request` with the short history, where `history_length` counts the
        events of the whole window; `searched_category` [1, C], `searched_length` [1, C],
        `searched_*` [1, C, K'] newest first with K' >= 1, and `candidate_slot` [1, N], the place of
        the candidate's category among the C; -1 if it was not searched. If evidence was counted,
        `candidate_item_evidence` and `candidate_category_evidence` [1, N, 7], and
        `request_evidence` [1, 4].

    Raises:
        ValueError: A field is missing, negative, of the wrong type or length; the message names it.
    """
    request = build_request(
        user,
        history.short,
        candidates,
        timestamp,
        max(1, length(history.short)),
        request_features,
        user_features,
    )
    request[HISTORY_LENGTH] = np.array([history.window_length], np.int64)
    sizes = np.diff(history.found.offsets)
    # [C, K']
    place = np.arange(max(1, int(sizes.max(initial=0))))
    real = place < sizes[:, np.newaxis]
    index = np.where(real, history.found.offsets[:-1, np.newaxis] + place, 0)
    for name, column in history.found.columns.items():
        if name != "category":
            padded = column if len(column) else np.zeros(1, column.dtype)
            request[f"{SEARCHED}{name}"] = padded[index][np.newaxis]
    request[SEARCHED_CATEGORY] = history.categories[np.newaxis]
    request[SEARCHED_LENGTH] = sizes[np.newaxis]
    request[CANDIDATE_SLOT] = _slots(request[CANDIDATE_CATEGORY], history.categories)
    if history.evidence is not None:
        for name, counted in (
            (CANDIDATE_ITEM_EVIDENCE, history.evidence.item),
            (CANDIDATE_CATEGORY_EVIDENCE, history.evidence.category),
            (REQUEST_EVIDENCE, history.evidence.request),
        ):
            request[name] = counted[np.newaxis]
    return request


def _slots(candidate_category: np.ndarray, categories: np.ndarray) -> np.ndarray:
    place = np.searchsorted(categories, candidate_category)
    place = np.minimum(place, len(categories) - 1)
    return np.where(categories[place] == candidate_category, place, -1)

"""Builds the request of SIM with hard search from what the behaviour store found.

References:
    [SIM](https://arxiv.org/abs/2006.05639), section 4.2 (online serving).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lifelong.data.columns import Columns, length
from lifelong.data.events import Cut, cut_before
from lifelong.data.keys import (
    CANDIDATE_CATEGORY,
    CANDIDATE_SLOT,
    HISTORY_LENGTH,
    SEARCHED,
    SEARCHED_CATEGORY,
    SEARCHED_LENGTH,
)
from lifelong.serving.behavior_store.checks import checked_categories
from lifelong.serving.behavior_store.user_tree import CategoryEvents, UserTree
from lifelong.serving.request import Request, Values, build_request


class SearchedHistory(NamedTuple):
    """What a model with hard search reads of one user for one request.

    Attributes:
        short: The S newest events before the request, oldest first.
        window_length: Events of the short and the long part together.
        categories: int64 `[C]`, distinct categories.
        found: The newest events of each of them in the long part.
    """

    short: Columns
    window_length: int
    categories: np.ndarray
    found: CategoryEvents


def search_history(
    tree: UserTree,
    candidate_category: npt.ArrayLike,
    timestamp: int,
    short_length: int,
    long_length: int,
    k: int,
) -> SearchedHistory:
    """Searches a user's tree as the model in training searched the history.

    Args:
        tree: The user's tree.
        candidate_category: Category of each candidate, `[N]`.
        timestamp: Time of the request, Unix seconds; only earlier events count.
        short_length: S, events of the short part.
        long_length: L, events before those, which are searched.
        k: Most events to find of a category.

    Raises:
        StoreError: The tree cannot be read.
        TypeError: A category is no integer.
        ValueError: A category is too large for int64.
    """
    request = Cut(timestamp)
    window = tree.window(short_length + long_length, request)
    short = tree.history(short_length, request)
    categories = checked_categories(np.unique(candidate_category))
    # The long part ends where the short part begins, be it in the middle of a basket.
    end = cut_before(short, 0) if length(short) else request
    found = tree.search(categories, k, before=end, not_before=window.start)
    return SearchedHistory(short, window.length, categories, found)


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
        the candidate's category among the C; -1 if it was not searched.

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
    return request


def _slots(candidate_category: np.ndarray, categories: np.ndarray) -> np.ndarray:
    place = np.searchsorted(categories, candidate_category)
    place = np.minimum(place, len(categories) - 1)
    return np.where(categories[place] == candidate_category, place, -1)

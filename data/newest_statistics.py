"""The newest counts of all users' events, looked up for candidates; the columns are in `keys`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lifelong.data.keys import STATISTICS_COLUMNS


class CandidateStatistics(NamedTuple):
    """What was counted of all users' events for the N candidates of one request.

    Attributes:
        time: Start of the day that it is as of, Unix seconds.
        item: int64 `[N, 5]`, of each candidate's item; the columns are `STATISTICS_COLUMNS`.
        category: int64 `[N, 5]`, of its category.
        request: int64 `[5]`, of all events together.
    """

    time: int
    item: np.ndarray
    category: np.ndarray
    request: np.ndarray


class Newest(NamedTuple):
    """Counts as of the day after the last event of the log.

    Attributes:
        time: Start of that day, Unix seconds; 0 if there is no event.
        items: int64 `[I]`, ascending ids.
        item_statistics: int64 `[I, 5]`, see `STATISTICS_COLUMNS`.
        categories: int64 `[C]`, ascending ids.
        category_statistics: int64 `[C, 5]`.
        totals: int64 `[5]`, of all events.
    """

    time: int
    items: np.ndarray
    item_statistics: np.ndarray
    categories: np.ndarray
    category_statistics: np.ndarray
    totals: np.ndarray

    def look_up(self, items: np.ndarray, categories: np.ndarray) -> CandidateStatistics:
        """Returns the counts of candidates.

        Args:
            items: int64 `[N]`, raw ids; one that the log has not is counted 0.
            categories: int64 `[N]`, likewise.
        """
        return CandidateStatistics(
            self.time,
            _look_up(self.items, self.item_statistics, items),
            _look_up(self.categories, self.category_statistics, categories),
            self.totals,
        )


def known_places(ids: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the places among ascending ids of those wanted that are there, and which they are."""
    place = np.searchsorted(ids, wanted)
    known = np.flatnonzero(place < len(ids))
    known = known[ids[place[known]] == wanted[known]]
    return place[known], known


def _look_up(ids: np.ndarray, counts: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    place, known = known_places(ids, wanted)
    found = np.zeros((len(wanted), len(STATISTICS_COLUMNS)), np.int64)
    found[known] = counts[place]
    return found

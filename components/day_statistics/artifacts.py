"""The artifact of the statistics of days."""

from __future__ import annotations

from tfx import types


class DayStatistics(types.Artifact):
    """Counts of all users' events by item, category and day (`lifelong.data.day_statistics`).

    Beside the counts lies `counts.json`. Custom properties: `events`, `users`, `items`, `categories`.
    """

    TYPE_NAME = "DayStatistics"

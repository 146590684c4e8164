"""What is counted of a user's own events for a candidate: the columns of evidence, all int64.

Training, graph and behaviour store count the same integers; the model makes numbers of them.
"""

from __future__ import annotations

# Ages in days below which events are counted apart.
RECENT_DAYS = (7, 30, 90)

# Of `candidate_item_evidence` and `candidate_category_evidence`, `[B, N, 7]`: events of the evidence
# window that share the candidate's category and, for its item, the item too; how many of them lie at
# most so many days before the request; times (Unix seconds) of the last, of the one before it and of
# the first, 0 where there is none.
COLUMNS = ("events", *(f"events_{days}d" for days in RECENT_DAYS), "last", "previous", "first")

# Of `request_evidence`, `[B, 4]`: all events of the evidence window, the days (UTC) they lie on, times
# of the first and the last, 0 where there is none.
REQUEST_COLUMNS = ("events", "days", "first", "last")

SECONDS_PER_DAY = 86_400

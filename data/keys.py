"""Every name that crosses a border: keys of records, inputs and outputs of signatures, splits.

Records, requests on the wire, exported graphs, the Evaluator, the behaviour store and its clients
take the names from here. A key begins with what its value belongs to; extra features have the same
prefixes (`lifelong.data.features`).
"""

from __future__ import annotations

TRAIN, VALIDATION, EVAL = SPLITS = ("train", "validation", "eval")

# What a key belongs to: an event of the history, an event that was searched in a store, a candidate,
# the request, the user, an item of the item table.
HISTORY, SEARCHED, CANDIDATE, REQUEST, OF_USER, OF_ITEM = (
    "history_",
    "searched_",
    "candidate_",
    "request_",
    "user_",
    "item_",
)

# Of records and requests alike.
USER = "user"
HISTORY_ITEM = "history_item"
HISTORY_CATEGORY = "history_category"
HISTORY_TIMESTAMP = "history_timestamp"
CANDIDATE_ITEM = "candidate_item"
CANDIDATE_CATEGORY = "candidate_category"
REQUEST_TIMESTAMP = "request_timestamp"

# Of records alone: labels, and the numbers that cut requests out of a user's events and candidates.
CANDIDATE_LABEL = "candidate_label"
EVENTS_BEFORE_RECORD = "events_before_record"
REQUEST_EVENTS = "request_events"
REQUEST_CANDIDATES = "request_candidates"

# Of what a model reads alone: raw ids beside their rows, and the places of items in its item table.
HISTORY_ITEM_ID = "history_item_id"
HISTORY_CATEGORY_ID = "history_category_id"
CANDIDATE_ITEM_ID = "candidate_item_id"
CANDIDATE_CATEGORY_ID = "candidate_category_id"
HISTORY_ITEM_ENTRY = "history_item_entry"
CANDIDATE_ITEM_ENTRY = "candidate_item_entry"

# Counts and times of the user's events by candidate, and of the events of all users; their columns
# are in `lifelong.data.evidence` and `lifelong.data.day_statistics`.
CANDIDATE_ITEM_EVIDENCE = "candidate_item_evidence"
CANDIDATE_CATEGORY_EVIDENCE = "candidate_category_evidence"
REQUEST_EVIDENCE = "request_evidence"
CANDIDATE_ITEM_STATISTICS = "candidate_item_statistics"
CANDIDATE_CATEGORY_STATISTICS = "candidate_category_statistics"
REQUEST_STATISTICS = "request_statistics"
STATISTICS = (CANDIDATE_ITEM_STATISTICS, CANDIDATE_CATEGORY_STATISTICS, REQUEST_STATISTICS)
# The columns of each: events of so many days before the day, all events before it, and the distinct
# users who have one.
STATISTICS_COLUMNS = ("events_7d", "events_28d", "events_91d", "events", "users")

# Of requests alone.
REQUEST_STATISTICS_TIME = "request_statistics_time"
HISTORY_LENGTH = "history_length"
CANDIDATE_LENGTH = "candidate_length"
CANDIDATE_SLOT = "candidate_slot"
SEARCHED_ITEM = "searched_item"
SEARCHED_CATEGORY = "searched_category"
SEARCHED_TIMESTAMP = "searched_timestamp"
SEARCHED_LENGTH = "searched_length"

# Signatures of a SavedModel.
RANK_SIGNATURE = "serving_default"
RANK_SEARCHED_SIGNATURE = "searched_events"
RANK_GIVEN_SIGNATURE = "given_statistics"
RANK_SEARCHED_GIVEN_SIGNATURE = "searched_events_given_statistics"
SEARCH_SIGNATURE = "search"
SEARCH_GIVEN_SIGNATURE = "search_given_statistics"
EXPLAIN_SIGNATURE = "explain"
EXPLAIN_GIVEN_SIGNATURE = "explain_given_statistics"
RECORDS_SIGNATURE = "score_records"
TRANSFORM_SIGNATURE = "transform_features"
CONTRACT_SIGNATURE = "data_contract"

# Outputs of signatures.
SCORES = "scores"
SEARCHED_POSITION = "searched_position"
SEARCHED_RELEVANCE = "searched_relevance"
STATISTICS_AGE = "statistics_age"
# Of `explain` alone. The searches that it compares have a position and a relevance each:
# `hard_position`, `hard_relevance` and so on.
SCORES_WITHOUT_LONG_TERM = "scores_without_long_term"
ATTENTION = "attention"
COMPARED_SEARCHES = ("hard", "soft", "eta")
POSITION, RELEVANCE = "position", "relevance"
CANDIDATE_WEIGHT = "candidate_weight"
HISTORY_EVENTS = "history_events"
ITEM_FEATURES = "item_features"
RECORDS = "records"


def event_column(key: str) -> str:
    """Returns an event's column in the behaviour store, which holds events alone: no prefix.

    Example:
        >>> event_column("history_quantity"), event_column("item")
        ('quantity', 'item')
    """
    return key.removeprefix(HISTORY)

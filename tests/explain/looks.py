"""A look made by hand, for tests."""

import numpy as np

from lifelong.data.datasets.item_names import ItemNames
from lifelong.data.evidence import COLUMNS
from lifelong.data.keys import STATISTICS_COLUMNS
from lifelong.explain.look import make_look
from lifelong.serving.ranker.explainer import ExplainedItem, ExplainedRequest, FoundEvents

DAY = 86_400
NOW = 1_514_764_800  # 2018-01-01
NAMES = ItemNames(None, {7: "tea", 8: "cake"}, {1: "drinks", 2: "sweets"})


def found(*positions, attention=None):
    relevance = np.ones(len(positions), np.float32)
    return FoundEvents(np.array(positions, np.int64), relevance, attention)


def a_look(attended=True, names=NAMES, user="anna", **changes):
    """Five events, newest first; the candidate is tea (7) of drinks (1), the short part is one event."""
    weights = np.array([[0.75, 0.25], [0.5, 0.5]], np.float32)
    item = ExplainedItem(
        item=7,
        category=1,
        score=0.5,
        score_without_long_term=0.25,
        score_of_short_history=0.125,
        searches={"hard": found(1, 3), "soft": found(3, 2), "eta": found(2)},
        attended=found(2, 4, attention=weights) if attended else None,
        evidence={
            "item": dict(
                zip(
                    COLUMNS,
                    (2, 0, 1, 2, NOW - 9 * DAY, NOW - 40 * DAY, NOW - 40 * DAY),
                    strict=True,
                )
            ),
            "category": dict(
                zip(COLUMNS, (1200, 0, 1, 2, NOW - DAY, NOW - 9 * DAY, 0), strict=True)
            ),
        },
        statistics={
            "item": dict(zip(STATISTICS_COLUMNS, (1, 2, 3, 4, 5), strict=True)),
            "category": dict(zip(STATISTICS_COLUMNS, (10, 20, 30, 4000, 50), strict=True)),
        },
    )
    history = {
        "item": np.array([8, 7, 8, 7, 9]),
        "category": np.array([2, 1, 2, 1, 1]),
        "timestamp": NOW - DAY * np.array([1, 9, 20, 40, 300]) - 5,
    }
    fields = {
        "user": 1,
        "timestamp": NOW,
        "history": history,
        "short_length": 1,
        "long_length": 3,
        "searched_events": 2,
        "evidence_length": 5,
        "items": (item,),
        "evidence": {},
        "statistics_age": DAY,
        "degraded": "",
        "model_version": 12,
    }
    return make_look(user, 1000, ExplainedRequest(**fields | changes), names, ())

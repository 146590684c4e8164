"""Charts of the page: the user's history by category, and what each search picks of it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import altair as alt

from lifelong.data.spoken_times import day_of
from lifelong.data.times import WEEK
from lifelong.explain.look import ATTENDED, SEARCHES, Look
from lifelong.report.page import Figure

# Categories with a row of their own.
_ROWS = 12
_OTHERS = "all other categories"
_ROW_HEIGHT = 24


def timeline(look: Look) -> Figure:
    """Returns the history by category and week, the candidate's category first."""
    history = look.explained.history
    candidate = look.candidate.category
    categories = history["category"].tolist()
    # The most frequent ones, and the candidate's whether it is one of them or not.
    frequent = [category for category, _ in Counter(categories).most_common(_ROWS + 1)]
    shown = [candidate, *(it for it in frequent if it != candidate)][:_ROWS]
    names = {category: look.categories[category] for category in shown}
    weeks: Counter[tuple[str, int]] = Counter()
    for category, time in zip(categories, history["timestamp"].tolist(), strict=True):
        weeks[names.get(category, _OTHERS), time // WEEK * WEEK] += 1
    rows = [
        {
            "category": category,
            "time": _milliseconds(week),
            "events": count,
            "week of": day_of(week),
            "of": "candidate's category" if category == names[candidate] else "others",
        }
        for (category, week), count in sorted(weeks.items(), key=lambda it: it[0][1])
    ]
    order = list(dict.fromkeys([*names.values(), _OTHERS]))
    present = {row["category"] for row in rows} | {names[candidate]}
    points = (
        _chart(rows)
        .mark_point()
        .encode(
            x=_time(look),
            y=alt.Y("category", type="nominal", title=None)
            .scale(domain=[name for name in order if name in present])
            .axis(labelLimit=170, grid=True),
            size=alt.Size("events", type="quantitative", legend=None).scale(range=[12, 260]),
            color=alt.Color("of", type="nominal", title=None).scale(
                domain=["candidate's category", "others"],
                range=["var(--series-2)", "var(--series-1)"],
            ),
        )
    )
    height = _ROW_HEIGHT * len(present) + 90
    explained = look.explained
    return Figure(
        "The history by category",
        f"One point is a week, larger ones have more events; times are UTC. The model was sent the last "
        f"{len(categories):,} of {look.user_events:,} events. Dashed lines: right of the first one "
        f"are the {explained.short_length:,} events of the short part, between them the "
        f"{explained.long_length:,} of the long part, which searches look through; older ones are "
        "counted alone.",
        (points + _borders(look)).properties(height=height),
    )


def chart_of_searches(look: Look) -> Figure:
    """Returns the events that each search picks, by time."""
    picked = [(name, look.found_by(search)) for search, name in SEARCHES.items()]
    if look.heads:
        picked.append((ATTENDED, look.attended()))
    kinds = ["the candidate's item", "its category", "another category"]
    rows = [
        {
            "search": name,
            "time": _milliseconds(event.timestamp),
            "day": event.day,
            "event": f"{event.item} ({event.category})",
            "of": kinds[0 if event.same_item else 1 if event.same_category else 2],
        }
        for name, events in picked
        for event in events
    ]
    points = (
        _chart(rows)
        .mark_point(size=80, opacity=0.8)
        .encode(
            x=_time(look),
            y=alt.Y("search", type="nominal", title=None)
            .scale(domain=[name for name, _ in picked])
            .axis(labelLimit=170, grid=True),
            color=alt.Color("of", type="nominal", title=None).scale(
                domain=kinds, range=["var(--series-2)", "var(--series-3)", "var(--series-4)"]
            ),
            description=alt.Description("event", type="nominal"),
        )
    )
    return Figure(
        "What each search picks",
        "Each finds at most as many events of the long part. A search that is not the model's own "
        "compares the vectors that the model has learned for its items.",
        (points + _borders(look)).properties(height=_ROW_HEIGHT * len(picked) + 90),
    )


def _borders(look: Look) -> alt.Chart:
    """Returns lines where the short part and the long part end."""
    times = look.explained.history["timestamp"]
    ends = (look.explained.short_length, look.explained.short_length + look.explained.long_length)
    rows = [{"time": _milliseconds(int(times[end - 1]))} for end in ends if 0 < end <= len(times)]
    return (
        _chart(rows)
        .mark_rule(stroke="var(--axis)", strokeDash=[4, 4], aria=False)
        .encode(x=alt.X("time", type="temporal"))
    )


def _time(look: Look) -> alt.X:
    """Returns the axis that both charts share."""
    times = look.explained.history["timestamp"].tolist()
    first = min(times, default=look.explained.timestamp) // WEEK * WEEK
    domain = [_milliseconds(first), _milliseconds(look.explained.timestamp)]
    return (
        alt.X("time", type="temporal", title=None)
        .scale(type="utc", domain=domain, padding=8)
        .axis(format="%b %Y", tickCount=6)
    )


def _chart(rows: list[dict[str, Any]]) -> alt.Chart:
    return alt.Chart(alt.Data(values=rows))


def _milliseconds(timestamp: int) -> int:
    return 1_000 * timestamp

"""Charts of the page: the user's history by category, and what each search picks of it."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import altair as alt

from lifelong.data.spoken_times import counted, day_of
from lifelong.data.times import DAY, MONDAY, WEEK
from lifelong.explain.look import ATTENDED, SEARCHES, Look
from lifelong.report.page import Figure

# Categories with a row of their own.
_MOST_ROWS = 12
_OTHERS = "all other categories"
_ROW_HEIGHT = 24
# Of an axis that names days, not months.
_MOST_DAYS = 180
# Of the names of rows, so that both charts begin at the same place.
_LABEL_WIDTH = 130
# Where the parts of the history lie, the newest first, by how many there are.
_PLACES = {
    1: ("all",),
    2: ("right of the dashed line", "left of it"),
    3: ("right of both dashed lines", "between them", "left of both"),
}


def timeline(look: Look) -> Figure:
    """Returns the history by category and week, the candidate's category first."""
    history = look.explained.history
    candidate = look.candidate.category
    categories = history["category"].tolist()
    # The most frequent ones, and the candidate's whether it is one of them or not.
    frequent = [category for category, _ in Counter(categories).most_common(_MOST_ROWS + 1)]
    shown = [candidate, *(it for it in frequent if it != candidate)][:_MOST_ROWS]
    names = {category: look.categories[category] for category in shown}
    # Weeks in which a part ends have a point on each side of the border.
    weeks: dict[tuple[str, int, int], list[int]] = {}
    parts = itertools.chain.from_iterable(
        itertools.repeat(number, part.events) for number, part in enumerate(look.parts)
    )
    for category, time, part in zip(categories, history["timestamp"].tolist(), parts, strict=True):
        weeks.setdefault((names.get(category, _OTHERS), _week(time), part), []).append(time)
    rows = [
        {
            "category": category,
            "time": _milliseconds(sum(times) // len(times)),
            "events": len(times),
            "week of": day_of(week),
            "of": "candidate's category" if category == names[candidate] else "others",
        }
        for (category, week, _), times in sorted(weeks.items(), key=lambda it: it[0][1])
    ]
    order = list(dict.fromkeys([*names.values(), _OTHERS]))
    present = {row["category"] for row in rows} | {names[candidate]}
    points = (
        _chart(rows)
        .mark_point()
        .encode(
            x=_time(look),
            y=_rows("category", [name for name in order if name in present]),
            size=alt.Size("events", type="quantitative", legend=None).scale(range=[12, 260]),
            color=alt.Color("of", type="nominal", title=None).scale(
                domain=["candidate's category", "others"],
                range=["var(--series-2)", "var(--series-1)"],
            ),
        )
    )
    height = _ROW_HEIGHT * len(present) + 90
    return Figure(
        "The history by category",
        "One point is a week's events, larger ones are more of them; times are UTC. The model was sent "
        f"{look.sent}{_describe_parts(look)}.",
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
        .mark_point(size=80, opacity=1)
        .encode(
            x=_time(look),
            y=_rows("search", [name for name, _ in picked]),
            color=alt.Color("of", type="nominal", title=None).scale(
                domain=kinds, range=["var(--series-2)", "var(--series-3)", "var(--series-4)"]
            ),
            description=alt.Description("event", type="nominal"),
        )
    )
    text = (
        f"Each finds at most {counted(look.explained.searched_events, 'event')} of the long part. A "
        "search that is not the model's own compares the vectors that the model has learned for its items."
    )
    if len(look.parts) > 1:
        text += " Dashed lines are as above."
    return Figure(
        "What each search picks",
        text,
        (points + _borders(look)).properties(height=_ROW_HEIGHT * len(picked) + 90),
    )


def _describe_parts(look: Look) -> str:
    parts = look.parts
    places = _PLACES[len(parts)]
    return ": " + ", ".join(
        f"{place} {part.events:,} {part.role}" for place, part in zip(places, parts, strict=True)
    )


def _borders(look: Look) -> alt.Chart:
    """Returns lines between the parts of the history."""
    times = look.explained.history["timestamp"].tolist()
    ends = itertools.accumulate(part.events for part in look.parts[:-1])
    rows = [{"time": _milliseconds(times[end - 1] + times[end]) // 2} for end in ends]
    return (
        _chart(rows)
        .mark_rule(stroke="var(--axis)", strokeDash=[4, 4], aria=False)
        .encode(x=alt.X("time", type="temporal"))
    )


def _time(look: Look) -> alt.X:
    """Returns the axis that both charts share."""
    times = look.explained.history["timestamp"].tolist()
    first = min(times, default=look.explained.timestamp)
    domain = [_milliseconds(first), _milliseconds(look.explained.timestamp)]
    days = (look.explained.timestamp - first) // DAY
    return (
        alt.X("time", type="temporal", title=None)
        .scale(type="utc", domain=domain, padding=8)
        .axis(format="%b %Y" if days > _MOST_DAYS else "%d %b %Y", tickCount=6)
    )


def _rows(field: str, names: list[str]) -> alt.Y:
    """Returns the axis of named rows, as wide in both charts."""
    width = _LABEL_WIDTH
    return (
        alt.Y(field, type="nominal", title=None)
        .scale(domain=names)
        .axis(labelLimit=width, minExtent=width, maxExtent=width, grid=True)
    )


def _week(time: int) -> int:
    """Returns when a time's week begins, on Monday."""
    return (time - MONDAY) // WEEK * WEEK + MONDAY


def _chart(rows: list[dict[str, Any]]) -> alt.Chart:
    return alt.Chart(alt.Data(values=rows))


def _milliseconds(timestamp: int) -> int:
    return 1_000 * timestamp

"""A look into one prediction as text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from lifelong.data.spoken_times import counted, day_of, describe_age
from lifelong.explain.look import SEARCHES, Event, Look


def describe(look: Look, most: int) -> str:
    """Describes what is behind a score.

    Args:
        look: The look.
        most: Events to tell.

    Returns:
        Lines, without a final line break.
    """
    explained = look.explained
    lines = [
        f"user {look.user} on {day_of(explained.timestamp)}, {look.label}",
        f"model version {explained.model_version}, sent {look.sent}{_parts(look)}",
    ]
    if explained.statistics_age is not None:
        lines.append(describe_age(explained.statistics_age, explained.timestamp))
    if look.sent_as_zero:
        lines.append(f"not in the behaviour log, sent as 0: {', '.join(look.sent_as_zero)}")
    if explained.degraded:
        lines.append(f"not all could be read: {explained.degraded}")
    scores = [(name, f"{score:.4f}", f"({remark})") for name, score, remark in look.scores()]
    lines += ["", *_table(scores, texts=(0, 2)), ""]
    for search, name in SEARCHES.items():
        lines.append(f"{name:<13}{_summary(look.found_by(search))}")
    if look.heads:
        lines.append(f"{'attention':<13}{_summary(look.attended())}")
    lines += ["", *_events(look, most)]
    for title, rows in (
        (
            f"evidence: the last {counted(look.counted_events, 'event')} before the request",
            look.counts(),
        ),
        ("statistics: all users' events", look.popularity()),
    ):
        if rows:
            lines += ["", *_table([(title, "of the item", "of its category"), *rows])]
    return "\n".join(lines)


def _parts(look: Look) -> str:
    parts = ", ".join(f"{part.events:,} {part.role}" for part in look.parts)
    return f", the newest first: {parts}" if parts else ""


def _summary(events: Sequence[Event]) -> str:
    if not events:
        return "no event"
    last, first = events[0].days_before, events[-1].days_before
    days = f"{last:,} to {counted(first, 'day')}" if first != last else counted(last, "day")
    of_item = sum(event.same_item for event in events)
    of_category = sum(event.same_category for event in events)
    return (
        f"{counted(len(events), 'event')}, {of_item} of the item, {of_category} of its category, "
        f"{days} before"
    )


def _events(look: Look, most: int) -> list[str]:
    """Returns the events that weigh most, or the newest where there is no attention."""
    ranked = sorted(look.events, key=lambda event: -sum(event.attention))
    if not ranked:
        return [f"no search found an event{'' if look.long_events else ': the long part is empty'}"]
    heads = [f"head {number}" for number in range(1, look.heads + 1)]
    rows = [("event", "full days before", "found by", *heads, "item")]
    rows += [
        (
            event.day,
            f"{event.days_before:,}",
            ", ".join(event.found_by) or "-",
            *([f"{weight:.3f}" for weight in event.attention] or ["-"] * look.heads),
            f"{event.item} ({event.category})",
        )
        for event in ranked[:most]
    ]
    lines = _table(rows, texts=(0, 2, len(rows[0]) - 1))
    if len(ranked) > most:
        lines.append(f"and {counted(len(ranked) - most, 'more event')}")
    return lines


def _table(rows: Sequence[Sequence[str]], texts: Sequence[int] = (0,)) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if place in texts else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]

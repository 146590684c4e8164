"""A look into one prediction as text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from lifelong.data.spoken_times import day_of, describe_age
from lifelong.explain.look import SEARCHES, Event, Look


def describe(look: Look, most: int) -> str:
    """Describes what is behind a score.

    Args:
        look: The look.
        most: Events to tell.

    Returns:
        Lines, without a final line break.
    """
    explained, candidate = look.explained, look.candidate
    lines = [
        f"user {look.user} on {day_of(explained.timestamp)}, {look.label}",
        f"model version {explained.model_version}, sent the last "
        f"{len(explained.history['item']):,} of {look.user_events:,} events: "
        f"{explained.short_length:,} are the short part, the next {explained.long_length:,} the "
        "long part, which searches look through",
    ]
    if explained.statistics_age is not None:
        lines.append(describe_age(explained.statistics_age, explained.timestamp))
    if look.sent_as_zero:
        lines.append(f"not in the behaviour log, sent as 0: {', '.join(look.sent_as_zero)}")
    if explained.degraded:
        lines.append(f"not all could be read: {explained.degraded}")
    lines += [
        "",
        f"score                         {candidate.score:.4f}",
        f"if the long part were empty   {candidate.score_without_long_term:.4f}  (counts of events "
        "and the short part stay)",
        f"of the last {explained.short_length} events alone".ljust(30)
        + f"{candidate.score_of_short_history:.4f}  (older ones are not counted either)",
        "",
    ]
    for search, name in SEARCHES.items():
        lines.append(f"{name:<13}{_summary(look.found_by(search))}")
    if look.heads:
        lines.append(f"{'attention':<13}{_summary(look.attended())}")
    lines += ["", *_events(look, most)]
    for title, rows in (
        ("evidence: this user's events", look.counts()),
        ("statistics: all users' events", look.popularity()),
    ):
        if rows:
            lines += ["", *_table([(title, "of the item", "of its category"), *rows])]
    return "\n".join(lines)


def _summary(events: Sequence[Event]) -> str:
    if not events:
        return "no event"
    of_item = sum(event.same_item for event in events)
    of_category = sum(event.same_category for event in events)
    return (
        f"{len(events)} events, {of_item} of the item, {of_category} of its category, "
        f"{events[0].days_before:,} to {events[-1].days_before:,} days before"
    )


def _events(look: Look, most: int) -> list[str]:
    """Returns the events that weigh most, or the newest where there is no attention."""
    ranked = sorted(look.events, key=lambda event: -sum(event.attention))
    if not ranked:
        return ["no search found an event"]
    heads = [f"head {number}" for number in range(1, look.heads + 1)]
    rows = [("event", "days before", "found by", *heads, "item")]
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
        lines.append(f"and {len(ranked) - most} more events")
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

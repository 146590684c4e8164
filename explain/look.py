"""What is behind one score, put together for people to read: the same for terminal and page."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from lifelong.data.datasets.item_names import ItemNames
from lifelong.data.spoken_times import counted, day_of, describe_sent, spoken_gap
from lifelong.data.times import DAY
from lifelong.serving.ranker.explainer import ExplainedItem, ExplainedRequest

# What searches are called, in the order in which they are shown.
SEARCHES = {"hard": "hard search", "soft": "soft search", "eta": "ETA search"}
ATTENDED = "the model attends to"


@dataclasses.dataclass(frozen=True)
class Event:
    """A past event that a search found, or that the model attends to.

    Attributes:
        position: Place in the history, 0 for its newest event.
        timestamp: Unix seconds.
        day: Its date (UTC).
        days_before: Full days before the request.
        item: What its item is called.
        category: What its category is called.
        same_item: Whether it is of the candidate's item and category.
        same_category: Whether it is of the candidate's category.
        found_by: The searches that found it, of `SEARCHES`.
        attention: The weight of each head, largest 1; empty if the model does not attend to it.
    """

    position: int
    timestamp: int
    day: str
    days_before: int
    item: str
    category: str
    same_item: bool
    same_category: bool
    found_by: tuple[str, ...]
    attention: tuple[float, ...]


@dataclasses.dataclass(frozen=True)
class Part:
    """A part of the history that the model was sent.

    Attributes:
        events: How many events it has, at least one.
        role: What the model does with them.
    """

    events: int
    role: str


@dataclasses.dataclass(frozen=True)
class Look:
    """What is behind one score.

    Attributes:
        user: The user's id as in the log.
        user_events: How many events the user has.
        item: What the candidate is called.
        details: What else is known of it: its category, and its id if it has a name.
        label: All of it.
        explained: What the model tells, of this candidate alone.
        events: What searches found or the model attends to, the newest first.
        categories: What each category of the history is called, by id.
        sent_as_zero: Features that the behaviour log cannot tell.
    """

    user: str
    user_events: int
    item: str
    details: str
    label: str
    explained: ExplainedRequest
    events: tuple[Event, ...]
    categories: Mapping[int, str]
    sent_as_zero: tuple[str, ...]

    @property
    def candidate(self) -> ExplainedItem:
        """What the model tells of the candidate."""
        return self.explained.items[0]

    @property
    def heads(self) -> int:
        """How many heads the model attends with; 0 if it has no attention over the long part."""
        attended = self.candidate.attended
        return 0 if attended is None or attended.attention is None else len(attended.attention)

    @property
    def sent_events(self) -> int:
        """How many events the model was sent."""
        return len(self.explained.history["item"])

    @property
    def sent(self) -> str:
        """How much of the history that is, in words."""
        return describe_sent(self.sent_events, self.user_events)

    @property
    def long_events(self) -> int:
        """How many events the long part has."""
        beyond_short = max(self.sent_events - self.explained.short_length, 0)
        return min(self.explained.long_length, beyond_short)

    @property
    def counted_events(self) -> int:
        """How many of the newest events the evidence counts."""
        return min(self.explained.evidence_length, self.sent_events)

    @property
    def parts(self) -> list[Part]:
        """The parts of the history, the newest first; those without events are left out."""
        short = min(self.explained.short_length, self.sent_events)
        long = self.long_events
        parts = (
            Part(short, "of the short part"),
            Part(long, "of the long part, which searches look through"),
            Part(self.sent_events - short - long, "that are counted alone"),
        )
        return [part for part in parts if part.events]

    def scores(self) -> list[tuple[str, float, str]]:
        """Returns the score and what it would be otherwise: what it is called, itself, and a remark."""
        candidate, evidence = self.candidate, self.explained.evidence_length
        sent = self.sent_events
        short = min(self.explained.short_length, sent)
        stays = "counts and the short part stay" if evidence else "the short part stays"
        older = "older ones are not counted either" if evidence else "older ones are not sent"
        return [
            ("score", candidate.score, "as Predict gives it"),
            (
                "if the long part were empty",
                candidate.score_without_long_term,
                stays if sent > short else "it is",
            ),
            (
                f"of the last {counted(short, 'event')} alone" if short else "without any event",
                candidate.score_of_short_history,
                older if sent > short else "there are no older ones" if sent else "there is none",
            ),
        ]

    def found_by(self, search: str) -> list[Event]:
        """Returns the events that a search found, the newest first."""
        return [event for event in self.events if search in event.found_by]

    def attended(self) -> list[Event]:
        """Returns the events that the model attends to, the newest first."""
        return [event for event in self.events if event.attention]

    def counts(self) -> list[tuple[str, str, str]]:
        """Returns the evidence: what is counted, of the item and of its category; empty if nothing is."""
        told = self.candidate.evidence
        if not told:
            return []
        item, category = told["item"], told["category"]
        rows = [("events", f"{item['events']:,}", f"{category['events']:,}")]
        rows += [
            (f"in the last {days} days", f"{item[key]:,}", f"{category[key]:,}")
            for days, key in ((7, "events_7d"), (30, "events_30d"), (90, "events_90d"))
        ]
        return rows + [
            (name, self._when(item[key]), self._when(category[key]))
            for name, key in (
                ("the last", "last"),
                ("the one before", "previous"),
                ("the first", "first"),
            )
        ]

    def popularity(self) -> list[tuple[str, str, str]]:
        """Returns the statistics of all users' events, likewise."""
        told = self.candidate.statistics
        if not told:
            return []
        names = {
            "events_7d": "events in 7 days",
            "events_28d": "in 28 days",
            "events_91d": "in 91 days",
            "events": "ever",
            "users": "users who have one",
        }
        return [
            (name, f"{told['item'][key]:,}", f"{told['category'][key]:,}")
            for key, name in names.items()
        ]

    def _when(self, timestamp: int) -> str:
        if not timestamp:
            return "-"
        return f"{day_of(timestamp)}, {spoken_gap(self.explained.timestamp - timestamp)} before"


def make_look(
    user: str,
    user_events: int,
    explained: ExplainedRequest,
    names: ItemNames,
    sent_as_zero: tuple[str, ...],
) -> Look:
    """Puts together what a model tells of a request with one candidate.

    Args:
        user: The user's id as in the log.
        user_events: How many events the user has.
        explained: What the model tells.
        names: Of the items and categories in it.
        sent_as_zero: Features that the behaviour log cannot tell.
    """
    (candidate,) = explained.items
    history = explained.history
    found_by: dict[int, list[str]] = {}
    for search in SEARCHES:
        for position in candidate.searches[search].position.tolist():
            found_by.setdefault(position, []).append(search)
    attention: dict[int, tuple[float, ...]] = {}
    if candidate.attended is not None and candidate.attended.attention is not None:
        for place, position in enumerate(candidate.attended.position.tolist()):
            attention[position] = tuple(candidate.attended.attention[:, place].tolist())
    events = []
    for position in sorted(found_by.keys() | attention.keys()):
        item, category, time = (
            int(history[key][position]) for key in ("item", "category", "timestamp")
        )
        events.append(
            Event(
                position=position,
                timestamp=time,
                day=day_of(time),
                days_before=(explained.timestamp - time) // DAY,
                item=names.item(item),
                category=names.category(category),
                same_item=(item, category) == (candidate.item, candidate.category),
                same_category=category == candidate.category,
                found_by=tuple(found_by.get(position, ())),
                attention=attention.get(position, ()),
            )
        )
    name, of_id = names.item(candidate.item), f"item {names.id_in_log(candidate.item)}"
    of_category = names.category(candidate.category)
    return Look(
        user=user,
        user_events=user_events,
        item=name,
        details=of_category if name == of_id else f"{of_id}, {of_category}",
        label=names.describe(candidate.item, candidate.category),
        explained=explained,
        events=tuple(events),
        categories={
            int(category): names.category(int(category))
            for category in {*history["category"].tolist(), candidate.category}
        },
        sent_as_zero=sent_as_zero,
    )

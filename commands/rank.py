"""`lifelong rank`: ranks candidates for a user of the log, through the model server."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from lifelong.commands.command import with_options
from lifelong.data.spoken_times import counted, day_of, describe_age, describe_sent
from lifelong.pipeline.pushed import CandidateOptions, open_pushed

if TYPE_CHECKING:
    from lifelong.serving.ranker.items import SearchedEvent


@dataclasses.dataclass(frozen=True, kw_only=True)
class RankOptions(CandidateOptions):
    """Options of `lifelong rank`.

    Attributes:
        user: User id as in the log.
        top: Candidates to print.
        evidence: Past events to print for each candidate, of those that the search found for it.
        at: Time of the request, a date or ISO time; empty is right after the user's last event. For
            a time in the past, the history is that of then, but a model that reads statistics of
            all users has those of its own table, or the store's newer ones if they do not count
            later days: what is printed tells if they count what came after the request.
    """

    user: str
    top: int = 10
    evidence: int = 3
    at: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, least in (("top", 1), ("evidence", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}; at least {least} is needed")


def rank(options: RankOptions) -> int:
    """Ranks candidates and prints the best with the past events that were found for them.

    Returns:
        0.

    Raises:
        ValueError: If the user is not known or an option makes no sense.
        OSError: If there is no run, no pushed model or no server.
    """
    from lifelong.serving.ranker import Ranker

    with open_pushed(options) as pushed:
        user = pushed.find_user(options.user)
        now = user.request_time(options.at)
        offered = pushed.popular_items(now, options.weeks, options.candidates)
        request, sent_as_zero = pushed.request(user, offered, now)
        answer = Ranker(pushed.client, pushed.store).rank(request, options.top)
        shown = [event for item in answer.items for event in item.evidence[: options.evidence]]
        names = pushed.names(
            [*(it.item for it in answer.items), *(it.item for it in shown)],
            [*(it.category for it in answer.items), *(it.category for it in shown)],
        )
    if sent_as_zero:
        print(f"not in the behaviour log, sent as 0: {', '.join(sent_as_zero)}")
    print(
        f"user {options.user} on {day_of(now)}: {len(offered['item'])} candidates ranked over gRPC "
        f"with {describe_sent(answer.history_length, user.events)}, read from "
        f"{'the log' if pushed.store is None else 'the behaviour store'}"
    )
    if answer.statistics_age is not None:
        print(describe_age(answer.statistics_age, now))
    print()
    model = pushed.config.model
    by_bits = model.long_term == "eta" or (
        model.long_term == "sim_soft" and model.soft_search.served_by == "alsh"
    )
    for place, item in enumerate(answer.items, 1):
        print(f"{place:3}. {item.score:.4f}  {names.describe(item.item, item.category)}")
        for event in item.evidence[: options.evidence]:
            print(
                f"{'':13}{day_of(event.timestamp)}, {_describe_relevance(event, by_bits)}: "
                f"{names.describe(event.item, event.category)}"
            )
        if len(item.evidence) > options.evidence:
            print(f"{'':13}and {len(item.evidence) - options.evidence} more events found")
    return 0


def _describe_relevance(event: SearchedEvent, by_bits: bool) -> str:
    if by_bits:  # of signatures: their distance, negated
        return f"{counted(round(-event.relevance), 'bit')} apart"
    return f"relevance {event.relevance:g}"


COMMAND = with_options("rank candidates for a user of the log over gRPC", RankOptions, rank)

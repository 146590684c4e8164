"""Users, candidates and explanations of what the last run pushed, for commands and the page."""

from __future__ import annotations

import dataclasses
import functools
import heapq
from typing import NamedTuple

import numpy as np

from lifelong.data.logs.queries import category_of
from lifelong.data.logs.texts import read_texts
from lifelong.explain.look import Look, make_look
from lifelong.pipeline.pushed import KnownUser, NoCandidatesError, Pushed
from lifelong.serving.ranker import Explainer, Ranker

# Users to begin with.
_SUGGESTED = 8


class Candidate(NamedTuple):
    """A ranked candidate.

    Attributes:
        item: Id as in the log.
        score: As the `Ranker` gives it.
        item_name: What the item is called.
        category_name: What the category is called.
    """

    item: str
    score: float
    item_name: str
    category_name: str


@dataclasses.dataclass(frozen=True)
class Visit:
    """A user at a time, with ranked candidates.

    Attributes:
        user: The user's id as in the log.
        known: What is known of the user.
        timestamp: Time of the request, Unix seconds.
        candidates: Best first.
        no_candidates: Why there are none; empty if there are some.
        statistics_age: See `RankedRequest`.
        sent_as_zero: Features that the behaviour log cannot tell.
    """

    user: str
    known: KnownUser
    timestamp: int
    candidates: tuple[Candidate, ...] = ()
    no_candidates: str = ""
    statistics_age: int | None = None
    sent_as_zero: tuple[str, ...] = ()


class Session:
    """What the page and the command ask for.

    Args:
        pushed: What the last run pushed.
        candidates: Candidates of a user: the most frequent items of the weeks before the request.
        weeks: Those weeks.

    Example:
        with open_pushed(options) as pushed:
            session = Session(pushed)
            visit = session.visit("1")
            look = session.look("1", visit.candidates[0].item)
            print(visit.candidates[0].score, look.candidate.score)
    """

    def __init__(self, pushed: Pushed, candidates: int = 200, weeks: int = 4) -> None:
        self.pushed = pushed
        self._most = candidates
        self._weeks = weeks
        self._data = pushed.config.data

    @functools.cached_property
    def busiest_users(self) -> tuple[str, ...]:
        """Ids, as in the log, of some users who have many events; none without a store."""
        if self.pushed.store is None:
            return ()
        users = ((user.events, user.user) for user in self.pushed.store.scan())
        ids = [user for _, user in heapq.nlargest(_SUGGESTED, users)]
        texts = read_texts(self._data.behaviors, {"user": ids})["user"]
        return tuple(texts.get(user, str(user)) for user in ids)

    def explaining_version(self) -> int:
        """Returns the version of the model, once it is known to explain.

        Raises:
            PredictionError: It does not explain, or the server does not answer.
            StoreFormatError: Store and model are not of the same ids, categories and features.
        """
        return Explainer(self.pushed.client, self.pushed.store).version()

    def visit(self, user: str, at: str = "") -> Visit:
        """Ranks candidates for a user.

        Args:
            user: Id as in the log.
            at: Time of the request; right after the user's last event if empty.

        Raises:
            ValueError: The user is not known, or `at` is no time of a request.
        """
        known = self.pushed.find_user(user)
        now = known.request_time(at)
        try:
            offered = self.pushed.popular_items(now, self._weeks, self._most)
        except NoCandidatesError as error:
            return Visit(user, known, now, no_candidates=str(error))
        request, sent_as_zero = self.pushed.request(known, offered, now)
        answer = Ranker(self.pushed.client, self.pushed.store).rank(
            request, len(offered["item"]), explain=False
        )
        names = self.pushed.names(offered["item"].tolist(), offered["category"].tolist())
        return Visit(
            user,
            known,
            now,
            candidates=tuple(
                Candidate(
                    names.id_in_log(it.item),
                    it.score,
                    names.item(it.item),
                    names.category(it.category),
                )
                for it in answer.items
            ),
            statistics_age=answer.statistics_age,
            sent_as_zero=tuple(sent_as_zero),
        )

    def look(self, user: str, item: str, at: str = "") -> Look:
        """Explains the score of an item for a user.

        Args:
            user: Id as in the log.
            item: Likewise; it need not be one of the candidates.
            at: Time of the request; right after the user's last event if empty.

        Raises:
            ValueError: The user or the item is not known.
            PredictionError: The model does not explain.
        """
        known = self.pushed.find_user(user)
        found, category = category_of(self._data.behaviors, item, self.pushed.categories)
        candidate = {"item": np.array([found]), "category": np.array([category])}
        request, sent_as_zero = self.pushed.request(known, candidate, known.request_time(at))
        explained = Explainer(self.pushed.client, self.pushed.store).explain(request)
        names = self.pushed.names(
            [found, *explained.history["item"].tolist()],
            [category, *explained.history["category"].tolist()],
        )
        return make_look(user, known.events, explained, names, tuple(sent_as_zero))

"""The blocking ranker."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import grpc

from lifelong.serving.behavior_store import BehaviorStore
from lifelong.serving.client import PredictionClient
from lifelong.serving.prediction import PredictionError
from lifelong.serving.ranker.requests import RankedRequest, RankRequest
from lifelong.serving.ranker.steps import KnownContract, Step, Steps, ranking_steps


class Ranker:
    """Ranks candidates for users whose behaviour lies in a store. Threads may share a ranker.

    It learns from the server what the model reads: for SIM with hard search the store is searched
    by category (signature `searched_events`), for other models it gives the history. When another
    version is pushed, it learns anew.

    A model that reads statistics brings a table of them. If the store has newer ones, requests are
    given those (signatures `given_statistics`, `searched_events_given_statistics`), except requests
    from before the last day that they count, and those in which the model is to tell what its own
    search found (`search`, which takes no statistics). Answers tell how old the statistics are. A
    store without statistics changes nothing.

    Args:
        client: Client of the model; its timeout and attempts are those of each call.
        store: Behaviour of users, and statistics. While it is out of reach, requests are ranked
            with the events that they bring and the model's own statistics, and the answers say so.
            None: they always are.
        max_in_flight: Rankings under way at a time; more wait for as long as the client's timeout.

    Example:
        with PredictionClient("127.0.0.1:8500") as client, open_store("behavior_store") as store:
            ranker = Ranker(client, store)
            candidates = {"item": [7, 8], "category": [1, 1]}
            answer = ranker.rank(RankRequest(user=1, candidates=candidates, timestamp=1514764800))
            print(answer.items[0].item, answer.items[0].evidence)

    References:
        [SIM](https://arxiv.org/abs/2006.05639), section 4.2 (online serving).
    """

    def __init__(
        self, client: PredictionClient, store: BehaviorStore | None, max_in_flight: int = 32
    ) -> None:
        check_in_flight(max_in_flight)
        self._client = client
        self._store = store
        self._max_in_flight = max_in_flight
        self._slots = threading.BoundedSemaphore(max_in_flight)
        self._known = KnownContract()

    def rank(self, request: RankRequest, top: int = 10, explain: bool = True) -> RankedRequest:
        """Ranks the candidates of one request.

        Args:
            request: User, candidates, time.
            top: Candidates to return; fewer when the request has fewer.
            explain: Whether to return the events that the search found, where there is a search.

        Returns:
            The best candidates and how they came about.

        Raises:
            ValueError: The request cannot be used; the message names the field.
            StoreFormatError: Store and model are not of the same ids, categories and features.
            PredictionError: The server refused or failed the call; RESOURCE_EXHAUSTED: too many
                rankings are under way.
        """
        return self.rank_many([request], top, explain)[0]

    def rank_many(
        self, requests: Sequence[RankRequest], top: int = 10, explain: bool = True
    ) -> list[RankedRequest]:
        """Ranks several requests, of several users, with one call of the model.

        Args:
            requests: User, candidates and time of each.
            top: Candidates of each to return.
            explain: Whether to return the events that the search found.

        Returns:
            Answers in the order of the requests.

        Raises:
            ValueError, StoreFormatError, PredictionError: As `rank`.
        """
        if not requests:
            return []
        timeout_s = self._client.timeout_s
        if not self._slots.acquire(timeout=timeout_s):
            raise too_busy(self._max_in_flight, timeout_s)
        try:
            return self._drive(ranking_steps(self._store, self._known, requests, top, explain))
        finally:
            self._slots.release()

    def _drive(self, steps: Steps) -> Any:
        try:
            step: Step = next(steps)
            while True:
                try:
                    result = step.run() if step.blocks else step.run(self._client)
                except PredictionError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(result)
        except StopIteration as end:
            return end.value


def check_in_flight(max_in_flight: int) -> None:
    """Checks the argument `max_in_flight`."""
    if max_in_flight < 1:
        raise ValueError(f"max_in_flight is {max_in_flight}; at least 1 is needed")


def too_busy(max_in_flight: int, waited_s: float) -> PredictionError:
    """Returns the error of a ranking that found no room."""
    return PredictionError(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        f"{max_in_flight} rankings are under way (max_in_flight) and none ended within"
        f" {waited_s:g} s",
    )

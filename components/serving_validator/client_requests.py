"""The calls that clients make of a model, made as they make them."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from lifelong.components.serving_validator.recorded_requests import Columns, RecordedRequest
from lifelong.components.serving_validator.refusal import ModelRefusedError
from lifelong.data.contract import ContractError
from lifelong.data.keys import (
    CONTRACT_SIGNATURE,
    RANK_GIVEN_SIGNATURE,
    RANK_SEARCHED_GIVEN_SIGNATURE,
    RANK_SIGNATURE,
    REQUEST_TIMESTAMP,
    SEARCH_GIVEN_SIGNATURE,
    SEARCH_SIGNATURE,
    STATISTICS,
)
from lifelong.data.keys import RANK_SEARCHED_SIGNATURE as RANK_SEARCHED_SIGNATURE
from lifelong.data.newest_statistics import CandidateStatistics
from lifelong.data.times import DAY
from lifelong.serving.behavior_store.directory import Directory
from lifelong.serving.behavior_store.packed_user import pack_user
from lifelong.serving.behavior_store.user_tree import UserTree
from lifelong.serving.client import PredictionClient
from lifelong.serving.prediction import Metadata
from lifelong.serving.ranker.model_contract import ModelContract, contract_request, read_contract
from lifelong.serving.request import Request, build_request, with_statistics
from lifelong.serving.searched_request import build_searched_request, search_history

_EVENTS_IN_BLOCK = 256


class ClientRequests:
    """Makes the inputs of a model's signatures.

    Args:
        metadata: What the server tells about the model.
        contract: What the model tells about its requests.
    """

    def __init__(self, metadata: Metadata, contract: ModelContract) -> None:
        self.contract = contract
        self._inputs = metadata.signatures[RANK_SIGNATURE].inputs

    @classmethod
    def learn(cls, client: PredictionClient) -> ClientRequests:
        """Asks the server what requests look like, as the `Ranker` does.

        Raises:
            ModelRefusedError: The model lacks a signature that this needs, or its ids are made by the
                rule of another version.
            PredictionError: The server refused or failed a call.
        """
        metadata = client.metadata()
        missing = {RANK_SIGNATURE, CONTRACT_SIGNATURE} - metadata.signatures.keys()
        if missing:
            raise ModelRefusedError(
                f"the model has no signature {sorted(missing)}, only {sorted(metadata.signatures)}"
            )
        told = client.call(contract_request(), CONTRACT_SIGNATURE)
        try:
            return cls(metadata, read_contract(metadata, told))
        except ContractError as error:
            raise ModelRefusedError(str(error)) from error

    @property
    def ranking(self) -> dict[str, Callable[[RecordedRequest], Request]]:
        """What makes the inputs of each signature that ranks with what the model itself has counted."""
        made: dict[str, Callable[[RecordedRequest], Request]]
        made = {RANK_SIGNATURE: self.with_history}
        if self.contract.explains:
            made[SEARCH_SIGNATURE] = self.with_history
        if self.contract.searches_store:
            made[RANK_SEARCHED_SIGNATURE] = self.with_searched_events
        return made

    @property
    def ranking_as_of_then(self) -> dict[str, Callable[[RecordedRequest], Request]]:
        """What makes the inputs of each signature that ranks as the Evaluator does.

        Where a model reads statistics, the Evaluator shows it those of the request's day.
        """
        if not self.contract.reads_statistics:
            return self.ranking
        made: dict[str, Callable[[RecordedRequest], Request]]
        made = {RANK_GIVEN_SIGNATURE: functools.partial(_as_of_then, self.with_history)}
        if self.contract.explains:
            made[SEARCH_GIVEN_SIGNATURE] = made[RANK_GIVEN_SIGNATURE]
        if self.contract.searches_store:
            made[RANK_SEARCHED_GIVEN_SIGNATURE] = functools.partial(
                _as_of_then, self.with_searched_events
            )
        return made

    def with_history(self, recorded: RecordedRequest) -> Request:
        """Makes a request that brings its history."""
        user, time = self._user_and_time(recorded)
        return build_request(
            user,
            self._part(recorded, "history"),
            self._part(recorded, "candidate"),
            time,
            self.contract.max_events,
            self._part(recorded, "request", ("timestamp",)),
            self._part(recorded, "user"),
        )

    def with_searched_events(self, recorded: RecordedRequest) -> Request:
        """Makes a request whose events were searched in a behaviour store."""
        user, time = self._user_and_time(recorded)
        candidates = self._part(recorded, "candidate")
        contract = self.contract
        searched = search_history(
            self._tree(user, self._part(recorded, "history")),
            candidates,
            time,
            contract.short_length,
            contract.long_length,
            contract.searched_events,
            contract.evidence_length,
        )
        return build_searched_request(
            user,
            searched,
            candidates,
            time,
            self._part(recorded, "request", ("timestamp",)),
            self._part(recorded, "user"),
        )

    def _tree(self, user: int, events: Columns) -> UserTree:
        """Returns the tree that a behaviour store has of a user with these events."""
        features = self.contract.event_features
        if not len(events["item"]):
            return UserTree(user, Directory.of([]), features, lambda _: [], "memory")
        packed = pack_user(user, events, _EVENTS_IN_BLOCK)
        return UserTree(
            user,
            Directory.unpack(packed.directory, user),
            features,
            lambda numbers: [packed.blocks[number] for number in numbers],
            "memory",
        )

    def _part(
        self, recorded: RecordedRequest, owner: str, besides: tuple[str, ...] = ("length",)
    ) -> Columns:
        """Returns the columns of one owner that the model reads, without the owner's prefix."""
        prefix = f"{owner}_"
        return {
            key.removeprefix(prefix): np.asarray(recorded.columns.get(key, ()), spec.dtype)
            for key, spec in self._inputs.items()
            if key.startswith(prefix) and key.removeprefix(prefix) not in besides
        }

    @staticmethod
    def _user_and_time(recorded: RecordedRequest) -> tuple[int, int]:
        return int(recorded.columns["user"][0]), int(recorded.columns[REQUEST_TIMESTAMP][0])


def _as_of_then(make: Callable[[RecordedRequest], Request], recorded: RecordedRequest) -> Request:
    """Makes a request with the statistics that its record has."""
    of_items, of_categories, of_request = (recorded.columns[key] for key in STATISTICS)
    day = int(recorded.columns[REQUEST_TIMESTAMP][0]) // DAY * DAY
    counted = CandidateStatistics(day, of_items, of_categories, of_request[0])
    return with_statistics(make(recorded), counted)

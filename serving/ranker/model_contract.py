"""What a ranker has to know of the model it asks, and learns from the server."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeVar

import numpy as np

from lifelong.data.contract import NO_CONTRACT, DataContract
from lifelong.data.events import KEYS
from lifelong.data.keys import (
    CANDIDATE,
    HISTORY,
    ITEM_FEATURES,
    RANK_GIVEN_SIGNATURE,
    RANK_SEARCHED_SIGNATURE,
    RANK_SIGNATURE,
    REQUEST_STATISTICS_TIME,
    SEARCH_SIGNATURE,
)
from lifelong.data.times import DAY
from lifelong.serving.behavior_store import Manifest, StoreFormatError
from lifelong.serving.prediction import Metadata, Prediction
from lifelong.serving.request import Request
from lifelong.serving.searched_request import SearchedHistory

Column = TypeVar("Column")


class ModelContract(NamedTuple):
    """How requests to a version of a model are made.

    Attributes:
        version: Version of the model.
        searches_store: Whether it takes what the store found, not a history.
        explains: Whether it tells which events its own search found.
        short_length: S, newest events, which it reads all.
        long_length: L, events before those, which are searched.
        searched_events: K, most events that a search finds.
        data: How ids and categories are made; None if the model does not know.
        event_features: Type of each extra feature of events that it reads, by name.
        candidate_features: Names of the extra features of candidates that requests carry.
        item_features: Names of the features of items that the model has in a table of its own.
        evidence_length: E, newest events that it counts; 0 if it counts none.
        reads_statistics: Whether it reads how often all users have met items and categories.
        statistics_time: Start of the day that the counts of its own table are of, Unix seconds; 0 if
            it has none.
    """

    version: int
    searches_store: bool
    explains: bool
    short_length: int
    long_length: int
    searched_events: int
    data: DataContract | None
    event_features: dict[str, str]
    candidate_features: frozenset[str] = frozenset()
    item_features: frozenset[str] = frozenset()
    evidence_length: int = 0
    reads_statistics: bool = False
    statistics_time: int = 0

    @property
    def max_events(self) -> int:
        """Most recent events that the model reaches, which a request with a history brings."""
        return max(self.short_length + self.long_length, self.evidence_length)

    def prefers_statistics(self, time: int, request_timestamp: int) -> bool:
        """Whether a request is better given a store's counts than those of the model's own table.

        They must be newer, and count no day after that of the request, which only one made up in
        the past could be told.

        Args:
            time: Start of the day that the store's counts are as of, Unix seconds; 0 if it has none.
            request_timestamp: Unix seconds.
        """
        last_day = time - DAY
        return (
            self.reads_statistics and self.statistics_time < time and last_day <= request_timestamp
        )

    def select(self, events: Mapping[str, Column]) -> dict[str, Column]:
        """Returns the columns that the model reads: a server refuses inputs it does not know."""
        read = {*KEYS, *self.event_features}
        return {name: column for name, column in events.items() if name in read}

    def select_searched(self, history: SearchedHistory) -> SearchedHistory:
        """Returns what was searched with the columns that the model reads."""
        found = history.found._replace(columns=self.select(history.found.columns))
        return history._replace(short=self.select(history.short), found=found)

    def check_candidates(self, columns: Iterable[str]) -> None:
        """Checks that candidates have the features that the model reads, and no others.

        Args:
            columns: What the request has of its candidates.

        Raises:
            ValueError: One is missing, or is not carried by requests; the message names it.
        """
        given = {*columns} - {"item", "category"}
        for name in sorted(given - self.candidate_features):
            if name in self.item_features:
                raise ValueError(
                    f"candidate_{name}: the model has the item feature {name!r} in a table of its own "
                    "and looks it up by the item's id; leave it out"
                )
            raise ValueError(
                f"candidate_{name}: the model reads no such feature; it reads "
                f"{', '.join(sorted(self.candidate_features)) or 'none'} of candidates"
            )
        for name in sorted(self.candidate_features - given):
            raise ValueError(
                f"candidate_{name} is missing: the model reads it of every candidate of a request"
            )

    def check(self, manifest: Manifest) -> None:
        """Checks that the model and a store can be used together.

        Raises:
            StoreFormatError: They differ in ids or categories, or the store lacks a feature.
        """
        manifest.check_contract(self.data)
        missing = sorted(self.event_features.keys() - manifest.features.keys())
        if missing:
            raise StoreFormatError(
                f"the model reads the event features {missing}, the store holds"
                f" {sorted(manifest.features)}: build the store with the model's configuration"
            )


def contract_request() -> Request:
    """Returns the inputs of the signature that tells what requests look like."""
    return {"user": np.zeros(1, np.int64)}


def read_contract(metadata: Metadata, told: Prediction) -> ModelContract:
    """Returns the contract of a model.

    Args:
        metadata: Its signatures.
        told: What the signature `data_contract` of the same version returned for one row.

    Raises:
        ContractError: The model's ids are made by the rule of another version.
    """
    outputs = {name: values[0] for name, values in told.outputs.items()}
    inputs = metadata.signatures[RANK_SIGNATURE].inputs
    events = {
        name.removeprefix(HISTORY): spec.dtype.name
        for name, spec in inputs.items()
        if name.startswith(HISTORY)
    }
    candidates = {name.removeprefix(CANDIDATE) for name in inputs if name.startswith(CANDIDATE)}
    return ModelContract(
        version=told.version,
        searches_store=RANK_SEARCHED_SIGNATURE in metadata.signatures,
        explains=SEARCH_SIGNATURE in metadata.signatures,
        short_length=int(outputs["short_length"]),
        long_length=int(outputs["long_length"]),
        searched_events=int(outputs["searched_events"]),
        data=DataContract.from_texts({name: outputs[name].decode() for name in NO_CONTRACT}),
        event_features={
            name: dtype for name, dtype in events.items() if name not in (*KEYS, "length")
        },
        candidate_features=frozenset(candidates - {"item", "category", "length"}),
        # Models that were exported before there were any do not tell.
        item_features=frozenset(json.loads(outputs.get(ITEM_FEATURES, b"[]"))),
        evidence_length=int(outputs.get("evidence_length", 0)),
        reads_statistics=RANK_GIVEN_SIGNATURE in metadata.signatures,
        statistics_time=int(outputs.get(REQUEST_STATISTICS_TIME, 0)),
    )

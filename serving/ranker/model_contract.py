"""What a ranker has to know of the model it asks, and learns from the server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeVar

import numpy as np

from lifelong.data.contract import NO_CONTRACT, DataContract
from lifelong.data.events import KEYS
from lifelong.data.keys import HISTORY, RANK_SEARCHED_SIGNATURE, RANK_SIGNATURE, SEARCH_SIGNATURE
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
    """

    version: int
    searches_store: bool
    explains: bool
    short_length: int
    long_length: int
    searched_events: int
    data: DataContract | None
    event_features: dict[str, str]

    @property
    def window(self) -> int:
        """S + L, the most recent events that the model reaches."""
        return self.short_length + self.long_length

    def select(self, events: Mapping[str, Column]) -> dict[str, Column]:
        """Returns the columns that the model reads: a server refuses inputs it does not know."""
        read = {*KEYS, *self.event_features}
        return {name: column for name, column in events.items() if name in read}

    def select_searched(self, history: SearchedHistory) -> SearchedHistory:
        """Returns what was searched with the columns that the model reads."""
        found = history.found._replace(columns=self.select(history.found.columns))
        return history._replace(short=self.select(history.short), found=found)

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
    events = {
        name.removeprefix(HISTORY): spec.dtype.name
        for name, spec in metadata.signatures[RANK_SIGNATURE].inputs.items()
        if name.startswith(HISTORY)
    }
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
    )

"""What a store says about itself: its format, its columns, and which data it is of."""

from __future__ import annotations

import dataclasses
import json

import numpy as np

from lifelong.data.contract import VERSION, ContractError, DataContract
from lifelong.data.events import KEYS
from lifelong.data.newest_statistics import Newest
from lifelong.serving.behavior_store.errors import StoreFormatError

# Raised when the bytes of a store change their meaning.
FORMAT_VERSION = 4
# Its name in a folder that holds a store.
MANIFEST_FILE = "manifest.json"
_RUN_AGAIN = "run `lifelong run` again, which builds and pushes it anew"
_TYPES = ("int64", "float32")
# What every store has: no event feature is called so.
_COLUMNS = ("user", *KEYS)
# 2**64 divided by the golden ratio: multiplying by it spreads neighbouring users.
_SPREAD = 0x9E3779B97F4A7C15


@dataclasses.dataclass(frozen=True)
class Manifest:
    """Describes a store.

    Attributes:
        features: Type of each event feature by name: `int64` (categorical) or `float32` (numeric).
        contract: How ids and categories are made; only a model of an equal one can use the store.
        source: Fingerprint of the log that the store was built from.
        shards: Parts into which users are divided.
        block_size: Most events in a block; blocks are also bounded in bytes.
        format_version: Of the bytes.
        statistics_time: Start of the day that its counts of all users' events are as of, Unix
            seconds; 0 if it has none.
    """

    features: dict[str, str] = dataclasses.field(default_factory=dict)
    contract: DataContract = dataclasses.field(default_factory=lambda: DataContract(VERSION))
    source: str = ""
    shards: int = 8
    block_size: int = 256
    format_version: int = FORMAT_VERSION
    statistics_time: int = 0

    def __post_init__(self) -> None:
        for name in ("shards", "block_size"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} is {value!r}; a whole number from 1 on is needed")
        for name, dtype in self.features.items():
            if name in _COLUMNS:
                raise ValueError(f"feature {name}: every store has a column of this name")
            if dtype not in _TYPES:
                raise ValueError(f"feature {name}: type {dtype!r}; expected {' or '.join(_TYPES)}")

    def shard_of(self, users: np.ndarray) -> np.ndarray:
        """Returns the shard of each user: int64 `[n]`."""
        mixed = np.asarray(users).astype(np.uint64) * np.uint64(_SPREAD)
        return (mixed >> np.uint64(32)).astype(np.int64) % self.shards

    def shard_of_user(self, user: int) -> int:
        """Returns the shard of one user, as `shard_of` does, faster."""
        return ((user * _SPREAD & 0xFFFF_FFFF_FFFF_FFFF) >> 32) % self.shards

    def check_contract(self, model: DataContract | None) -> None:
        """Checks that a model reads ids and categories as the store holds them.

        Args:
            model: The model's contract; None if it tells none.

        Raises:
            StoreFormatError: They differ.
        """
        if model is None:
            raise StoreFormatError(
                "the model tells no data contract, so whether its ids are those of the store is not "
                "known: push a model that the pipeline has trained"
            )
        try:
            self.contract.check_equal(model, "the store", "the model")
        except ContractError as error:
            raise StoreFormatError(str(error)) from error

    def check_statistics(self, statistics: Newest | None) -> None:
        """Checks that counts are those that the store is to have.

        Raises:
            ValueError: They are of another day.
        """
        time = 0 if statistics is None else statistics.time
        if time != self.statistics_time:
            raise ValueError(
                f"the manifest's statistics_time is {self.statistics_time}, the statistics given are"
                f" as of {time} (0: none); both must be the same"
            )

    def to_json(self) -> str:
        """Returns the manifest as JSON text."""
        fields = dataclasses.asdict(self)
        if not self.statistics_time:
            # Shards know the text: it stays that of stores from before there were any.
            del fields["statistics_time"]
        return json.dumps(fields, indent=2, sort_keys=True)

    @classmethod
    def from_json(cls, text: str | bytes, where: str) -> Manifest:
        """Reads what `to_json` wrote.

        Args:
            text: The JSON text.
            where: What it was read from, for errors.

        Raises:
            StoreFormatError: The store is of another format version, its ids are made by the rule
                of another version, or this is no manifest.
        """
        try:
            fields = json.loads(text)
            version = fields["format_version"]
        except (ValueError, KeyError, TypeError) as error:
            raise StoreFormatError(
                f"{where} is no manifest of a behaviour store: {error}"
            ) from error
        if version != FORMAT_VERSION:
            fix = "update lifelong" if _newer(version) else _RUN_AGAIN
            raise StoreFormatError(
                f"{where}: the store has format {version}, this version of lifelong reads format"
                f" {FORMAT_VERSION}; {fix}"
            )
        try:
            # First: another version may have other fields.
            DataContract(fields["contract"]["version"]).check_version(f"{where}: the store")
            return cls(**{**fields, "contract": DataContract(**fields["contract"])})
        except ContractError as error:
            raise StoreFormatError(str(error)) from error
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise StoreFormatError(
                f"{where} is no manifest of a behaviour store: {error}"
            ) from error


def _newer(version: object) -> bool:
    return isinstance(version, int) and version > FORMAT_VERSION

"""What the ingestion reads and makes; importable without Beam, TFX or TensorFlow."""

from __future__ import annotations

import dataclasses
from typing import Literal, get_args

import numpy as np

from lifelong.components.behavior_example_gen import config_checks
from lifelong.data.config_json import JsonConfig
from lifelong.data.contract import DataContract
from lifelong.data.features import Feature, features_of
from lifelong.data.logs.config import LogConfig
from lifelong.data.logs.fields import (
    Field,
    behavior_fields,
    event_features,
    impression_fields,
    item_fields,
    user_fields,
)
from lifelong.data.logs.item_categories import ItemCategories
from lifelong.data.times import parse_time

NegativesBy = Literal["popularity", "uniform"]


@dataclasses.dataclass(frozen=True)
class RequestConfig:
    """How requests are made from a behaviour log when there is no impression log.

    A user's events at one time are a basket, and each basket is a request: its items are the
    positives, and negatives are other users' items of the same week and split.

    Attributes:
        min_history: Earlier events that a user must have at a request.
        max_positives: Positives kept of a larger basket, chosen by hash.
        negatives: Negatives sampled for a request.
        negatives_by: `popularity`: an item is drawn as often as other users have it in that week;
            `uniform`: each item that another user has in that week is as likely as any other, as far
            as the `negative_pool_size` events of the week tell, in which rare items may be missing.
        positive_behaviors: Behaviour types that make an item positive. Empty: all.
        exclude_history_from_negatives: Whether no item is sampled that the user has had before: right
            where nobody takes an item twice (films, books), for there a model would learn that what
            was had is a negative. Wrong where people buy again.
    """

    min_history: int = 100
    max_positives: int = 4
    negatives: int = 16
    negatives_by: NegativesBy = "popularity"
    positive_behaviors: tuple[str, ...] = ()
    exclude_history_from_negatives: bool = False

    def __post_init__(self) -> None:
        if self.negatives_by not in get_args(NegativesBy):
            raise ValueError(
                f"requests.negatives_by is {self.negatives_by!r}; expected one of "
                f"{', '.join(get_args(NegativesBy))}"
            )


@dataclasses.dataclass(frozen=True)
class SplitConfig:
    """How requests are divided into train, validation and eval.

    Attributes:
        by: `time`: each split has its period; `user`: each split has its users, chosen by hash.
        train_start: First day or ISO time of the requests of `train`; by user, of all splits. Empty:
            the beginning of the log.
        validation_start: First time of `validation`, which ends `train` (by time only).
        eval_start: First time of `eval`, which ends `validation` (by time only).
        eval_end: First time after `eval`; by user, after all splits. Empty: the end of the log.
        validation_share: Share of users in `validation` (by user only).
        eval_share: Share of users in `eval` (by user only).
        max_train_requests: Most requests of `train`, sampled by hash; 0 is all.
        max_validation_requests: Most requests of `validation`, sampled by hash; 0 is all.
        max_eval_requests: Most requests of `eval`, sampled by hash; 0 is all.
    """

    by: Literal["time", "user"] = "time"
    train_start: str = ""
    validation_start: str = ""
    eval_start: str = ""
    eval_end: str = ""
    validation_share: float = 0.1
    eval_share: float = 0.1
    max_train_requests: int = 0
    max_validation_requests: int = 0
    max_eval_requests: int = 0

    @property
    def max_requests(self) -> tuple[int, int, int]:
        """Most requests of each of `SPLITS`; 0 is all."""
        return self.max_train_requests, self.max_validation_requests, self.max_eval_requests

    def bounds(self) -> np.ndarray:
        """Returns the time bounds as Unix seconds.

        Returns:
            int64 `[4]` by time: starts of train, validation and eval, end of eval; `[2]` by user:
            start and end of all splits.

        Raises:
            ValueError: A time cannot be read or the times are out of order.
        """
        names = ["train_start", "validation_start", "eval_start", "eval_end"]
        if self.by == "user":
            names = ["train_start", "eval_end"]
        limits = np.iinfo(np.int64)
        empty = {"train_start": limits.min, "eval_end": limits.max}
        times = [
            parse_time(getattr(self, name), f"splits.{name}")
            if getattr(self, name) or name not in empty
            else empty[name]
            for name in names
        ]
        for (early, start), (late, end) in zip(
            zip(names, times, strict=True), list(zip(names, times, strict=True))[1:], strict=False
        ):
            if start >= end:
                raise ValueError(
                    f"splits.{late} ({getattr(self, late)}) must come after splits.{early} "
                    f"({getattr(self, early)})"
                )
        return np.array(times, np.int64)


@dataclasses.dataclass(frozen=True)
class IngestConfig(JsonConfig):
    """Everything that decides what the records contain.

    Attributes:
        behaviors: The behaviour log: what users did.
        impressions: The impression log: what users were shown, with labels. None: requests are made
            from the behaviour log.
        users: The user table: user ids and user features. None: no user features.
        items: The item table: item ids, their categories (`columns.category`; empty if it has none)
            and item features. None: there are neither.
        features: Extra features of events, candidates, requests, users and items.
        requests: How requests are made without an impression log.
        splits: How requests are divided.
        window: Events that a model looks back at a request: those of the short and long history
            together, or those that it counts as evidence if they are more.
        seed: Seed of every sampling; the same seed gives the same records.
        max_bad_share: Share of unusable rows in a log above which the run fails.
        shards: Groups of users that are worked on in parallel.
        max_events_per_record: Events in a record; users with more get several records whose events
            overlap by `window`.
        negative_pool_size: Events of a week and split, chosen by hash, that negatives are drawn from.
        id_space: Name of the way in which the log's user and item ids are assigned. Give another
            name when ids are assigned anew: then no model reads a behaviour store whose ids mean
            something else.
        category_taxonomy: Likewise, for the log's categories.
    """

    behaviors: LogConfig = dataclasses.field(default_factory=LogConfig)
    impressions: LogConfig | None = None
    users: LogConfig | None = None
    items: LogConfig | None = None
    features: tuple[Feature, ...] = ()
    requests: RequestConfig = RequestConfig()
    splits: SplitConfig = SplitConfig()
    window: int = 4000
    seed: int = 0
    max_bad_share: float = 0.01
    shards: int = 64
    max_events_per_record: int = 50_000
    negative_pool_size: int = 65_536
    id_space: str = ""
    category_taxonomy: str = ""

    @property
    def logs(self) -> dict[str, LogConfig]:
        """The logs that records are made of and that are there, by the name of their field."""
        logs = {"behaviors": self.behaviors, "impressions": self.impressions, "users": self.users}
        return {name: log for name, log in logs.items() if log is not None}

    @property
    def tables(self) -> dict[str, LogConfig]:
        """All that is read: the logs and, where there is one, the item table."""
        return self.logs if self.items is None else {**self.logs, "items": self.items}

    @property
    def all_features(self) -> tuple[Feature, ...]:
        """Those of records: `features` without those of items, and the behaviour type if it is there."""
        events = event_features(self.behaviors.columns, self.features)
        others = (feature for feature in self.features if feature.of not in ("event", "item"))
        return (*events, *others)

    @property
    def item_features(self) -> tuple[Feature, ...]:
        """Those of the item table, which records do not have."""
        return tuple(features_of(self.features, "item"))

    @property
    def contract(self) -> DataContract:
        """How ids and categories are made."""
        items = None if self.behaviors.columns.category else self.items
        return DataContract.of(self.behaviors, self.id_space, self.category_taxonomy, items)

    @property
    def of_records(self) -> IngestConfig:
        """The same without what does not decide about records: of the item table all but categories."""
        features = tuple(feature for feature in self.features if feature.of != "item")
        return dataclasses.replace(self, features=features, items=self.category_table)

    @property
    def category_table(self) -> LogConfig | None:
        """The item table as far as it tells categories; None if it does not."""
        if self.items is None or not self.items.columns.category:
            return None
        ids = {self.items.columns.item, self.items.columns.category}
        text_columns = tuple(column for column in self.items.text_columns if column in ids)
        return dataclasses.replace(self.items, text_columns=text_columns)

    def read_categories(self) -> ItemCategories | None:
        """Reads the categories that the behaviour log does not have; None if it has them."""
        table = None if self.behaviors.columns.category else self.category_table
        return None if table is None else ItemCategories.read(table)

    def fields_of(self, log: str) -> list[Field]:
        """Returns what is read of the log `behaviors`, `impressions`, `users` or `items`."""
        of = {
            "behaviors": behavior_fields,
            "impressions": impression_fields,
            "users": user_fields,
            "items": item_fields,
        }
        return of[log](self.tables[log], self.features)

    def validate(self) -> None:
        """Checks the fields and how they fit together.

        Raises:
            ValueError: Names the field and the fix.
        """
        config_checks.check(self)

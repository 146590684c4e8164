"""What a behaviour store is built of; importable without Beam, TFX or TensorFlow."""

from __future__ import annotations

import dataclasses
import hashlib

from lifelong.components.behavior_example_gen.config import IngestConfig
from lifelong.data.config_json import JsonConfig
from lifelong.data.contract import DataContract
from lifelong.data.features import Feature
from lifelong.data.logs.config import LogConfig
from lifelong.data.logs.fields import Field, behavior_fields, event_features
from lifelong.data.logs.item_categories import ItemCategories
from lifelong.serving.behavior_store import Manifest, Retention

_DAY = 24 * 3600


@dataclasses.dataclass(frozen=True)
class TreeConfig(JsonConfig):
    """Everything that decides what a store holds.

    And nothing else: a store is built again when one of these, or the log, changes.

    Attributes:
        behaviors: The behaviour log.
        contract: How ids and categories are made.
        features: Declared features of events; with the behaviour type, where the log has one.
        max_bad_share: Share of unusable rows in the log above which the build fails.
        shards: Parts of the store. Each is built by one worker, in memory.
        max_events_per_category: Most events of a user and category, the newest; 0 keeps all. What is
            dropped is not counted as evidence, either.
        max_age_days: Greatest age of an event, counted from the newest of the log; 0 keeps all.
        items: The item table, if it tells the categories; None if the log has them.
    """

    behaviors: LogConfig
    contract: DataContract
    features: tuple[Feature, ...] = ()
    max_bad_share: float = 0.01
    shards: int = 8
    max_events_per_category: int = 0
    max_age_days: int = 0
    items: LogConfig | None = None

    @classmethod
    def of(
        cls,
        ingest: IngestConfig,
        shards: int = 8,
        max_events_per_category: int = 0,
        max_age_days: int = 0,
    ) -> TreeConfig:
        """Makes the configuration of a store with the events that an ingestion reads.

        Args:
            ingest: The ingestion.
            shards: See the class.
            max_events_per_category: See the class.
            max_age_days: See the class.
        """
        return cls(
            behaviors=ingest.behaviors,
            contract=ingest.contract,
            features=event_features(ingest.behaviors.columns, ingest.features),
            max_bad_share=ingest.max_bad_share,
            shards=shards,
            max_events_per_category=max_events_per_category,
            max_age_days=max_age_days,
            items=None if ingest.behaviors.columns.category else ingest.category_table,
        )

    @property
    def fields(self) -> list[Field]:
        """What is read of the log."""
        return behavior_fields(self.behaviors, self.features)

    @property
    def retention(self) -> Retention:
        """What is kept of a user."""
        return Retention(self.max_events_per_category, self.max_age_days * _DAY)

    @property
    def logs(self) -> dict[str, LogConfig]:
        """All that is read, by the name of its field."""
        logs = {"behaviors": self.behaviors, "items": self.items}
        return {name: log for name, log in logs.items() if log is not None}

    def read_categories(self) -> ItemCategories | None:
        """Reads the categories that the behaviour log does not have; None if it has them."""
        return None if self.items is None else ItemCategories.read(self.items)

    def validate(self) -> None:
        """Checks the fields.

        Raises:
            ValueError: Names the field and the fix.
        """
        at_least = {"shards": 1, "max_events_per_category": 0, "max_age_days": 0}
        for name, least in at_least.items():
            if getattr(self, name) < least:
                raise ValueError(
                    f"store.{name} is {getattr(self, name)}; it must be at least {least}"
                )
        if any(feature.name == "user" for feature in self.features):
            raise ValueError(
                "features: the behaviour store has a column `user` of its own; give the event "
                "feature another name, and its column as `column`, or set store.build to false"
            )

    def manifest(self, log: str, statistics_time: int = 0) -> Manifest:
        """Returns what the store says of itself.

        The source it names is the log and this configuration: stores with equal manifests hold the
        same events, and the same counts of them.

        Args:
            log: Fingerprint of the log.
            statistics_time: Start of the day that the counts are as of, Unix seconds; 0 for a store
                without.
        """
        digest = hashlib.sha256(self.to_json().encode()).hexdigest()
        return Manifest(
            features={
                feature.name: "int64" if feature.is_categorical else "float32"
                for feature in self.features
            },
            contract=self.contract,
            source=f"{log}\nconfig:{digest[:16]}",
            shards=self.shards,
            statistics_time=statistics_time,
        )

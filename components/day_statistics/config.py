"""What the statistics of days are made of; importable without Beam, TFX or TensorFlow."""

from __future__ import annotations

import dataclasses

from lifelong.components.behavior_example_gen.config import IngestConfig
from lifelong.data.config_json import JsonConfig
from lifelong.data.features import Feature
from lifelong.data.logs.config import LogConfig
from lifelong.data.logs.fields import Field, behavior_fields, event_features


@dataclasses.dataclass(frozen=True)
class DayStatisticsConfig(JsonConfig):
    """Everything that decides what is counted, and nothing else.

    Attributes:
        behaviors: The behaviour log.
        features: Features of events: events that differ in one are two.
        items: The item table, if it tells the categories; None if the log has them.
        shards: Groups of users whose events are counted in parallel.
        parts: Groups of items and categories whose counts are written in parallel.
    """

    behaviors: LogConfig
    features: tuple[Feature, ...] = ()
    items: LogConfig | None = None
    shards: int = 16
    parts: int = 16

    @classmethod
    def of(cls, ingest: IngestConfig) -> DayStatisticsConfig:
        """Makes the configuration for the events that an ingestion reads."""
        return cls(
            behaviors=ingest.behaviors,
            features=event_features(ingest.behaviors.columns, ingest.features),
            items=None if ingest.behaviors.columns.category else ingest.category_table,
        )

    @property
    def fields(self) -> list[Field]:
        """What is read of the log."""
        return behavior_fields(self.behaviors, self.features)

    @property
    def logs(self) -> dict[str, LogConfig]:
        """All that is read, by the name of its field."""
        logs = {"behaviors": self.behaviors, "items": self.items}
        return {name: log for name, log in logs.items() if log is not None}

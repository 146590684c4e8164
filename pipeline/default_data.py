"""The data that a run without a log of its own reads: The Complete Journey."""

from __future__ import annotations

import os

from lifelong.components.behavior_example_gen.config import (
    IngestConfig,
    RequestConfig,
    SplitConfig,
)
from lifelong.data.datasets import complete_journey
from lifelong.data.logs.config import LogConfig
from lifelong.pipeline.config import Config, Workdir


def default_ingestion(behaviors: str | os.PathLike[str]) -> IngestConfig:
    """Returns the ingestion of the prepared log: a request is a basket.

    Args:
        behaviors: The prepared log, `Prepared.behaviors`.
    """
    return IngestConfig(
        behaviors=LogConfig(files=os.fspath(behaviors)),
        requests=RequestConfig(min_history=100, max_positives=4, negatives=16),
        splits=SplitConfig(
            train_start="2017-07-01",
            validation_start="2017-10-15",
            eval_start="2017-11-01",
            max_eval_requests=6000,
        ),
    )


def is_default_data(config: Config, workdir: Workdir) -> bool:
    """Whether it is The Complete Journey that a configuration reads."""
    return config.data.behaviors.patterns == [str(workdir.data / complete_journey.BEHAVIORS)]


def prepare_data(config: Config, workdir: Workdir) -> None:
    """Prepares The Complete Journey if that is what the configuration reads.

    Args:
        config: The configuration.
        workdir: Where things lie.
    """
    if is_default_data(config, workdir):
        prepared = complete_journey.prepare(workdir.data)
        print(
            f"data: The Complete Journey, {prepared.events:,} purchases "
            f"({prepared.events_without_category:,} of products without a category)"
        )

"""Counts events by day as a TFX executor."""

from __future__ import annotations

from typing import Any

from tfx import types
from tfx.dsl.components.base import base_beam_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils

from lifelong.components.day_statistics.config import DayStatisticsConfig
from lifelong.components.day_statistics.transforms import LOG, CountDays
from lifelong.components.log_reading.counting import WriteCounts, read_counts
from lifelong.data.logs.counts import summary

CONFIG_KEY = "config"
DAY_STATISTICS_KEY = "day_statistics"


class Executor(base_beam_executor.BaseBeamExecutor):
    """Writes the counts and describes them."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Reads the behaviour log and writes the counts.

        Args:
            input_dict: Nothing.
            output_dict: `day_statistics`: a `DayStatistics`.
            exec_properties: `config`: a `DayStatisticsConfig` as JSON.

        Raises:
            ValueError: The log cannot be read.
        """
        config = DayStatisticsConfig.from_json(exec_properties[CONFIG_KEY])
        statistics = artifact_utils.get_single_instance(output_dict[DAY_STATISTICS_KEY])
        fileio.makedirs(statistics.uri)
        with self._make_beam_pipeline() as pipeline:
            _ = (
                pipeline
                | "CountDays" >> CountDays(config, statistics.uri)
                | "WriteCounts" >> WriteCounts(statistics.uri)
            )
        counts = read_counts(statistics.uri)
        print(f"Statistics of days:\n{summary(counts)}", flush=True)
        for name in ("events", "users", "items", "categories"):
            statistics.set_int_custom_property(name, counts[f"{LOG}/{name}"])

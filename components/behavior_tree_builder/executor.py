"""Runs the build of a behaviour store as a TFX executor."""

from __future__ import annotations

import time
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils

from lifelong.components.behavior_tree_builder.config import TreeConfig
from lifelong.components.behavior_tree_builder.store_files import (
    finish_store,
    put_statistics,
    store_uri,
)
from lifelong.components.behavior_tree_builder.transforms import LOG, BuildTrees
from lifelong.components.day_statistics.executor import DAY_STATISTICS_KEY
from lifelong.components.log_reading.counting import WriteCounts, read_counts
from lifelong.components.log_reading.fingerprints import told_fingerprints
from lifelong.data.day_statistics import DayStatistics
from lifelong.data.logs.counts import Counts, check_rows, summary
from lifelong.serving.behavior_store import Manifest

CONFIG_KEY = "config"
TREE_KEY = "behavior_tree"


class Executor(base_beam_executor.BaseBeamExecutor):
    """Builds the store and describes it."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Reads the behaviour log and writes the store.

        Args:
            input_dict: `day_statistics`: counts of the behaviour log.
            output_dict: `behavior_tree`: a `BehaviorTree`.
            exec_properties: `config`: a `TreeConfig` as JSON; fingerprints of the tables.

        Raises:
            ValueError: The log cannot be read, or has too many bad rows. The artifact holds no
                store then.
        """
        config = TreeConfig.from_json(exec_properties[CONFIG_KEY])
        tree = artifact_utils.get_single_instance(output_dict[TREE_KEY])
        store = store_uri(tree)
        statistics = DayStatistics(
            artifact_utils.get_single_uri(input_dict[DAY_STATISTICS_KEY])
        ).newest()
        manifest = config.manifest(told_fingerprints(exec_properties), statistics.time)
        with self._make_beam_pipeline() as pipeline:
            _ = (
                pipeline
                | "BuildTrees" >> BuildTrees(config, manifest, store, int(time.time()))
                | "WriteCounts" >> WriteCounts(tree.uri)
            )
        counts = read_counts(tree.uri)
        print(f"Behaviour store:\n{summary(counts)}", flush=True)
        check_rows(counts, LOG, config.max_bad_share)
        if not counts["store/events"]:
            raise ValueError("the log behaviors has no usable row; correct its columns")
        size = counts["store/bytes"] + put_statistics(statistics, store)
        size += finish_store(store, manifest)
        _describe(tree, manifest, counts, size)


def _describe(tree: types.Artifact, manifest: Manifest, counts: Counts, size: int) -> None:
    tree.set_int_custom_property("format_version", manifest.format_version)
    tree.set_int_custom_property("statistics_time", manifest.statistics_time)
    for name in ("users", "events"):
        tree.set_int_custom_property(name, counts[f"store/{name}"])
    tree.set_int_custom_property("bytes", size)
    tree.set_float_custom_property("bytes_per_event", size / counts["store/events"])
    for name, text in {**manifest.contract.texts(), "source": manifest.source}.items():
        tree.set_string_custom_property(name, text)

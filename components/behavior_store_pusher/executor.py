"""Pushes a behaviour store as a TFX executor."""

from __future__ import annotations

from typing import Any

from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils

from lifelong.components.behavior_store_pusher.destinations import destination_at
from lifelong.components.behavior_tree_builder.store_files import read_manifest, store_uri

TREE_KEY, PUSHED_KEY = "behavior_tree", "pushed_store"
DESTINATION_KEY, KEEP_KEY, STATE_KEY = "destination", "keep_versions", "destination_state"


class Executor(base_executor.BaseExecutor):
    """Copies the store to its destination and notes where that is."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Pushes the store, unless it is in use at the destination already.

        Args:
            input_dict: `behavior_tree`: a `BehaviorTree`.
            output_dict: `pushed_store`: a `PushedBehaviorStore`.
            exec_properties: `destination` and `keep_versions`, see `BehaviorStorePusher`.

        Raises:
            StoreError: The copy is damaged, or the destination full or out of reach. What was
                pushed before is still in use.
        """
        tree = artifact_utils.get_single_instance(input_dict[TREE_KEY])
        pushed = artifact_utils.get_single_instance(output_dict[PUSHED_KEY])
        destination = destination_at(exec_properties[DESTINATION_KEY], exec_properties[KEEP_KEY])
        version = destination.current()
        if version is None or version.manifest != read_manifest(store_uri(tree)):
            events = tree.get_int_custom_property("events")
            version = destination.push(store_uri(tree), destination.next_number(), events)
        pushed.set_string_custom_property("pushed_destination", version.where)
        pushed.set_int_custom_property("pushed_version", version.number)

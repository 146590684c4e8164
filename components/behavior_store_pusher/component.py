"""The BehaviorStorePusher component: a built store in, a store that requests are answered from out."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec

from lifelong.components.behavior_store_pusher.destinations import destination_at
from lifelong.components.behavior_store_pusher.executor import (
    DESTINATION_KEY,
    KEEP_KEY,
    PUSHED_KEY,
    STATE_KEY,
    TREE_KEY,
    Executor,
)
from lifelong.components.run_parameter import Parameter
from lifelong_artifacts import BehaviorTree, PushedBehaviorStore


class BehaviorStorePusherSpec(types.ComponentSpec):
    """Input, parameters and output of BehaviorStorePusher."""

    PARAMETERS = {
        DESTINATION_KEY: component_spec.ExecutionParameter(type=str),
        KEEP_KEY: component_spec.ExecutionParameter(type=int),
        STATE_KEY: component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {TREE_KEY: component_spec.ChannelParameter(type=BehaviorTree)}
    OUTPUTS = {PUSHED_KEY: component_spec.ChannelParameter(type=PushedBehaviorStore)}


class BehaviorStorePusher(base_component.BaseComponent):
    """Pushes a behaviour store, into a folder of versions, an object store or Redis.

    It does not wait for the model's blessing: hard search uses no weights, and two pushes are never
    one. A model and a store that do not belong together tell so by their data contracts. A store
    that is in use at the destination is not pushed there again.

    Outputs:
        pushed_store: A `PushedBehaviorStore`.

    Args:
        behavior_tree: The BehaviorTreeBuilder's store.
        destination: Folder or URI such as `gs://bucket/folder`, in which each push makes a new
            numbered version, or an address such as `redis://host:6379/0?name=lifelong`. All of it, a
            password too, is part of the metadata.
        keep_versions: Newest versions that are kept of a folder or URI, the new one included. Redis
            keeps two.
        destination_state: What was in use at the destination when the run was started, as the
            function of this name tells. Nothing reads it: where it differs from that of an earlier
            push of the same store, that push is not taken from the cache.

    Raises:
        ValueError: An argument makes no sense.
    """

    SPEC_CLASS = BehaviorStorePusherSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        behavior_tree: types.BaseChannel,
        destination: str,
        keep_versions: int = 2,
        destination_state: Parameter = "",
    ) -> None:
        destination_at(destination, keep_versions)  # refuses what makes no sense
        super().__init__(
            BehaviorStorePusherSpec(
                behavior_tree=behavior_tree,
                destination=destination,
                keep_versions=keep_versions,
                destination_state=destination_state,
                pushed_store=types.Channel(type=PushedBehaviorStore),
            )
        )

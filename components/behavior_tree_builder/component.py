"""The BehaviorTreeBuilder component: a behaviour log in, a behaviour store out."""

from __future__ import annotations

from collections.abc import Mapping

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import component_spec

from lifelong.components.behavior_tree_builder.config import TreeConfig
from lifelong.components.behavior_tree_builder.executor import CONFIG_KEY, TREE_KEY, Executor
from lifelong.components.day_statistics.executor import DAY_STATISTICS_KEY
from lifelong.components.log_reading.fingerprints import fingerprint_spec, fingerprints_of
from lifelong.components.run_parameter import Parameter
from lifelong.serving.behavior_store.manifest import FORMAT_VERSION
from lifelong_artifacts import BehaviorTree, DayStatistics


class BehaviorTreeBuilderSpec(types.ComponentSpec):
    """A configuration, what the tables it names are like, and the statistics."""

    PARAMETERS = {
        **fingerprint_spec("behaviors", "items"),
        CONFIG_KEY: component_spec.ExecutionParameter(type=str),
        # Not read: a new format has to be built anew, though the log is the same.
        "format_version": component_spec.ExecutionParameter(type=int),
    }
    INPUTS = {DAY_STATISTICS_KEY: component_spec.ChannelParameter(type=DayStatistics)}
    OUTPUTS = {TREE_KEY: component_spec.ChannelParameter(type=BehaviorTree)}


class BehaviorTreeBuilder(base_beam_component.BaseBeamComponent):
    """Builds the store that SIM's hard search reads: user -> category -> events.

    It reads the behaviour log as BehaviorExampleGen does, so that the store holds the events of the
    records, with the same ids, in the same order, without repetitions. Unusable rows are counted;
    BehaviorExampleGen's quarantine holds them. Beside the events lie the newest counts of all users'
    events by item and category, for models that read statistics.

    The component runs again when the log, or what the configuration says of it, changes, and only
    then; the splits and requests of the records are no part of that.

    Outputs:
        behavior_tree: A `BehaviorTree`.

    Args:
        config: What to build.
        day_statistics: What `DayStatisticsBuilder` counted in the same behaviour log.
        fingerprints: Of the tables, by name.

    Raises:
        ValueError: A field of the configuration makes no sense.

    Example:
        counter = DayStatisticsBuilder(DayStatisticsConfig.of(ingest), fingerprints)
        tree = TreeConfig.of(ingest, shards=16)
        builder = BehaviorTreeBuilder(tree, counter.outputs["day_statistics"], fingerprints)
        pusher = BehaviorStorePusher(builder.outputs["behavior_tree"], "workdir/behavior_store")

    References:
        [SIM](https://arxiv.org/abs/2006.05639), section 4.2.
    """

    SPEC_CLASS = BehaviorTreeBuilderSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        config: TreeConfig,
        day_statistics: types.BaseChannel,
        fingerprints: Mapping[str, Parameter],
    ) -> None:
        config.validate()
        super().__init__(
            BehaviorTreeBuilderSpec(
                **fingerprints_of(config.logs, fingerprints),
                config=config.to_json(),
                format_version=FORMAT_VERSION,
                day_statistics=day_statistics,
                behavior_tree=types.Channel(type=BehaviorTree),
            )
        )

"""The BehaviorTreeBuilder component: a behaviour log in, a behaviour store out."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import component_spec
from tfx.types import standard_component_specs as specs

from lifelong.components.behavior_tree_builder.artifacts import BehaviorTree
from lifelong.components.behavior_tree_builder.config import TreeConfig
from lifelong.components.behavior_tree_builder.executor import CONFIG_KEY, TREE_KEY, Executor
from lifelong.components.day_statistics.artifacts import DayStatistics
from lifelong.components.day_statistics.executor import DAY_STATISTICS_KEY
from lifelong.components.log_reading.inputs import inputs_of
from lifelong.components.log_reading.table_driver import TableDriver
from lifelong.serving.behavior_store.manifest import FORMAT_VERSION

_INPUTS = (specs.INPUT_BASE_KEY, specs.INPUT_CONFIG_KEY)


class BehaviorTreeBuilderSpec(types.ComponentSpec):
    """What the driver fingerprints, a configuration, and the statistics."""

    PARAMETERS = {
        **{key: specs.FileBasedExampleGenSpec.PARAMETERS[key] for key in _INPUTS},
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

    Raises:
        ValueError: A field of the configuration makes no sense.

    Example:
        counter = DayStatisticsBuilder(DayStatisticsConfig.of(ingest))
        tree = TreeConfig.of(ingest, shards=16)
        builder = BehaviorTreeBuilder(tree, counter.outputs["day_statistics"])
        pusher = BehaviorStorePusher(builder.outputs["behavior_tree"], "workdir/behavior_store")

    References:
        [SIM](https://arxiv.org/abs/2006.05639), section 4.2.
    """

    SPEC_CLASS = BehaviorTreeBuilderSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
    DRIVER_CLASS = TableDriver

    def __init__(self, config: TreeConfig, day_statistics: types.BaseChannel) -> None:
        config.validate()
        base, input_config = inputs_of(config.logs)
        super().__init__(
            BehaviorTreeBuilderSpec(
                input_base=base,
                input_config=input_config,
                config=config.to_json(),
                format_version=FORMAT_VERSION,
                day_statistics=day_statistics,
                behavior_tree=types.Channel(type=BehaviorTree),
            )
        )

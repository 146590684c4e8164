"""The ItemTableBuilder component: a table of items as it is given in, an `ItemTable` out."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import component_spec
from tfx.types import standard_component_specs as specs

from lifelong.components.item_table.artifacts import ItemTable
from lifelong.components.item_table.config import ItemTableConfig
from lifelong.components.item_table.executor import CONFIG_KEY, ITEM_TABLE_KEY, Executor
from lifelong.components.item_table.transforms import TABLE
from lifelong.components.log_reading.inputs import inputs_of
from lifelong.components.log_reading.quarantine import QUARANTINE_KEY, Quarantine
from lifelong.components.log_reading.table_driver import TableDriver

_INPUTS = (specs.INPUT_BASE_KEY, specs.INPUT_CONFIG_KEY)


class ItemTableBuilderSpec(types.ComponentSpec):
    """What the driver fingerprints, and a configuration."""

    PARAMETERS = {
        **{key: specs.FileBasedExampleGenSpec.PARAMETERS[key] for key in _INPUTS},
        CONFIG_KEY: component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {}
    OUTPUTS = {
        ITEM_TABLE_KEY: component_spec.ChannelParameter(type=ItemTable),
        QUARANTINE_KEY: component_spec.ChannelParameter(type=Quarantine),
    }


class ItemTableBuilder(base_beam_component.BaseBeamComponent):
    """Makes one table of all items and their features, whether a log has them or not.

    The component runs again when the table, or what the configuration says of it, changes, and only
    then; the logs are no part of that.

    Outputs:
        item_table: An `ItemTable`.
        quarantine: Rows that could not be used, and counts of everything read and written.

    Args:
        config: What to make.
    """

    SPEC_CLASS = ItemTableBuilderSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
    DRIVER_CLASS = TableDriver

    def __init__(self, config: ItemTableConfig) -> None:
        base, input_config = inputs_of({TABLE: config.items})
        super().__init__(
            ItemTableBuilderSpec(
                input_base=base,
                input_config=input_config,
                config=config.to_json(),
                item_table=types.Channel(type=ItemTable),
                quarantine=types.Channel(type=Quarantine),
            )
        )

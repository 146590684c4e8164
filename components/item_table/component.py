"""The ItemTableBuilder component: a table of items as it is given in, an `ItemTable` out."""

from __future__ import annotations

from collections.abc import Mapping

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import component_spec

from lifelong.components.item_table.config import ItemTableConfig
from lifelong.components.item_table.executor import CONFIG_KEY, ITEM_TABLE_KEY, Executor
from lifelong.components.item_table.transforms import TABLE
from lifelong.components.log_reading.fingerprints import fingerprint_spec, fingerprints_of
from lifelong.components.log_reading.quarantine import QUARANTINE_KEY
from lifelong.components.run_parameter import Parameter
from lifelong_artifacts import ItemTable, Quarantine


class ItemTableBuilderSpec(types.ComponentSpec):
    """A configuration, and what the table it names is like."""

    PARAMETERS = {
        **fingerprint_spec(TABLE),
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
        fingerprints: Of the table, by name.
    """

    SPEC_CLASS = ItemTableBuilderSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(self, config: ItemTableConfig, fingerprints: Mapping[str, Parameter]) -> None:
        super().__init__(
            ItemTableBuilderSpec(
                **fingerprints_of([TABLE], fingerprints),
                config=config.to_json(),
                item_table=types.Channel(type=ItemTable),
                quarantine=types.Channel(type=Quarantine),
            )
        )

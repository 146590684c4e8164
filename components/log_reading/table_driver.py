"""Fingerprints files, so that what is built of them is built again when one of them changes."""

from __future__ import annotations

from tfx.orchestration import data_types, data_types_utils
from tfx.orchestration.portable import data_types as portable_data_types
from tfx.proto.orchestration import driver_output_pb2

from lifelong.components.log_reading.driver import LogDriver


class TableDriver(LogDriver):
    """The driver of a file-based ExampleGen, for a component that makes no examples."""

    def run(
        self, execution_info: portable_data_types.ExecutionInfo
    ) -> driver_output_pb2.DriverOutput:  # type: ignore[name-defined]
        """Adds the fingerprint to the execution properties, which decide about the cache."""
        # As in ExampleGen's own driver, nothing looks at these two.
        pipeline = data_types.PipelineInfo("", "")
        component = data_types.ComponentInfo("", "", pipeline)
        properties = self.resolve_exec_properties(
            execution_info.exec_properties, pipeline, component
        )
        result = driver_output_pb2.DriverOutput()  # type: ignore[attr-defined]
        for name, value in properties.items():
            if value is not None:
                data_types_utils.set_metadata_value(result.exec_properties[name], value)
        return result

"""TFX's executor of the Evaluator, which compares with a model only where there is one."""

from __future__ import annotations

from typing import Any

from tfx import types
from tfx.components.evaluator import executor
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as specs

from lifelong.components.running_model.executor import HAS_MODEL


class Executor(executor.Executor):
    """Leaves out a baseline without a model, as `RunningModel` makes one where nothing runs yet."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Evaluates; see TFX's executor for inputs and properties."""
        baseline = artifact_utils.get_single_instance(input_dict[specs.BASELINE_MODEL_KEY])
        if not baseline.get_int_custom_property(HAS_MODEL):
            input_dict = {
                key: value for key, value in input_dict.items() if key != specs.BASELINE_MODEL_KEY
            }
        super().Do(input_dict, output_dict, exec_properties)

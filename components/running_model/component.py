"""The RunningModel component: a serving folder in, the model that is served from it out."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from lifelong.components.run_parameter import Parameter
from lifelong.components.running_model.executor import (
    MODEL_KEY,
    SERVING_FOLDER_KEY,
    STATE_KEY,
    Executor,
)


class RunningModelSpec(types.ComponentSpec):
    """Where models are pushed to, what is there, and the model."""

    PARAMETERS = {
        SERVING_FOLDER_KEY: component_spec.ExecutionParameter(type=str),
        # Not read: another state is another model.
        STATE_KEY: component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {}
    OUTPUTS = {MODEL_KEY: component_spec.ChannelParameter(type=standard_artifacts.Model)}


class RunningModel(base_component.BaseComponent):
    """Finds the newest model that was pushed, with which the Evaluator compares a new one.

    It stands where TFX's Resolver would, which knows what was blessed, not what is served, and which
    not every platform can run.

    Outputs:
        model: `Model`, a copy. Custom properties: `has_model`, 0 if nothing was pushed yet; `version`.

    Args:
        serving_folder: Path or URI of the model base path of TensorFlow Serving.
        serving_state: What is there, as a text; the component runs again when it changes.
    """

    SPEC_CLASS = RunningModelSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, serving_folder: str, serving_state: Parameter) -> None:
        super().__init__(
            RunningModelSpec(
                serving_folder=serving_folder,
                serving_state=serving_state,
                model=types.Channel(type=standard_artifacts.Model),
            )
        )

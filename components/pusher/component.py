"""The Pusher component, which pushes no model twice."""

from __future__ import annotations

from tfx import components
from tfx.dsl.components.base import executor_spec

from lifelong.components.pusher.executor import Executor


class Pusher(components.Pusher):
    """TFX's Pusher, whose versions come into being whole, and which leaves a model that is in use.

    Outputs:
        pushed_model: `PushedModel`. Custom properties: `pushed`, `pushed_version` and
            `pushed_destination` as of TFX's; `running_version`, if the version in use is this model.

    Args:
        model_blessing: The Evaluator's.
        infra_blessing: ServingValidator's, with the model.
        push_destination: Model base path of TensorFlow Serving.
    """

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

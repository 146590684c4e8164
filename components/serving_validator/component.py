"""The ServingValidator component: a candidate model in, an InfraBlessing with the warmed model out."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from lifelong.components.serving_validator.config import ServingConfig
from lifelong.components.serving_validator.executor import (
    BLESSING_KEY,
    CONFIG_KEY,
    EXAMPLES_KEY,
    FINDINGS_FOLDER_KEY,
    MODEL_KEY,
    MODEL_NAME_KEY,
    SPLIT_KEY,
    Executor,
)


class ServingValidatorSpec(types.ComponentSpec):
    """Inputs, parameters and output of ServingValidator."""

    PARAMETERS = {
        CONFIG_KEY: component_spec.ExecutionParameter(type=str),
        MODEL_NAME_KEY: component_spec.ExecutionParameter(type=str),
        SPLIT_KEY: component_spec.ExecutionParameter(type=str),
        FINDINGS_FOLDER_KEY: component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        MODEL_KEY: component_spec.ChannelParameter(type=standard_artifacts.Model),
        EXAMPLES_KEY: component_spec.ChannelParameter(type=standard_artifacts.Examples),
    }
    OUTPUTS = {BLESSING_KEY: component_spec.ChannelParameter(type=standard_artifacts.InfraBlessing)}


class ServingValidator(base_component.BaseComponent):
    """Serves a candidate model from a process of its own and sends it real requests.

    It stands where TFX's InfraValidator would, whose requests can hold nothing but one string.
    Requests of the eval split are made as clients make them, for every signature that ranks, one by
    one and in batches; the scores must be those that the Evaluator reads. The time of a call is
    measured, and may have a budget. A model that passes is copied with warm-up requests and batching
    parameters, and the server has to load that copy, too.

    A model that fails is refused: the findings are kept, and the task fails, so that nothing is pushed
    and no runner takes the refusal for a result that it can use again: the next run validates anew. A
    server that does not start, load or answer in time, or is killed, says nothing about the model; that
    fails, too. A blessing is found in the cache.

    Outputs:
        blessing: A standard `InfraBlessing` that holds the warmed model: give the Pusher this, and
            no model. Custom properties: `blessed`, `has_model`, `requests`, `largest_score_difference`, `latency_p50_ms`, `latency_p99_ms`,
            `warmup_requests`, `warmup_seconds` (as far as it came) and `model_uri`; its folder has
            the server's `server.log`.

    Args:
        model: The SignatureBaker's baked model.
        examples: Raw per-user records.
        findings_folder: Path or URI of a folder outside the artifacts, which go with a task that fails:
            what was found of a model that is not blessed is kept there (`findings.json`, `server.log`).
        config: What is demanded, and what is pushed with the model.
        model_name: Name that clients use.
        split: Split whose requests are sent.

    Example:
        validator = ServingValidator(
            model=signature_baker.outputs["baked_model"],
            examples=example_gen.outputs["examples"],
            findings_folder="gs://bucket/findings",
        )
        pusher = Pusher(
            model_blessing=evaluator.outputs["blessing"],
            infra_blessing=validator.outputs["blessing"],
            push_destination=...,
        )
    """

    SPEC_CLASS = ServingValidatorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        model: types.BaseChannel,
        examples: types.BaseChannel,
        findings_folder: str,
        config: ServingConfig | None = None,
        model_name: str = "lifelong",
        split: str = "eval",
    ) -> None:
        super().__init__(
            ServingValidatorSpec(
                model=model,
                examples=examples,
                config=(config or ServingConfig()).to_json(),
                model_name=model_name,
                split=split,
                findings_folder=findings_folder,
                blessing=types.Channel(type=standard_artifacts.InfraBlessing),
            )
        )

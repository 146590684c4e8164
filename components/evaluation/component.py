"""The Evaluator component, which is given the running model, if there is one."""

from __future__ import annotations

from tfx import components
from tfx.dsl.components.base import executor_spec

from lifelong.components.evaluation.executor import Executor


class Evaluator(components.Evaluator):
    """TFX's Evaluator, whose baseline may be a `RunningModel` that found none.

    The model is then judged without a comparison.

    Args:
        examples: Raw per-user records.
        model: The model that is judged.
        baseline_model: `RunningModel`'s.
        example_splits: Splits to judge on.
        eval_config: Metrics, slices and thresholds.
        module_path: Full name of the module with the extractors.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

"""Compiles the pipeline for Kubeflow Pipelines and for Vertex."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import (
    KubeflowV2DagRunner,
    KubeflowV2DagRunnerConfig,
)

from lifelong.pipeline.cluster import cluster_places
from lifelong.pipeline.config import Config
from lifelong.pipeline.configured_pipeline import configured_pipeline
from lifelong.pipeline.create_pipeline import ComponentsAfter
from lifelong.pipeline.run_parameters import RunParameters

TASK_COMMAND = ["python", "-m", "lifelong.pipeline.task"]


def compile_pipeline(config: Config, output: Path, after: ComponentsAfter) -> dict[str, Any]:
    """Compiles the pipeline into a file that both Kubeflow Pipelines and Vertex run.

    Its tasks are given what logs and destinations are like when the pipeline is started, see
    `RunParameters`.

    Args:
        config: The configuration; nothing in it may be of this machine, see `cluster_places`.
        output: File to write: `.yaml`, as the client of Kubeflow Pipelines reads it, or `.json`, as
            Vertex's does.
        after: Makes what comes after the push, see `create_pipeline`.

    Returns:
        The `PipelineJob`, whose `pipelineSpec` is what is written as YAML.

    Raises:
        ValueError: Something in the configuration is of this machine.
    """
    places = cluster_places(config)
    pipeline = configured_pipeline(config, places, RunParameters.to_be_given(config), after=after)
    runner = KubeflowV2DagRunner(
        KubeflowV2DagRunnerConfig(
            display_name=config.name,
            default_image=config.image,
            default_commands=TASK_COMMAND,
            use_pipeline_spec_2_1=True,
        ),
        output_dir=str(output.parent),
        output_filename=output.name,
    )
    return runner.run(pipeline)

"""Runs the components of a pipeline on this machine, after whatever became of the run before."""

from __future__ import annotations

import dataclasses

from tfx import v1 as tfx

from lifelong.components.serving_validator.refusal import ModelRefusedError
from lifelong.pipeline.config import Config, Workdir
from lifelong.pipeline.leftovers import remove_leftovers
from lifelong.pipeline.progress import CurrentComponent, log_failure
from lifelong.pipeline.reasons import ComponentFailedError, reason_of
from lifelong.pipeline.run_record import RunRecord, read_last_run


def run_components(pipeline: tfx.dsl.Pipeline, config: Config, workdir: Workdir) -> RunRecord:
    """Runs a pipeline.

    Args:
        pipeline: The pipeline, whose metadata are those of the working folder.
        config: What it was made of.
        workdir: The folder, which no other run uses meanwhile.

    Returns:
        What ran.

    Raises:
        ModelRefusedError: The model must not be pushed. All before that is done.
        ComponentFailedError: A component failed, for whatever other reason.
    """
    with CurrentComponent() as current:
        try:
            remove_leftovers(workdir.metadata, workdir.places(config).pipeline_root)
            tfx.orchestration.LocalDagRunner().run(pipeline)
            return read_last_run(workdir.metadata)
        except ModelRefusedError:
            raise
        except Exception as error:  # components raise what they like
            component = current.component or "the run"
            log_failure(component)
            reason = reason_of(error, _written_by(config, workdir))
            end = "" if reason.endswith((".", "?")) else "."
            raise ComponentFailedError(
                f"{component} failed: {reason}{end}\nWhat was done before it is kept: mend that, and run "
                f"the same command again. All messages: {workdir.log}"
            ) from error


def _written_by(config: Config, workdir: Workdir) -> list[str]:
    """Returns the folders, and addresses, that a run writes to."""
    return [str(workdir.root), *dataclasses.astuple(workdir.places(config))]

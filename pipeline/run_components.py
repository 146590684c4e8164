"""Runs the components of a pipeline on this machine, after whatever became of the run before."""

from __future__ import annotations

from tfx import v1 as tfx

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
        ComponentFailedError: A component failed, for whatever reason.
    """
    with CurrentComponent() as current:
        try:
            serving_folder = workdir.serving_folder(config)
            remove_leftovers(workdir.metadata, workdir.pipeline_root(config), serving_folder)
            tfx.orchestration.LocalDagRunner().run(pipeline)
            return read_last_run(workdir.metadata)
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
    return [
        str(workdir.root),
        workdir.pipeline_root(config),
        workdir.serving_folder(config),
        workdir.checkpoint_folder(config),
        workdir.store_destination(config),
    ]

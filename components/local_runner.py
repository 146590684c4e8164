"""Beam's runner on this machine, the same in all of Beam's versions."""

from __future__ import annotations

from collections.abc import Sequence

from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.pipeline import Pipeline
from apache_beam.portability.api import beam_provision_api_pb2
from apache_beam.runners.portability.fn_api_runner import fn_runner
from apache_beam.runners.portability.portable_runner import JobServiceHandle
from apache_beam.runners.runner import PipelineResult, PipelineRunner


class LocalRunner(PipelineRunner):
    """Runs a pipeline in this process, or in the worker processes that its options ask for.

    Beam's DirectRunner does the same before Beam 2.68. Later ones try Prism first, a program that
    they fetch from the network.
    """

    def run_pipeline(self, pipeline: Pipeline, options: PipelineOptions) -> PipelineResult:
        """Runs a pipeline to its end.

        Args:
            pipeline: What runs.
            options: `--direct_running_mode` and `--direct_num_workers` say where.
        """
        # FnApiRunner alone would keep the options from worker processes.
        told = beam_provision_api_pb2.ProvisionInfo(
            pipeline_options=JobServiceHandle.encode_pipeline_options(options.get_all_options())
        )
        runner = fn_runner.FnApiRunner(provision_info=fn_runner.ExtendedProvisionInfo(told))
        return runner.run_pipeline(pipeline, options)


def with_runner(beam_args: Sequence[str]) -> list[str]:
    """Adds `LocalRunner` to Beam's arguments if they name no runner.

    Args:
        beam_args: Arguments of Beam, each one option with its value.
    """
    if PipelineOptions(list(beam_args)).view_as(StandardOptions).runner:
        return list(beam_args)
    return [
        f"--runner={__name__}.{LocalRunner.__name__}",
        # Given any arguments, TFX packs itself for workers elsewhere, for every component anew,
        # unless they have an image. There are no such workers, and nobody reads this.
        "--sdk_container_image=none",
        *beam_args,
    ]

"""`lifelong staleness`, see `lifelong.experiments.staleness.experiment`."""

from __future__ import annotations

from lifelong.commands.command import experiment
from lifelong.experiments.options import StalenessOptions
from lifelong.pipeline.config import Config, Workdir


def _run(options: StalenessOptions, config: Config, workdir: Workdir) -> int:
    from lifelong.experiments.staleness.experiment import staleness

    return staleness(options, config, workdir)


COMMAND = experiment(
    "measure what an index costs that lags behind its model", StalenessOptions, _run
)

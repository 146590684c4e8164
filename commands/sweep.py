"""`lifelong sweep`, see `lifelong.experiments.sweep`."""

from __future__ import annotations

from lifelong.commands.command import experiment
from lifelong.experiments.options import SweepOptions
from lifelong.pipeline.config import Config, Workdir


def _run(options: SweepOptions, config: Config, workdir: Workdir) -> int:
    from lifelong.experiments.sweep import sweep

    return sweep(options, config, workdir)


COMMAND = experiment(
    "vary signature bits and searched events of a trained model", SweepOptions, _run
)

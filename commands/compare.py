"""`lifelong compare`, see `lifelong.experiments.compare`."""

from __future__ import annotations

from lifelong.commands.command import experiment
from lifelong.experiments.options import CompareOptions
from lifelong.pipeline.config import Config, Workdir


def _run(options: CompareOptions, config: Config, workdir: Workdir) -> int:
    from lifelong.experiments.compare import compare

    return compare(options, config, workdir)


COMMAND = experiment(
    "train several models with several seeds and compare them", CompareOptions, _run
)

"""`lifelong compare`: several models on the same records, with several seeds."""

from __future__ import annotations

from collections.abc import Sequence

from lifelong.experiments.compare_report import write_comparison
from lifelong.experiments.gbdt_trial import GbdtTrial
from lifelong.experiments.network_trial import NetworkTrial
from lifelong.experiments.options import CompareOptions
from lifelong.experiments.runner import conclude, run_trials
from lifelong.experiments.trial import Trial
from lifelong.experiments.variant import GBDT, Variant, parse_variant
from lifelong.pipeline.config import Config, Workdir
from lifelong.pipeline.progress import component_lines


def compare(options: CompareOptions, config: Config, workdir: Workdir) -> int:
    """Trains and measures what is not finished yet and writes table and plots.

    Args:
        options: Which models, how often, where to.
        config: The configuration that the models change.
        workdir: Where the records lie, or will.

    Returns:
        0, or 1 if a trial failed.

    Raises:
        ValueError: If a model's name or the configuration makes no sense.
    """
    trials = make_trials(options, config)
    # Only now that all names are right: TFX takes ten seconds.
    from lifelong.experiments.prepare import make_data

    folder = options.folder
    with component_lines(workdir.log):
        data = make_data(config, workdir)
        failures = run_trials(
            "compare",
            trials,
            data,
            folder / "trials",
            report=lambda results: write_comparison(results, len(trials), folder),
        )
    return conclude(folder / "compare.md", failures)


def make_trials(options: CompareOptions, config: Config) -> list[Trial]:
    """Returns the trials: all models with the first seed, then `models` with the other seeds.

    Args:
        options: Names of the models, seeds.
        config: The configuration that the names change.

    Raises:
        ValueError: If a name cannot be read.
    """
    often = _variants(options.models, config)
    once = [v for v in _variants(options.once, config) if v.name not in options.models]
    first, *others = dict.fromkeys(options.seeds)
    trials = [_trial(variant, first) for variant in (*often, *once)]
    return trials + [_trial(variant, seed) for seed in others for variant in often]


def _variants(names: Sequence[str], config: Config) -> list[Variant]:
    return [parse_variant(name, config.model, config.training) for name in dict.fromkeys(names)]


def _trial(variant: Variant, seed: int) -> Trial:
    return GbdtTrial(variant, seed) if variant.kind == GBDT else NetworkTrial(variant, seed)

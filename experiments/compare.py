"""`lifelong compare`: several models on the same records, with several seeds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lifelong.experiments.compare_report import AucOver, write_comparison
from lifelong.experiments.gbdt_trial import GbdtTrial
from lifelong.experiments.network_trial import NetworkTrial
from lifelong.experiments.options import CompareOptions
from lifelong.experiments.runner import conclude, run_trials
from lifelong.experiments.score_file import auc_over
from lifelong.experiments.trial import Trial, TrialResult
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
            report=lambda results: write_comparison(
                results, len(trials), folder, over_trees(trials, results, folder / "trials")
            ),
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


def over_trees(
    trials: Sequence[Trial], results: Sequence[TrialResult], folder: Path
) -> dict[str, AucOver]:
    """Compares each model with the strongest trees, candidate by candidate.

    Args:
        trials: All trials.
        results: Of those that are finished.
        folder: Each trial has a folder of its own in it.

    Returns:
        By model, how much higher its AUC on eval is than that of the trees with the highest AUC on
        validation; nothing if no trees are finished, and not for trials of before scores were kept.
    """
    finished = {(result.name, result.seed): result.measured for result in results}
    measured = {t.slug: finished[t.name, t.seed] for t in trials if (t.name, t.seed) in finished}
    trees = [t.slug for t in trials if isinstance(t, GbdtTrial) and t.slug in measured]
    if not trees:
        return {}
    strongest = max(trees, key=lambda slug: measured[slug].validation_auc or 0.0)
    changes: dict[str, list[tuple[float, float]]] = {}
    for trial in trials:
        if trial.slug in measured and trial.slug != strongest:
            change = auc_over(folder / trial.slug, folder / strongest)
            if change is not None:
                changes.setdefault(trial.name, []).append(change)
    # The seeds share their users, so that several are no surer of these than one.
    return {name: AucOver(*np.mean(of_seeds, axis=0)) for name, of_seeds in changes.items()}


def _variants(names: Sequence[str], config: Config) -> list[Variant]:
    return [parse_variant(name, config.model, config.training) for name in dict.fromkeys(names)]


def _trial(variant: Variant, seed: int) -> Trial:
    return GbdtTrial(variant, seed) if variant.kind == GBDT else NetworkTrial(variant, seed)

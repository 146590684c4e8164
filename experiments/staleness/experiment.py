"""`lifelong staleness`: a model that is trained on while the index of its search stays as it was."""

from __future__ import annotations

from lifelong.experiments.options import StalenessOptions
from lifelong.experiments.prepare import make_data
from lifelong.experiments.runner import conclude, run_trials
from lifelong.experiments.staleness.plan import make_plan
from lifelong.experiments.staleness.report import write_staleness
from lifelong.experiments.staleness.tables import STALE_MODELS
from lifelong.experiments.staleness.trial import StaleModelRun
from lifelong.experiments.variant import parse_variant, refuse_refit
from lifelong.pipeline.config import Config, Workdir
from lifelong.pipeline.progress import component_lines


def staleness(options: StalenessOptions, config: Config, workdir: Workdir) -> int:
    """Trains and measures what is not finished yet and writes table and plot.

    Args:
        options: How many weeks, how they are trained on, where to.
        config: The configuration of the models.
        workdir: Where the records lie, or will.

    Returns:
        0, or 1 if a point failed.

    Raises:
        ValueError: If the records have too few weeks or the configuration makes no sense.
    """
    refuse_refit("staleness", config.training)
    variants = {
        name: parse_variant(model.variant, config.model, config.training)
        for name, model in STALE_MODELS.items()
    }
    trials_folder = options.folder / "trials"
    with component_lines(workdir.log):
        data = make_data(config, workdir)
        plan = make_plan(data, options.weeks)
        models = [
            StaleModelRun(
                name,
                variant,
                options.seed,
                options.epochs,
                options.passes,
                plan,
                data,
                trials_folder,
            )
            for name, variant in variants.items()
        ]
        failures = run_trials(
            "staleness",
            [point for model in models for point in model.points],
            data,
            trials_folder,
            report=lambda results: write_staleness(results, plan, options.folder),
        )
    return conclude(options.folder / "staleness.md", failures)

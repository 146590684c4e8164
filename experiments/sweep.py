"""`lifelong sweep`: signature bits and searched events of one trained `eta` model."""

from __future__ import annotations

from pathlib import Path

from lifelong.experiments.data import ExperimentData
from lifelong.experiments.network_trial import NetworkTrial, finished_training
from lifelong.experiments.options import SweepOptions
from lifelong.experiments.prepare import make_data
from lifelong.experiments.rehash_trial import RehashTrial, content_hash
from lifelong.experiments.runner import conclude, run_trials
from lifelong.experiments.sweep_report import write_sweep
from lifelong.experiments.trial import Trial
from lifelong.experiments.variant import parse_variant, refuse_refit
from lifelong.models.trained import TRAINED_FOLDER, read_spec
from lifelong.pipeline.config import Config, Workdir
from lifelong.pipeline.progress import component_lines
from lifelong.pipeline.run_record import read_last_run


def sweep(options: SweepOptions, config: Config, workdir: Workdir) -> int:
    """Measures what is not finished yet and writes table and plot.

    Args:
        options: Which bits, events and points to train; where to.
        config: The configuration of the model.
        workdir: Where the records and the trained model lie, or will.

    Returns:
        0, or 1 if a trial failed.

    Raises:
        RuntimeError: If there is no trained model and training one failed.
        ValueError: If the configuration makes no sense.
    """
    refuse_refit("sweep", config.training)
    as_configured = NetworkTrial(parse_variant("eta", config.model, config.training), options.seed)
    trials_folder = options.folder / "trials"
    with component_lines(workdir.log):
        data = make_data(config, workdir)
        trained = find_trained(as_configured, data, workdir, options.compare_folder)
        if trained is None:
            print("[sweep] there is no trained eta model of these records: training one")
            failures = run_trials("sweep", [as_configured], data, trials_folder, lambda _: None)
            if failures:
                raise RuntimeError(failures[0])
            trained = trials_folder / as_configured.slug / TRAINED_FOLDER
        print(f"[sweep] re-hashing {trained}")
        trials = _rehashed(trained, options) + _retrained(options, config)
        failures = run_trials(
            "sweep",
            trials,
            data,
            trials_folder,
            report=lambda results: write_sweep(results, trained, options.folder),
        )
    return conclude(options.folder / "sweep.md", failures)


def find_trained(
    as_configured: NetworkTrial, data: ExperimentData, workdir: Workdir, compare_folder: Path
) -> Path | None:
    """Finds a trained model of this architecture on these records.

    Args:
        as_configured: The model that is wanted.
        data: The records.
        workdir: The last run's model is looked at first.
        compare_folder: Then the same trial of a comparison.

    Returns:
        Folder that `save_trained` wrote, None if there is none.
    """
    try:
        outputs = read_last_run(workdir.metadata, having="Trainer").outputs
    except FileNotFoundError:
        outputs = {}
    if outputs.get(("Transform", "transform_graph")) == data.transform_graph:
        folder = Path(outputs["Trainer", "model"]) / TRAINED_FOLDER
        if read_spec(str(folder)).model == as_configured.variant.model:
            return folder
    folder = compare_folder / "trials" / as_configured.slug
    if finished_training(as_configured, data, folder) is not None:
        return folder / TRAINED_FOLDER
    return None


def _rehashed(trained: Path, options: SweepOptions) -> list[Trial]:
    content = content_hash(trained)
    return [
        RehashTrial(trained, content, bits, events, options.seed)
        for bits in dict.fromkeys(options.bits)
        for events in dict.fromkeys(options.events)
    ]


def _retrained(options: SweepOptions, config: Config) -> list[Trial]:
    names = [
        f"eta+signature_bits={bits}+searched_events={events}"
        for bits, events in dict.fromkeys(options.retrained_points())
    ]
    return [
        NetworkTrial(parse_variant(name, config.model, config.training), options.seed)
        for name in names
    ]

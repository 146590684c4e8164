"""Reads configurations from the command line and from YAML; unknown keys are refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from jsonargparse import ActionConfigFile, ArgumentParser, Namespace

from lifelong.data.datasets import complete_journey
from lifelong.pipeline.config import Config, Workdir
from lifelong.pipeline.default_data import default_ingestion

# What The Complete Journey's configuration decides; the rest of the ingestion has its own defaults.
_JOURNEY_FIELDS = ("behaviors", "requests", "splits")


def make_config_parser(journey_in: Workdir | None = None) -> ArgumentParser:
    """Makes the parser of every field of the configuration.

    Args:
        journey_in: If given, the defaults are those of The Complete Journey prepared there.
    """
    parser = ArgumentParser(
        description="Runs the pipeline: ingestion, training, baking, evaluation, push. Without "
        "data.behaviors.files it runs on The Complete Journey, which it prepares itself.",
        allow_abbrev=False,
    )
    parser.add_argument("--config", action=ActionConfigFile, help="a YAML file of these values")
    parser.add_class_arguments(Config, as_group=False)
    # The window follows from the model's lengths and cannot be set.
    parser.link_arguments(
        ("model.short_length", "model.long_length"),
        "data.window",
        compute_fn=_window,
    )
    if journey_in is not None:
        journey = default_ingestion(journey_in.data / complete_journey.BEHAVIORS)
        parser.set_defaults(
            {f"data.{name}": dataclasses.asdict(getattr(journey, name)) for name in _JOURNEY_FIELDS}
        )
    return parser


def _window(short_length: int, long_length: int) -> int:
    return short_length + long_length


def to_config(parser: ArgumentParser, parsed: Namespace) -> Config:
    """Builds the configuration out of what the parser read."""
    values = vars(parser.instantiate_classes(parsed))
    return Config(**{key: value for key, value in values.items() if key != "config"})


def load_config(path: Path) -> Config:
    """Reads a configuration that a run has saved.

    Args:
        path: YAML file.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist: start with `lifelong run`")
    parser = make_config_parser()
    return to_config(parser, parser.parse_path(str(path)))


def load_config_or_default(workdir: Workdir) -> Config:
    """Reads the configuration that the last run in a folder has saved.

    Args:
        workdir: Folder of the runs.

    Returns:
        The configuration; without a run, the defaults of The Complete Journey.
    """
    if workdir.config.exists():
        return load_config(workdir.config)
    parser = make_config_parser(journey_in=workdir)
    return to_config(parser, parser.parse_args([]))


def save_config(parser: ArgumentParser, parsed: Namespace, path: Path) -> None:
    """Writes a configuration as YAML that `--config` and `load_config` read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(parser.dump(parsed))

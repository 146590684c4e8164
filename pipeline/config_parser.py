"""Reads configurations from the command line and from YAML; unknown keys are refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentError, Namespace

from lifelong.data.datasets import complete_journey
from lifelong.data.whole_file import write_atomically
from lifelong.pipeline.config import Config, Workdir
from lifelong.pipeline.default_data import default_ingestion
from lifelong.pipeline.parser import Parser

# What The Complete Journey's configuration decides; the rest of the ingestion has its own defaults.
_JOURNEY_FIELDS = ("behaviors", "requests", "splits")
_DESCRIPTION = (
    "Runs the pipeline: ingestion, training, baking, evaluation, push. Without "
    "data.behaviors.files it runs on The Complete Journey, which it prepares itself. "
    "Exit status: 0 if a model was pushed, or the one in use needs no other; 1 if a component "
    "failed; 2 if arguments are wrong; 3 if the gate let no model through, so that none was "
    "pushed; 130 if it was interrupted."
)


def make_config_parser(journey_in: Workdir | None = None, prog: str | None = None) -> Parser:
    """Makes the parser of every field of the configuration.

    Args:
        journey_in: If given, the defaults are those of The Complete Journey prepared there.
        prog: The command, as errors name it; None: the process's own name.
    """
    parser = Parser(prog=prog, description=_DESCRIPTION)
    parser.add_config_file()
    parser.add_fields(Config)
    # The window follows from the model's lengths and cannot be set.
    parser.link_arguments(
        ("model.short_length", "model.long_length", "model.evidence_length"),
        "data.window",
        compute_fn=_window,
    )
    if journey_in is not None:
        journey = default_ingestion(journey_in.data / complete_journey.BEHAVIORS)
        parser.set_defaults(
            {f"data.{name}": dataclasses.asdict(getattr(journey, name)) for name in _JOURNEY_FIELDS}
        )
    return parser


def _window(short_length: int, long_length: int, evidence_length: int) -> int:
    return max(short_length + long_length, evidence_length)


def parse_config(
    arguments: Sequence[str], parser: Parser, parsed: Namespace
) -> tuple[Parser, Namespace]:
    """Returns parser and values as they are with the defaults of the data that is read.

    Args:
        arguments: What was parsed.
        parser: Of `make_config_parser`.
        parsed: What it read.
    """
    if parsed.data.behaviors.files:
        return parser, parsed
    # No log of the user's own, so the defaults are those of The Complete Journey.
    parser = make_config_parser(Workdir.at(parsed.workdir), parser.prog)
    return parser, parser.parse_args(list(arguments))


def to_config(parser: Parser, parsed: Namespace) -> Config:
    """Builds the configuration out of what the parser read."""
    values = vars(parser.instantiate_classes(parsed))
    return Config(**{key: value for key, value in values.items() if key != "config"})


def load_config(path: Path) -> Config:
    """Reads a configuration that a run has saved.

    Args:
        path: YAML file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be read.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist: start with `lifelong run`")
    parser = make_config_parser()
    parser.exit_on_error = False
    try:
        return to_config(parser, parser.parse_args(["--config", str(path)]))
    except ArgumentError as error:
        raise ValueError(f"{error}. `lifelong run` writes the file anew") from error


def read_config(path: str, workdir: Workdir, prog: str) -> Config:
    """Reads a configuration that someone wrote, as `lifelong run --config` does.

    Args:
        path: YAML file. Wrong ones end the process as wrong arguments do.
        workdir: Folder of the runs.
        prog: The command, as errors name it.
    """
    arguments = ["--config", path, "--workdir", str(workdir.root)]
    parser = make_config_parser(prog=prog)
    return to_config(*parse_config(arguments, parser, parser.parse_args(arguments)))


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


def save_config(parser: Parser, parsed: Namespace, path: Path) -> None:
    """Writes a configuration as YAML that `--config` and `load_config` read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, parser.dump(parsed))

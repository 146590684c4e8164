"""What can be checked of a run before TensorFlow and TFX are imported, which takes ten seconds."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import io
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any

from lifelong.components.behavior_store_pusher.destination import check_destination
from lifelong.data.file_systems import check_path
from lifelong.data.folders import check_folder
from lifelong.data.logs.reading import log_files
from lifelong.data.times import EARLIEST
from lifelong.pipeline.config import Config, Places, Workdir
from lifelong.pipeline.default_data import prepare_data


def check_before_run(config: Config, workdir: Workdir) -> None:
    """Prepares the default data where they are read, and checks configuration and logs.

    Args:
        config: The configuration.
        workdir: Where things lie.

    Raises:
        ValueError: Fields do not fit together, or a log cannot be read as they say.
        OSError: A file is missing, or something else is in a folder's place.
    """
    check_fields(config)
    _check_folders(workdir.places(config))
    if config.tree is not None:
        check_destination(workdir.places(config).store_destination, config.store.keep_versions)
    prepare_data(config, workdir)
    check_logs(config)


def check_fields(config: Config) -> None:
    """Checks what a configuration says, without a look at what it names.

    Raises:
        ValueError: Fields do not fit together.
    """
    config.data.validate()
    config.model.check_vectors(config.data.item_features)
    _check_times(config)
    _check_name(config.name)
    if config.tree is not None:
        config.tree.validate()
    _check_beam_args(config.beam_args)


def check_logs(config: Config) -> None:
    """Looks whether the logs are there and have the columns that the configuration names.

    Raises:
        ValueError: A log cannot be read as the configuration says.
        OSError: A file is missing.
    """
    for name, log in config.data.tables.items():
        log_files(log, config.data.fields_of(name), name)


def _check_times(config: Config) -> None:
    for name, log in config.data.logs.items():
        if log.time_range.earliest < EARLIEST:
            raise ValueError(
                f"data.{name}.earliest is {log.earliest!r}, but clients refuse times before 1990: "
                "shift the log's times (if they count from 0, add a date's seconds)"
            )


def _check_name(name: str) -> None:
    if name in ("", ".", "..") or name != PurePath(name).name:
        raise ValueError(f"name is {name!r}; it must be a name that a folder may have")


def _check_folders(places: Places) -> None:
    for field in ("pipeline_root", "serving_folder", "checkpoint_folder"):
        folder = getattr(places, field)
        check_no_file_uri(field, folder)
        if "://" not in folder:
            check_path(folder, field)
            check_folder(field, Path(folder).absolute())


def check_no_file_uri(field: str, place: str) -> None:
    """Raises for a `file://` URI, which Beam does not write to.

    Args:
        field: What the configuration calls it.
        place: Path or URI.

    Raises:
        ValueError: It is one.
    """
    if place.startswith("file://"):
        path = place.removeprefix("file://")
        raise ValueError(f"{field} is {place!r}; write the path alone, {path!r}")


def _check_beam_args(arguments: Sequence[str]) -> None:
    for argument in arguments:
        if not argument.startswith("--"):
            raise ValueError(
                f"beam_args has {argument!r}; each is one option with its value, such as "
                "--direct_num_workers=2"
            )
    if not arguments:
        return
    from apache_beam.options.pipeline_options import PipelineOptions

    parser: Any = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    with contextlib.redirect_stderr(io.StringIO()) as said:
        try:
            for kind in PipelineOptions.__subclasses__():
                kind._add_argparse_args(parser)
            _, unknown = parser.parse_known_args(list(arguments))
        except SystemExit:
            reason = said.getvalue().strip().rpartition("error: ")[2]
            raise ValueError(f"beam_args: {reason}") from None
    known = list(parser._option_string_actions)
    for argument in unknown:
        # Runners have options of their own, which only they know; a slip of the pen has none.
        name = argument.partition("=")[0]
        for like in difflib.get_close_matches(name, known, n=1, cutoff=0.8):
            raise ValueError(f"beam_args: Beam has no option {name}; did you mean {like}?")

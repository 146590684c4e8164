"""What a pipeline that runs elsewhere may name: nothing of the machine that compiles it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lifelong.data.file_systems import check_path
from lifelong.pipeline.checks import check_fields, check_no_file_uri
from lifelong.pipeline.config import Config, Places
from lifelong.pipeline.config_parser import make_config_parser, to_config

# As Kubeflow Pipelines and Vertex have it.
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def read_cluster_config(path: str, prog: str | None = None, fields: Sequence[str] = ()) -> Config:
    """Reads the configuration of a pipeline that runs on a cluster, and checks it; no log is looked at.

    Args:
        path: YAML file. Wrong ones end the process as wrong arguments do.
        prog: The command, as errors name it; None: the process's own name.
        fields: Arguments that set fields, whatever the file says of them.

    Raises:
        ValueError: Fields do not fit together.
    """
    parser = make_config_parser(prog=prog)
    config = to_config(parser, parser.parse_args(["--config", path, *fields]))
    check_fields(config)
    return config


def cluster_places(config: Config) -> Places:
    """Returns where a run on a cluster puts things.

    Args:
        config: The configuration.

    Raises:
        ValueError: It leaves a place to the working folder of this machine, names files or folders by
            relative paths, or has a name that clusters refuse.
    """
    if not _NAME.fullmatch(config.name):
        raise ValueError(
            f"name is {config.name!r}; on a cluster it must have up to 63 small letters, digits and "
            "hyphens, and begin with no hyphen"
        )
    places = Places.of(config)
    for field, value in (
        ("image", config.image),
        ("pipeline_root", places.pipeline_root),
        ("serving_folder", places.serving_folder),
        *([("store.destination", places.store_destination)] if config.store.build else []),
    ):
        if not value:
            raise ValueError(
                f"{field} is empty: a pipeline that runs on a cluster needs one that its tasks reach"
                + ("; see `make image`" if field == "image" else ", such as gs://bucket/folder")
            )
    if config.training.go_on:
        raise ValueError(
            "training.go_on is true, but only `lifelong run` knows the model that was trained last: "
            "leave it out"
        )
    named = {
        "pipeline_root": places.pipeline_root,
        "serving_folder": places.serving_folder,
        "checkpoint_folder": places.checkpoint_folder,
        "store.destination": places.store_destination,
    }
    for field, place in named.items():
        _check_absolute(field, place)
        if field != "store.destination":
            check_no_file_uri(field, place)
    for name, log in config.data.tables.items():
        for pattern in log.patterns:
            _check_absolute(f"data.{name}.files", pattern)
    return places


def _check_absolute(field: str, place: str) -> None:
    """Raises for a path that would mean something else on another machine."""
    if not place or "://" in place:
        return
    check_path(place, field)
    if not place.startswith("/"):
        raise ValueError(
            f"{field} is {place!r}, a path that begins where this command was started: give a URI, or "
            "the absolute path of a volume that all tasks see"
        )

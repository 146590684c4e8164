import pathlib

import pytest

from lifelong.components.log_reading.inputs import inputs_of
from lifelong.data.logs.config import LogConfig


def inputs(**files):
    base, found = inputs_of({name: LogConfig(globs) for name, globs in files.items()})
    below = [split for split in found.splits if "-below-" in split.name]
    for split in below:
        name, _, depth = split.name.partition("-below-")
        assert split.pattern.endswith("/*" * int(depth))
        assert name in {split.name for split in found.splits}
    return base, {split.name: split.pattern for split in found.splits if split not in below}


def test_every_log_is_fingerprinted_below_a_common_folder():
    assert inputs(
        behaviors="/data/logs/2017/*.csv,/data/logs/2018-*/x.csv",
        impressions="/data/shown.parquet",
    ) == (
        "/data",
        {
            "behaviors": "logs/2017/*.csv",
            "behaviors-1": "logs/2018-*/x.csv",
            "impressions": "shown.parquet",
        },
    )


def test_paths_are_made_absolute():
    assert inputs(behaviors="log.csv") == (str(pathlib.Path.cwd()), {"behaviors": "log.csv"})


def test_uris_keep_their_scheme():
    assert inputs(behaviors="gs://b/x/a-*.csv,gs://b/x/y/b.csv") == (
        "gs://b/x",
        {"behaviors": "a-*.csv", "behaviors-1": "y/b.csv"},
    )


def test_logs_on_different_file_systems_are_refused():
    for files in ("gs://b/a.csv,/data/b.csv", "gs://b/a.csv,s3://b/a.csv"):
        with pytest.raises(ValueError, match="different file systems"):
            inputs(behaviors=files)

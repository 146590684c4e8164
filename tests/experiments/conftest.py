"""Records of three splits, raw and transformed, and tiny models to train on them."""

from pathlib import Path
from typing import NamedTuple

import pytest

from lifelong.experiments.data import ExperimentData
from lifelong.experiments.network_trial import NetworkTrial
from lifelong.experiments.trial import Measured
from lifelong.experiments.variant import parse_variant
from lifelong.models.config import TrainingConfig
from tests.sample_models import SMALL, run_transform, transform_records
from tests.sample_records import make_records, write_records

SPLITS = ("train", "validation", "eval")


class Finished(NamedTuple):
    """A trial that has run, what it measured and its folder."""

    trial: NetworkTrial
    measured: Measured
    folder: Path


TINY_TRAINING = TrainingConfig(epochs=2, batch_size=16, learning_rate=0.01, pool_users=8)


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """What the data components would have written for a few users."""
    folder = tmp_path_factory.mktemp("data")
    records = {split: make_records(users=16, seed=i) for i, split in enumerate(SPLITS)}
    for i, split in enumerate(SPLITS):
        for record in records[split]:
            record["user"] = [record["user"][0] + 100 * i]
    transform_output = run_transform(folder, records["train"])
    for split in SPLITS:
        for kind, content in (
            ("raw", records[split]),
            ("transformed", transform_records(records[split], transform_output)),
        ):
            (folder / kind / f"Split-{split}").mkdir(parents=True)
            write_records(content, folder / kind / f"Split-{split}" / "records.gz")
    return ExperimentData(
        examples=str(folder / "raw"),
        transformed_examples=str(folder / "transformed"),
        transform_graph=str(folder / "output"),
        features=(),
    )


@pytest.fixture(scope="session")
def variant():
    """Reads the name of a tiny model."""
    return lambda name: parse_variant(name, SMALL, TINY_TRAINING)


@pytest.fixture(scope="session")
def finished(variant, data, tmp_path_factory):
    """A trial of `eta`, run before any other."""
    trial, folder = NetworkTrial(variant("eta"), seed=3), tmp_path_factory.mktemp("eta-seed3")
    return Finished(trial, trial.run(data, folder), folder)

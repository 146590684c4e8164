"""Options of the experiments: `lifelong compare`, `lifelong sweep` and `lifelong staleness`."""

from __future__ import annotations

import dataclasses
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class CompareOptions:
    """Options of `lifelong compare`.

    A model is named `NAME[+FIELD=VALUE...]`: a long-term part, or `gbdt`, and changes of the
    configuration that the last run saved, such as `eta+short_term=dien+training.epochs=8`.

    Attributes:
        workdir: Folder of the runs, whose records and configuration are used.
        config: YAML file as `lifelong run --config` takes it, instead of the configuration that the
            last run saved; unless named, `workdir` is the file's. Empty: the last run's.
        models: Models to train once per seed.
        once: Models to train with the first seed only.
        seeds: Seeds of initial weights, shuffling and dropout.
        output: Folder of trials, table and plots; empty is `compare` in the workdir.
    """

    workdir: str = "workdir"
    config: str = ""
    models: tuple[str, ...] = ("none", "full", "eta", "sim_hard", "sim_soft")
    once: tuple[str, ...] = (
        "gbdt",
        "mean",
        "sdim",
        "twin",
        "mimn",
        "gbdt+statistics=false",
        "eta+evidence_length=0",
        "eta+statistics=false",
        "eta+head_reads_items=true",
        "eta+cross_layers=0",
        "eta+short_term=target_attention",
        "eta+time_gap_dim=0",
        "sim_hard+unknown_items=category",
        "sim_hard+unknown_items=hash_buckets",
    )
    seeds: tuple[int, ...] = (17, 18, 19)
    output: str = ""

    def __post_init__(self) -> None:
        for name in ("models", "seeds"):
            if not getattr(self, name):
                raise ValueError(f"{name} is empty; give at least one")

    @property
    def folder(self) -> Path:
        """Folder of trials, table and plots."""
        return Path(self.output or Path(self.workdir) / "compare").resolve()


@dataclasses.dataclass(frozen=True)
class SweepOptions:
    """Options of `lifelong sweep`.

    Attributes:
        workdir: Folder of the runs, whose records, configuration and trained model are used.
        config: YAML file as `lifelong run --config` takes it, instead of the configuration that the
            last run saved; unless named, `workdir` is the file's. Empty: the last run's.
        bits: Signature bits M with which the trained model's items are hashed again.
        events: Searched events K.
        retrain: Points `MxK` at which a model is also trained anew, to see whether re-hashing says
            the same.
        seed: Seed of the trainings.
        output: Folder of trials, table and plot; empty is `sweep` in the workdir.
        compare: Folder of a `lifelong compare` whose `eta` may be used if the last run has none;
            empty is `compare` in the workdir.
    """

    workdir: str = "workdir"
    config: str = ""
    bits: tuple[int, ...] = (32, 64, 128, 256)
    events: tuple[int, ...] = (16, 48, 128)
    retrain: tuple[str, ...] = ("32x16", "256x48")
    seed: int = 17
    output: str = ""
    compare: str = ""

    def __post_init__(self) -> None:
        for name in ("bits", "events"):
            values = getattr(self, name)
            if not values or min(values) < 1:
                raise ValueError(f"{name} is {values}; expected one or more positive numbers")
        self.retrained_points()

    def retrained_points(self) -> list[tuple[int, int]]:
        """Returns (M, K) of every point to train.

        Raises:
            ValueError: If a point is not `MxK`.
        """
        points = []
        for text in self.retrain:
            bits, _, events = text.partition("x")
            if not (bits.isdecimal() and events.isdecimal() and int(bits) and int(events)):
                raise ValueError(f"retrain has {text!r}; expected MxK such as 64x48")
            points.append((int(bits), int(events)))
        return points

    @property
    def folder(self) -> Path:
        """Folder of trials, table and plot."""
        return Path(self.output or Path(self.workdir) / "sweep").resolve()

    @property
    def compare_folder(self) -> Path:
        """Folder of a `lifelong compare`."""
        return Path(self.compare or Path(self.workdir) / "compare").resolve()


@dataclasses.dataclass(frozen=True)
class StalenessOptions:
    """Options of `lifelong staleness`.

    Attributes:
        workdir: Folder of the runs, whose records and configuration are used.
        config: YAML file as `lifelong run --config` takes it, instead of the configuration that the
            last run saved; unless named, `workdir` is the file's. Empty: the last run's.
        weeks: Calendar weeks of training and validation requests after the date at which the old
            index is built; all requests before it are the base.
        epochs: Passes over the base.
        passes: Passes over each week after it.
        seed: Seed of initial weights, shuffling and dropout.
        output: Folder of trials, table and plot; empty is `staleness` in the workdir.
    """

    workdir: str = "workdir"
    config: str = ""
    weeks: int = 10
    epochs: int = 2
    passes: int = 1
    seed: int = 17
    output: str = ""

    def __post_init__(self) -> None:
        for name in ("weeks", "epochs", "passes"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")

    @property
    def folder(self) -> Path:
        """Folder of trials, table and plot."""
        return Path(self.output or Path(self.workdir) / "staleness").resolve()

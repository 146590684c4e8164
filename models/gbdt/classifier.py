"""Gradient-boosted trees on what `FeatureReader` reads, chosen on the validation split."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import ParameterGrid

from lifelong.models.gbdt.features import ITEM_COLUMN, FeatureReader, TreeFeatures
from lifelong.models.scores import CandidateScores

try:
    import lightgbm
except OSError as error:
    raise ImportError(
        f"LightGBM cannot be loaded: {error}. It needs OpenMP; on Debian: apt-get install libgomp1"
    ) from error

# Fields of the configuration that list values to try: of what is read, and of LightGBM's parameters.
_ITEM_IDS = "item_ids"
_GRID = (
    _ITEM_IDS,
    "learning_rate",
    "num_leaves",
    "min_data_in_leaf",
    "lambda_l2",
    "feature_fraction",
    "cat_smooth",
)


@dataclasses.dataclass(frozen=True)
class GbdtConfig:
    """What is tried; every combination of the tuples is one trial.

    Attributes:
        item_ids: Whether trees read which item a candidate is, as a category; where items are many and
            events few, they learn training requests by heart with it.
        learning_rate: Shrinkages to try.
        num_leaves: Leaves of a tree to try.
        min_data_in_leaf: Least candidates in a leaf to try.
        lambda_l2: Penalties of leaf values to try.
        feature_fraction: Shares of the features, drawn anew for every tree, to try.
        cat_smooth: Weights of what is known of all categories against that of each one, to try.
        max_iterations: Trees, at most.
        patience: Trees without a lower log loss on the validation split after which a trial ends.
        seed: Seed of the sample from which bins are made, and of the features of trees.
        threads: OpenMP threads. More than one is faster on idle cores, and much slower on busy ones.
    """

    item_ids: tuple[bool, ...] = (False, True)
    learning_rate: tuple[float, ...] = (0.05,)
    num_leaves: tuple[int, ...] = (15, 63)
    min_data_in_leaf: tuple[int, ...] = (20, 500)
    lambda_l2: tuple[float, ...] = (10.0,)
    feature_fraction: tuple[float, ...] = (0.5,)
    cat_smooth: tuple[float, ...] = (10.0,)
    max_iterations: int = 2000
    patience: int = 50
    seed: int = 17
    threads: int = 1

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            if getattr(self, field.name) == ():
                raise ValueError(f"GbdtConfig: `{field.name}` is empty; give at least one value")
        for name in ("max_iterations", "patience", "threads"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"GbdtConfig: `{name}` is {getattr(self, name)}; it must be at least 1"
                )


@dataclasses.dataclass(frozen=True)
class Trial:
    """One combination of the grid, with the number of trees that suits it best.

    Attributes:
        parameters: `item_ids`, and values by the names of LightGBM's parameters.
        iterations: Trees with the lowest log loss on the validation split.
        log_loss: That log loss, nats per candidate.
        auc: AUC on the validation split with these trees.
        seconds: Time of fitting and evaluating.
    """

    parameters: dict[str, float]
    iterations: int
    log_loss: float
    auc: float
    seconds: float


@dataclasses.dataclass(frozen=True)
class GbdtModel:
    """A trained classifier and what it reads.

    Attributes:
        trees: The fitted trees; those after the best iteration are not used.
        config: What it was trained with.
        trials: All of the grid, the best first; it is the one that `trees` has.
        training_requests: Requests that it was trained on.
    """

    trees: lightgbm.Booster
    config: GbdtConfig
    trials: tuple[Trial, ...]
    training_requests: int
    _reader: FeatureReader
    _columns: _Columns

    def score(self, files: Sequence[str]) -> CandidateScores:
        """Scores the candidates of files of raw records, in the order of the files' requests.

        Args:
            files: File patterns of TFRecord files (gzip).

        Raises:
            ValueError: If no file fits the patterns, or none has a request.
        """
        candidates = self._reader.read(files)
        return CandidateScores(
            user=candidates.user,
            request=candidates.request,
            item=candidates.item,
            history_events=candidates.history_events,
            label=candidates.label,
            score=self._predict(candidates.features),
        )

    def score_batch(self, batch: Mapping[str, tf.Tensor]) -> np.ndarray:
        """Scores all candidates of a batch as `cut_requests` makes it: float64 `[B * N]`."""
        return self._predict(self._reader.of_batch(batch))

    def _predict(self, features: TreeFeatures) -> np.ndarray:
        return _chances(self.trees, self._columns.of(features), self.config)


def train_gbdt(
    train_files: Sequence[str],
    validation_files: Sequence[str],
    reader: FeatureReader,
    config: GbdtConfig | None = None,
) -> GbdtModel:
    """Trains gradient-boosted trees on one split and chooses among them on another.

    The number of trees and the combination of the grid are those with the lowest log loss on the
    validation split.

    Args:
        train_files: File patterns of raw records (gzip) to train on.
        validation_files: File patterns of raw records to choose on.
        reader: What trees read of the records.
        config: What to try; the defaults if None.

    Returns:
        The model, with all trials.

    Raises:
        ValueError: If the candidates of a split have one label only.

    Example:
        >>> reader = FeatureReader(evidence_length=4000, statistics=True)
        >>> model = train_gbdt(["examples/Split-train/*"], ["examples/Split-validation/*"], reader)
        >>> scores = model.score(["examples/Split-eval/*"])
        >>> grouped_auc(scores.user, scores.label, scores.score)

    References:
        Ke et al., "LightGBM: A Highly Efficient Gradient Boosting Decision Tree", NeurIPS 2017.
    """
    config = config or GbdtConfig()
    train, validation = reader.read(train_files), reader.read(validation_files)
    for name, label in (("train_files", train.label), ("validation_files", validation.label)):
        if (label > 0).all() or not (label > 0).any():
            raise ValueError(
                f"{name}: the {len(label)} candidates have one label only; "
                "clicked and other ones are needed"
            )
    # Without the pre-filter, one set of bins serves every `min_data_in_leaf`.
    bins = {"feature_pre_filter": False, "num_threads": config.threads, "verbosity": -1}
    grid = ParameterGrid({name: getattr(config, name) for name in _GRID})
    fitted: list[tuple[Trial, lightgbm.Booster, _Columns]] = []
    for item_ids in dict.fromkeys(config.item_ids):
        columns = _Columns.fitted(train.features, item_ids)
        fit_on = lightgbm.Dataset(
            columns.of(train.features),
            train.label > 0,
            categorical_feature=columns.categorical,
            params={**bins, "data_random_seed": config.seed},
        )
        choose_on = columns.of(validation.features), validation.label > 0
        for parameters in grid:
            if parameters[_ITEM_IDS] == item_ids:
                fitted.append((*_try(parameters, config, fit_on, choose_on), columns))
                print(f"[gbdt] {len(fitted)}/{len(grid)}: {_told(fitted[-1][0])}", flush=True)
    fitted.sort(key=lambda one: one[0].log_loss)
    trials = tuple(trial for trial, *_ in fitted)
    _, trees, columns = fitted[0]
    return GbdtModel(trees, config, trials, int(train.request[-1]) + 1, reader, columns)


def _try(
    parameters: dict[str, float],
    config: GbdtConfig,
    fit_on: lightgbm.Dataset,
    choose_on: tuple[np.ndarray, np.ndarray],
) -> tuple[Trial, lightgbm.Booster]:
    """Adds trees until the log loss on validation has not become lower for a while."""
    started = time.monotonic()
    values, clicked = choose_on
    of_lightgbm = {name: value for name, value in parameters.items() if name != _ITEM_IDS}
    trees = lightgbm.train(
        {
            "objective": "binary",
            "num_threads": config.threads,
            "seed": config.seed,
            "verbosity": -1,
            **of_lightgbm,
        },
        fit_on,
        num_boost_round=config.max_iterations,
        valid_sets=[fit_on.create_valid(values, clicked, params=fit_on.params)],
        callbacks=[lightgbm.early_stopping(config.patience, verbose=False)],
    )
    chances = _chances(trees, values, config)
    trial = Trial(
        parameters,
        trees.best_iteration,
        float(log_loss(clicked, chances)),
        float(roc_auc_score(clicked, chances)),
        time.monotonic() - started,
    )
    return trial, trees


def _chances(trees: lightgbm.Booster, values: np.ndarray, config: GbdtConfig) -> np.ndarray:
    chances = trees.predict(values, num_iteration=trees.best_iteration, num_threads=config.threads)
    return np.asarray(chances)


def _told(trial: Trial) -> str:
    parameters = ", ".join(f"{name} {value:g}" for name, value in trial.parameters.items())
    return (
        f"{parameters}: {trial.iterations} trees, validation log loss {trial.log_loss:.4f}, "
        f"AUC {trial.auc:.4f}, {trial.seconds:.0f} s"
    )


@dataclasses.dataclass(frozen=True)
class _Columns:
    """Turns features into the matrix that LightGBM takes: numbers, then numbered ids.

    Attributes:
        numbers: Number of the numeric columns.
        read: Which columns of ids are read.
        known: Of each of these its ids in training, ascending.
    """

    numbers: int
    read: tuple[int, ...]
    known: tuple[np.ndarray, ...]

    @classmethod
    def fitted(cls, features: TreeFeatures, item_ids: bool) -> _Columns:
        columns = range(features.ids.shape[1])
        read = tuple(column for column in columns if item_ids or column != ITEM_COLUMN)
        known = tuple(np.unique(features.ids[:, column]) for column in read)
        return cls(features.numbers.shape[1], read, known)

    @property
    def categorical(self) -> list[int]:
        """The places of the categorical columns."""
        return list(range(self.numbers, self.numbers + len(self.known)))

    def of(self, features: TreeFeatures) -> np.ndarray:
        """Returns float32 `[C, F + G]`; NaN for an id that is not known."""
        rows, columns = len(features.ids), self.numbers + len(self.known)
        values = np.full((rows, columns), np.nan, np.float32)
        values[:, : self.numbers] = features.numbers
        for place, column, known in zip(self.categorical, self.read, self.known, strict=True):
            ids = features.ids[:, column]
            number = np.searchsorted(known, ids)
            is_known = known.take(number, mode="clip") == ids
            values[is_known, place] = number[is_known]
        return values

"""Gradient-boosted trees on `history_features`, chosen on the validation split."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import ParameterGrid
from threadpoolctl import threadpool_limits

from lifelong.models.gbdt.history_features import (
    FEATURES,
    HistoryFeatures,
    Popularity,
    history_features,
)
from lifelong.models.gbdt.record_rows import Events, Requests, join_events, read_records
from lifelong.models.scores import CandidateScores

# Fields of the configuration that list arguments of the classifier to try.
_GRID = ("learning_rate", "max_leaf_nodes", "min_samples_leaf", "l2_regularization")

# Features `[C, F]` and whether each candidate was clicked, `[C]`.
_Data = tuple[np.ndarray, np.ndarray]


@dataclasses.dataclass(frozen=True)
class GbdtConfig:
    """What is tried; every combination of the four tuples is one trial.

    Attributes:
        popularity: Whether the trees see how frequent the candidate's item is in the training
            period.
        category_popularity: Whether they see it of the candidate's category.
        learning_rate: Shrinkages to try.
        max_leaf_nodes: Leaves of a tree to try.
        min_samples_leaf: Least candidates in a leaf to try.
        l2_regularization: Penalties of leaf values to try.
        max_iterations: Trees, at most; how many are kept is chosen for each trial.
        seed: Seed of the sample from which bins are made.
        threads: OpenMP threads. More than one is faster on idle cores, and much slower on busy ones.
    """

    popularity: bool = True
    category_popularity: bool = False
    learning_rate: tuple[float, ...] = (0.05, 0.1)
    max_leaf_nodes: tuple[int, ...] = (31, 63)
    min_samples_leaf: tuple[int, ...] = (500,)
    l2_regularization: tuple[float, ...] = (10.0,)
    max_iterations: int = 300
    seed: int = 17
    threads: int = 1

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            if getattr(self, field.name) == ():
                raise ValueError(f"GbdtConfig: `{field.name}` is empty; give at least one value")
        for name in ("max_iterations", "threads"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"GbdtConfig: `{name}` is {getattr(self, name)}; it must be at least 1"
                )

    @property
    def features(self) -> tuple[str, ...]:
        """Features to use, out of `history_features.FEATURES`."""
        left_out = {
            "item_popularity": not self.popularity,
            "category_popularity": not self.category_popularity,
        }
        return tuple(name for name in FEATURES if not left_out.get(name))


@dataclasses.dataclass(frozen=True)
class Trial:
    """One combination of the grid, with the number of trees that suits it best.

    Attributes:
        parameters: Values by the names of `HistGradientBoostingClassifier`'s arguments.
        iterations: Trees with the lowest log loss on the validation split.
        log_loss: That log loss, nats per candidate.
        auc: AUC on the validation split with these trees.
        seconds: Time of fitting the most trees allowed and evaluating them.
    """

    parameters: dict[str, float]
    iterations: int
    log_loss: float
    auc: float
    seconds: float


@dataclasses.dataclass(frozen=True)
class GbdtModel:
    """A trained classifier and what its features need.

    Attributes:
        classifier: The fitted trees.
        config: What it was trained with.
        events: Events of the training and validation records: histories of later requests.
        popularity: Counts of the training events.
        trials: All of the grid, the best first; it is the one that `classifier` has.
    """

    classifier: HistGradientBoostingClassifier
    config: GbdtConfig
    events: Events
    popularity: Popularity
    trials: tuple[Trial, ...]

    def featurise(self, files: Sequence[str]) -> tuple[Requests, HistoryFeatures]:
        """Returns the requests of files of raw records and what the classifier reads of them.

        Histories are joined from the files' records and those of training and validation.

        Args:
            files: File patterns of TFRecord files (gzip).

        Raises:
            ValueError: If the records contradict those the model was trained on.
        """
        events, requests = read_records(files)
        joined = join_events([self.events, events])
        return requests, history_features(requests, joined, self.popularity, self.config.features)

    def score(self, files: Sequence[str]) -> CandidateScores:
        """Scores the candidates of files of raw records, in the order of the files' requests.

        Args:
            files: File patterns of TFRecord files (gzip).

        Raises:
            ValueError: If the records contradict those the model was trained on.
        """
        requests, features = self.featurise(files)
        with threadpool_limits(self.config.threads, user_api="openmp"):
            score = self.classifier.predict_proba(features.values)[:, 1]
        return CandidateScores(
            user=requests.user[requests.request],
            request=requests.request,
            item=requests.item,
            history_events=requests.history_events[requests.request],
            label=requests.label,
            score=score,
            absent_events=features.absent_events,
        )


def train_gbdt(
    train_files: Sequence[str],
    validation_files: Sequence[str],
    config: GbdtConfig | None = None,
) -> GbdtModel:
    """Trains gradient-boosted trees on one split and chooses among them on another.

    The number of trees and the combination of the grid are those with the lowest log loss on the
    validation split; the winner is then fitted again with that many trees, on the training split
    alone.

    Args:
        train_files: File patterns of raw records (gzip) to train on.
        validation_files: File patterns of raw records to choose on.
        config: What to try; the defaults if None.

    Returns:
        The model, with all trials.

    Raises:
        ValueError: If the candidates of a split have one label only, or records disagree.

    Example:
        >>> model = train_gbdt(["examples/Split-train/*"], ["examples/Split-validation/*"])
        >>> scores = model.score(["examples/Split-eval/*"])
        >>> grouped_auc(scores.user, scores.label, scores.score)

    References:
        Ke et al., "LightGBM: A Highly Efficient Gradient Boosting Decision Tree", NeurIPS 2017,
        which scikit-learn's HistGradientBoostingClassifier follows.
    """
    config = config or GbdtConfig()
    train_events, train = read_records(train_files)
    validation_events, validation = read_records(validation_files)
    labels = {"train_files": train.label > 0, "validation_files": validation.label > 0}
    for name, clicked in labels.items():
        if clicked.all() or not clicked.any():
            raise ValueError(
                f"{name}: the {len(clicked)} candidates have one label only; "
                "clicked and other ones are needed"
            )
    train_events = join_events([train_events])
    events = join_events([train_events, validation_events])
    popularity = Popularity(train_events)
    fit_on, choose_on = (
        (history_features(requests, events, popularity, config.features).values, clicked)
        for requests, clicked in zip((train, validation), labels.values(), strict=True)
    )
    with threadpool_limits(config.threads, user_api="openmp"):
        grid = ParameterGrid({name: getattr(config, name) for name in _GRID})
        trials = [_try(parameters, config, fit_on, choose_on) for parameters in grid]
        trials.sort(key=lambda trial: trial.log_loss)
        classifier = _fit(trials[0].parameters, trials[0].iterations, config, fit_on)
    return GbdtModel(classifier, config, events, popularity, tuple(trials))


def _try(
    parameters: dict[str, float], config: GbdtConfig, fit_on: _Data, choose_on: _Data
) -> Trial:
    started = time.monotonic()
    classifier = _fit(parameters, config.max_iterations, config, fit_on)
    values, clicked = choose_on
    sign = np.where(clicked, 1.0, -1.0)
    best_logits, best_loss, iterations = np.zeros(len(clicked)), np.inf, 0
    for trees, logits in enumerate(classifier.staged_decision_function(values), start=1):
        loss = float(np.mean(np.logaddexp(0.0, -sign * logits.ravel())))
        if loss < best_loss:
            best_logits, best_loss, iterations = logits.ravel().copy(), loss, trees
    auc = float(roc_auc_score(clicked, best_logits))
    return Trial(parameters, iterations, best_loss, auc, time.monotonic() - started)


def _fit(
    parameters: dict[str, float], iterations: int, config: GbdtConfig, data: _Data
) -> HistGradientBoostingClassifier:
    # Early stopping would set aside a random part of the training candidates, of the same requests.
    classifier = HistGradientBoostingClassifier(
        max_iter=iterations, early_stopping=False, random_state=config.seed, **parameters
    )
    return classifier.fit(*data)

"""Asks a model what is behind its scores."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
from grpc import StatusCode

from lifelong.data.evidence import COLUMNS, REQUEST_COLUMNS
from lifelong.data.keys import (
    ATTENTION,
    CANDIDATE_CATEGORY,
    CANDIDATE_CATEGORY_EVIDENCE,
    CANDIDATE_CATEGORY_STATISTICS,
    CANDIDATE_ITEM,
    CANDIDATE_ITEM_EVIDENCE,
    CANDIDATE_ITEM_STATISTICS,
    CANDIDATE_LENGTH,
    COMPARED_SEARCHES,
    CONTRACT_SIGNATURE,
    EXPLAIN_GIVEN_SIGNATURE,
    EXPLAIN_SIGNATURE,
    HISTORY,
    HISTORY_LENGTH,
    POSITION,
    RANK_GIVEN_SIGNATURE,
    RELEVANCE,
    REQUEST_EVIDENCE,
    SCORES,
    SCORES_WITHOUT_LONG_TERM,
    SEARCHED,
    STATISTICS_AGE,
    STATISTICS_COLUMNS,
)
from lifelong.serving.behavior_store import BehaviorStore
from lifelong.serving.client import PredictionClient
from lifelong.serving.prediction import PredictionError
from lifelong.serving.ranker.model_contract import ModelContract, contract_request, read_contract
from lifelong.serving.ranker.preparation import prepare
from lifelong.serving.ranker.requests import RankRequest
from lifelong.serving.request import Request

# Tries to have one version answer all calls while versions are being switched.
_TRIES = 5
_EXPLAINING = {"": EXPLAIN_SIGNATURE, RANK_GIVEN_SIGNATURE: EXPLAIN_GIVEN_SIGNATURE}


@dataclasses.dataclass(frozen=True)
class FoundEvents:
    """Events that a search found for a candidate, or that the model attends to, best first.

    Attributes:
        position: Places in the history, 0 for its newest event: int64 `[k]`.
        relevance: What the search ranked by, larger is better: float32 `[k]`.
        attention: The weight of each event for each head: float32 `[H, k]`, a head's weights add up
            to 1; None for a search that the model does not read.
    """

    position: np.ndarray
    relevance: np.ndarray
    attention: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class ExplainedItem:
    """What is behind the score of a candidate.

    Attributes:
        item: Item id.
        category: Category id.
        score: Probability of a click, as Predict gives it.
        score_without_long_term: What it would be if the long-term part saw no event, all else, counts
            included, being as it is.
        score_of_short_history: What Predict gives if only the S newest events are sent, so that older
            ones are not counted either.
        searches: What the `hard`, the `soft` and the `eta` search find.
        attended: What the model attends to in the long part; None if it has no attention over it.
        evidence: How often and when the user has met the candidate's `item` and `category`, by the
            columns of `lifelong.data.evidence.COLUMNS`; empty for models that do not count.
        statistics: How often all users have met them, by `STATISTICS_COLUMNS`; likewise.
    """

    item: int
    category: int
    score: float
    score_without_long_term: float
    score_of_short_history: float
    searches: Mapping[str, FoundEvents]
    attended: FoundEvents | None
    evidence: Mapping[str, Mapping[str, int]]
    statistics: Mapping[str, Mapping[str, int]]


@dataclasses.dataclass(frozen=True)
class ExplainedRequest:
    """What is behind the scores of a request.

    Attributes:
        user: User id.
        timestamp: Of the request, Unix seconds.
        history: Columns of the events that the model was sent, `[E]`, the newest first.
        short_length: S: so many of them are the short part.
        long_length: L: so many after those are the long part.
        searched_events: K: so many of the long part a search finds at most.
        evidence_length: E: so many of all of them are counted; 0 for models that do not count.
        items: The candidates, in the order of the request.
        evidence: What was counted of all events, by `REQUEST_COLUMNS`; empty for models that do not.
        statistics_age: See `RankedRequest`.
        degraded: See `RankedRequest`.
        model_version: Version of the model that answered.
    """

    user: int
    timestamp: int
    history: Mapping[str, np.ndarray]
    short_length: int
    long_length: int
    searched_events: int
    evidence_length: int
    items: tuple[ExplainedItem, ...]
    evidence: Mapping[str, int]
    statistics_age: int | None
    degraded: str
    model_version: int


class Explainer:
    """Tells what is behind the scores that a `Ranker` gives, by the model's signature `explain`.

    Args:
        client: Client of the model.
        store: Behaviour of users, and statistics; None: requests bring their history.

    Example:
        with PredictionClient("127.0.0.1:8500") as client, open_store("behavior_store") as store:
            candidates = {"item": [7], "category": [1]}
            request = RankRequest(user=1, candidates=candidates, timestamp=1514764800)
            explained = Explainer(client, store).explain(request)
            print(explained.items[0].score, explained.items[0].searches["eta"].position)
    """

    def __init__(self, client: PredictionClient, store: BehaviorStore | None) -> None:
        self._client = client
        self._store = store

    def version(self) -> int:
        """Returns the version of the model, once it is known to explain.

        Raises:
            StoreFormatError: As `explain`.
            PredictionError: Likewise.
        """
        return self._learn().version

    def explain(self, request: RankRequest) -> ExplainedRequest:
        """Explains the scores of a request.

        Args:
            request: User, candidates, time.

        Raises:
            ValueError: The request cannot be used; the message names the field.
            StoreFormatError: Store and model are not of the same ids, categories and features.
            PredictionError: The server refused or failed a call; FAILED_PRECONDITION: the model does
                not explain.
        """
        for _ in range(_TRIES):
            explained = self._explain(request)
            if explained is not None:
                return explained
        raise RuntimeError(f"the model's version changed {_TRIES} times in a row")

    def _explain(self, request: RankRequest) -> ExplainedRequest | None:
        """Returns None if another version of the model came in between."""
        contract = self._learn()
        # The model itself is to search, also one that a store searches for.
        contract = contract._replace(searches_store=False)
        (batch,) = prepare(self._store, contract, [request], explain=False)
        ((_, prepared),) = batch.rows
        short = _cut(batch.inputs, contract.short_length)
        answers = [
            self._client.call(batch.inputs, batch.signature),
            self._client.call(short, batch.signature),
            self._client.call(batch.inputs, _EXPLAINING[batch.signature]),
        ]
        if {answer.version for answer in answers} != {contract.version}:
            return None
        ranked, ranked_short, explained = (answer.outputs for answer in answers)
        count = int(batch.inputs[CANDIDATE_LENGTH][0])
        length = int(batch.inputs[HISTORY_LENGTH][0])
        return ExplainedRequest(
            user=request.user,
            timestamp=request.timestamp,
            history={
                key.removeprefix(HISTORY): values[0, :length]
                for key, values in batch.inputs.items()
                if key.startswith(HISTORY) and key != HISTORY_LENGTH
            },
            short_length=contract.short_length,
            long_length=contract.long_length,
            searched_events=contract.searched_events,
            evidence_length=contract.evidence_length,
            items=tuple(
                ExplainedItem(
                    item=int(batch.inputs[CANDIDATE_ITEM][0, n]),
                    category=int(batch.inputs[CANDIDATE_CATEGORY][0, n]),
                    score=float(ranked[SCORES][0, n]),
                    score_without_long_term=float(explained[SCORES_WITHOUT_LONG_TERM][0, n]),
                    score_of_short_history=float(ranked_short[SCORES][0, n]),
                    searches={
                        search: _found(explained, f"{search}_", n) for search in COMPARED_SEARCHES
                    },
                    attended=_found(explained, SEARCHED, n) if ATTENTION in explained else None,
                    evidence=_counted(
                        explained,
                        COLUMNS,
                        {
                            "item": CANDIDATE_ITEM_EVIDENCE,
                            "category": CANDIDATE_CATEGORY_EVIDENCE,
                        },
                        n,
                    ),
                    statistics=_counted(
                        explained,
                        STATISTICS_COLUMNS,
                        {
                            "item": CANDIDATE_ITEM_STATISTICS,
                            "category": CANDIDATE_CATEGORY_STATISTICS,
                        },
                        n,
                    ),
                )
                for n in range(count)
            ),
            evidence=_columns(REQUEST_COLUMNS, explained[REQUEST_EVIDENCE][0])
            if REQUEST_EVIDENCE in explained
            else {},
            statistics_age=int(ranked[STATISTICS_AGE][0]) if STATISTICS_AGE in ranked else None,
            degraded=prepared.degraded,
            model_version=contract.version,
        )

    def _learn(self) -> ModelContract:
        metadata = self._client.metadata()
        for signature in (CONTRACT_SIGNATURE, EXPLAIN_SIGNATURE):
            if signature not in metadata.signatures:
                raise PredictionError(
                    StatusCode.FAILED_PRECONDITION,
                    f"version {metadata.version} of the model has no signature {signature}: it was "
                    "exported with export.explain false, by an older version of lifelong, or by "
                    "something else; export it anew (`lifelong run --config FILE --export.explain true`)",
                )
        told = self._client.call(contract_request(), CONTRACT_SIGNATURE)
        contract = read_contract(metadata, told)
        if self._store is not None:
            contract.check(self._store.manifest)
        return contract


def _cut(inputs: Request, events: int) -> Request:
    """Returns a request with its newest events alone; at least one, which may be padding."""
    cut = {
        key: values[:, : max(events, 1)] if key.startswith(HISTORY) and values.ndim > 1 else values
        for key, values in inputs.items()
    }
    return cut | {HISTORY_LENGTH: np.minimum(inputs[HISTORY_LENGTH], events)}


def _found(outputs: Mapping[str, np.ndarray], search: str, candidate: int) -> FoundEvents:
    position = outputs[search + POSITION][0, candidate]
    found = position >= 0
    attention = outputs[ATTENTION][0, candidate][:, found] if search == SEARCHED else None
    return FoundEvents(position[found], outputs[search + RELEVANCE][0, candidate][found], attention)


def _counted(
    outputs: Mapping[str, np.ndarray],
    columns: tuple[str, ...],
    keys: Mapping[str, str],
    candidate: int,
) -> dict[str, dict[str, int]]:
    return {
        of: _columns(columns, outputs[key][0, candidate])
        for of, key in keys.items()
        if key in outputs
    }


def _columns(columns: tuple[str, ...], values: np.ndarray) -> dict[str, int]:
    return dict(zip(columns, map(int, values), strict=True))

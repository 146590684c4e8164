"""The steps of a ranking, for the blocking and the asynchronous ranker alike.

`ranking_steps` is a generator: it yields what is to be done and is sent what came of it. So the
order of things is written once, and how to wait is up to who drives it.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Generator, Sequence
from operator import methodcaller
from typing import Any, NamedTuple

from grpc import StatusCode

from lifelong.data.keys import CONTRACT_SIGNATURE
from lifelong.serving.behavior_store import BehaviorStore
from lifelong.serving.prediction import PredictionError
from lifelong.serving.ranker.model_contract import ModelContract, contract_request, read_contract
from lifelong.serving.ranker.preparation import Batch, answers, prepare
from lifelong.serving.ranker.requests import RankedRequest, RankRequest

# What a server says of a request that is not for the model it has.
_REFUSED = (StatusCode.INVALID_ARGUMENT, StatusCode.FAILED_PRECONDITION, StatusCode.NOT_FOUND)
# Tries to learn the contract while versions are being switched.
_TRIES = 5


class Step(NamedTuple):
    """Something to be done.

    Attributes:
        run: Does it, given the client; with an asynchronous client it returns an awaitable.
        blocks: Whether it blocks the thread instead, and takes no client.
    """

    run: Callable[..., Any]
    blocks: bool = False


Steps = Generator[Step, Any, Any]


class KnownContract:
    """The contract of the model as last seen; threads share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._contract: ModelContract | None = None

    def get(self) -> ModelContract | None:
        """Returns the contract, None if it has not been learned."""
        with self._lock:
            return self._contract

    def put(self, contract: ModelContract) -> None:
        """Keeps a contract."""
        with self._lock:
            self._contract = contract


def ranking_steps(
    store: BehaviorStore | None,
    known: KnownContract,
    requests: Sequence[RankRequest],
    top: int,
    explain: bool,
) -> Generator[Step, Any, list[RankedRequest]]:
    """Ranks requests with one call of the model for those that are alike.

    Args:
        store: Behaviour of users; None: requests bring their history.
        known: Contract of the model, learned where it is missing or out of date.
        requests: At least one.
        top: Candidates of each to return.
        explain: Whether to ask for the events that the search found.

    Returns:
        Answers in the order of the requests.
    """
    contract = known.get() or (yield from _learn(store, known))
    while True:
        batches: list[Batch] = yield Step(
            functools.partial(prepare, store, contract, requests, explain), blocks=True
        )
        ranked: dict[int, RankedRequest] = {}
        try:
            for batch in batches:
                started = time.perf_counter()
                prediction = yield Step(methodcaller("call", batch.inputs, batch.signature))
                took = time.perf_counter() - started
                ranked.update(answers(batch, prediction, top, took))
            changed = any(it.model_version != contract.version for it in ranked.values())
        except PredictionError as error:
            if error.code not in _REFUSED:
                raise
            # Another version may have come that takes other requests.
            latest = yield from _learn(store, known)
            if latest.version == contract.version:
                # The server says which inputs it did not expect; what to do about it is known here.
                for request in requests:
                    latest.check_candidates(request.candidates)
                raise
            contract = latest
            continue
        if changed:
            latest = yield from _learn(store, known)
            if latest._replace(version=0) != contract._replace(version=0):
                contract = latest
                continue
        return [ranked[index] for index in range(len(requests))]


def _learn(
    store: BehaviorStore | None, known: KnownContract
) -> Generator[Step, Any, ModelContract]:
    for _ in range(_TRIES):
        metadata = yield Step(methodcaller("metadata"))
        if CONTRACT_SIGNATURE not in metadata.signatures:
            raise PredictionError(
                StatusCode.FAILED_PRECONDITION,
                f"version {metadata.version} of the model has no signature {CONTRACT_SIGNATURE}: it"
                " was exported by an older version of lifelong, or by something else; train it anew",
            )
        told = yield Step(methodcaller("call", contract_request(), CONTRACT_SIGNATURE))
        if told.version == metadata.version:
            contract = read_contract(metadata, told)
            if store is not None:
                contract.check(store.manifest)
            known.put(contract)
            return contract
    raise RuntimeError(f"the model's version changed {_TRIES} times in a row")

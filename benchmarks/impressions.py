"""Training `eta` request by request, and with one row per impression and a history in each row."""

from __future__ import annotations

import dataclasses
import functools
import tempfile
from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf

from benchmarks.finished_run import FinishedRun
from benchmarks.impression_records import Record, read_records, rows_of, with_candidates
from benchmarks.steps import eta_step_work, fresh_model
from benchmarks.timing import paired_medians
from lifelong.models.config import ModelSpec
from lifelong.models.reader import request_dataset
from lifelong.models.records import record_spec
from tests.sample_records import write_records

LONG_LENGTH = 1_000
# Requests B of a step by their candidates N: rows of B N histories must fit into memory.
REQUESTS = {20: 64, 200: 8}
# Sizes of the operations that tell how fast the machine is.
_PRODUCT_SIZE = 1_024
_SUM_VALUES = 1 << 24


def measure_impressions(
    workdir: str = "workdir",
    requests: Mapping[int, int] = REQUESTS,
    steps: int = 20,
    rounds: int = 10,
) -> list[str]:
    """Trains on the same real impressions in both forms: steps alone, and with reading the files.

    Args:
        workdir: Folder of the run whose records are used.
        requests: B by N.
        steps: Steps that the files are enough for.
        rounds: Counted steps of each form; passes over the files are a third of that.
    """
    run = FinishedRun.read(workdir)
    spec = run.spec
    model = dataclasses.replace(
        spec.model, long_term="eta", short_term="target_attention", long_length=LONG_LENGTH
    )
    # A row's copy of the history has no other events to count.
    model = dataclasses.replace(model, evidence_length=model.window)
    spec = dataclasses.replace(spec, model=model)
    parsing = run.transform_output().transformed_feature_spec()
    lines = [
        "impressions: eta with random weights on real training records, "
        f"S = {model.short_length}, L = {LONG_LENGTH:,}"
    ]
    for candidates, count in requests.items():
        records = with_candidates(
            read_records(run.transformed_files("train"), parsing), count * steps, candidates
        )
        with tempfile.TemporaryDirectory() as folder:
            forms = {
                "request": _Form(spec, records, count, len(records), folder),
                "row": _Form(
                    spec,
                    rows_of(records, model.window),
                    count * candidates,
                    count * candidates,
                    folder,
                ),
            }
            compared = _compare(forms, count * candidates, steps, rounds)
        lines += [f"impressions, N = {candidates}, {line}" for line in compared]
    return lines


class _Form:
    """A model, and the impressions in one form.

    Args:
        spec: Architecture.
        records: The impressions.
        batch_size: Requests in a step.
        pool: Records that are read together, such that all batches are full.
        folder: Where the records are written.
    """

    def __init__(
        self,
        spec: ModelSpec,
        records: list[Record],
        batch_size: int,
        pool: int,
        folder: str,
    ) -> None:
        path = Path(folder) / f"{len(records)}.gz"
        write_records(records, path)
        self.batch_size = batch_size
        self.megabytes = path.stat().st_size / 1e6
        self.model = fresh_model(spec)
        self.batches = request_dataset(
            [str(path)],
            record_spec(spec.features),
            spec.model.window,
            batch_size,
            pool,
            evidence_length=spec.model.evidence_length,
        )
        self._step = self.model.make_train_function()
        first = next(iter(self.batches))
        assert len(first["user"]) == batch_size
        self._in_memory = iter(tf.data.Dataset.from_tensors(first).repeat())

    def step(self) -> None:
        """Trains on a batch that is in memory."""
        self._step(self._in_memory)

    def read_and_train(self, steps: int) -> None:
        """Trains on the batches of the file."""
        batches = iter(self.batches)
        for _ in range(steps):
            self._step(batches)


def _compare(forms: dict[str, _Form], impressions: int, steps: int, rounds: int) -> list[str]:
    """Times both forms in turn.

    Args:
        forms: By name; the first one is the one to judge.
        impressions: Of a step.
        steps: Of a pass over the files.
        rounds: Counted steps.
    """
    square = tf.random.stateless_normal([_PRODUCT_SIZE, _PRODUCT_SIZE], seed=(0, 0))
    total, summand = tf.Variable(tf.zeros([_SUM_VALUES])), tf.ones([_SUM_VALUES])
    alone = {
        **{name: form.step for name, form in forms.items()},
        "product": functools.partial(tf.matmul, square, square),
        "sum": functools.partial(total.assign_add, summand),
    }
    seconds = paired_medians(alone, rounds)
    reading = {name: functools.partial(form.read_and_train, steps) for name, form in forms.items()}
    passes = paired_medians(reading, rounds=max(rounds // 3, 1), warm_up=1)
    lines = [
        _line("steps alone", {name: impressions / seconds[name] for name in forms}),
        _line("files read", {name: steps * impressions / passes[name] for name in forms})
        + "; "
        + ", ".join(f"{form.megabytes:.1f} MB by {name}" for name, form in forms.items()),
    ]
    # A sum reads two values and writes one.
    multiply_adds = _PRODUCT_SIZE**3 / seconds["product"]
    moved = 3 * summand.dtype.size * _SUM_VALUES / seconds["sum"]
    for name, form in forms.items():
        work = eta_step_work(form.model, form.batch_size, impressions)
        floor = max(work.multiply_adds / multiply_adds, work.bytes / moved)
        lines.append(
            f"a step of {form.batch_size:,} {name}s takes {seconds[name] * 1e3:.1f} ms, "
            f"{seconds[name] / floor:.1f} times as long as the longer of its "
            f"{work.multiply_adds / 1e9:.2f} G multiply-adds (at {multiply_adds / 1e9:.0f} G/s) and "
            f"its {work.bytes / 1e6:,.0f} MB (at {moved / 1e9:.1f} GB/s)"
        )
    return lines


def _line(what: str, rates: dict[str, float]) -> str:
    """Says how many impressions a second both forms reach, and the ratio of first to second."""
    first, second = rates.values()
    each = ", ".join(f"{rate:,.0f} impressions/s by {name}" for name, rate in rates.items())
    return f"{what}: {each}: {first / second:.1f} times"

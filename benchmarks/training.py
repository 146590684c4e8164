"""The reader alone, and a training step of `eta` and of the baseline, on the run's own records."""

from __future__ import annotations

import dataclasses
import functools

import tensorflow as tf

from benchmarks.finished_run import FinishedRun
from benchmarks.steps import fresh_model
from benchmarks.timing import paired_medians
from lifelong.data.keys import CANDIDATE_LENGTH
from lifelong.models.reader import count_requests

BATCH = 64


def measure_reader() -> list[str]:
    """Reads the shuffled training requests, as the Trainer does, several times."""
    run = FinishedRun.read()
    spec, files = run.transform_output().transformed_feature_spec(), run.transformed_files("train")
    window = run.spec.model.window
    batches = run.training_batches(BATCH)
    arrays = [value.numpy() for value in next(iter(batches)).values()]
    # Nothing but the number of requests leaves the pipeline: a copy would be measured too.
    sizes = batches.map(lambda batch: tf.shape(batch["user"])[0])
    requests = sum(sizes.as_numpy_iterator())
    assert requests == count_requests(files, spec)

    def read() -> None:
        sum(sizes.as_numpy_iterator())

    def copy() -> None:
        for _ in range(requests // BATCH):
            for array in arrays:
                array.copy()

    seconds = paired_medians({"read": read, "copy": copy}, rounds=5, warm_up=1)
    kilobytes = sum(array.nbytes for array in arrays) / BATCH / 1e3
    return [
        f"reader: {requests / seconds['read']:,.0f} requests/s of {kilobytes:.0f} KB, a window of "
        f"{window} events; {seconds['read'] / seconds['copy']:.1f} times as long as copying the "
        "finished batches from cache"
    ]


def measure_training_step() -> list[str]:
    """Times one optimizer step on a real batch that is already in memory."""
    run = FinishedRun.read()
    trained = run.spec
    batch = next(iter(run.training_batches(BATCH)))
    candidates = int(tf.reduce_sum(batch[CANDIDATE_LENGTH]))
    repeated = tf.data.Dataset.from_tensors(batch).repeat()
    steps = {}
    for long_term in ("none", "eta"):
        changed = dataclasses.replace(trained.model, long_term=long_term)
        model = fresh_model(dataclasses.replace(trained, model=changed))
        steps[long_term] = functools.partial(model.make_train_function(), iter(repeated))
    return [
        f"training step, {name}: {seconds * 1e3:.1f} ms, {BATCH / seconds:,.0f} requests/s, "
        f"{candidates / seconds:,.0f} candidates/s"
        for name, seconds in paired_medians(steps, rounds=40).items()
    ]


def measure_reading_against_training(
    workdir: str = "workdir", steps: int = 20, rounds: int = 5
) -> list[str]:
    """Compares the reader alone with training steps of `eta` on batches that it has read.

    Args:
        workdir: Folder of the run whose records are used.
        steps: Batches that are kept in memory and trained on in a round.
        rounds: Counted passes of the reader over the training split, and rounds of training.
    """
    run = FinishedRun.read(workdir)
    spec, files = run.transform_output().transformed_feature_spec(), run.transformed_files("train")
    trained = run.spec
    batches = run.training_batches(BATCH)
    sizes = batches.map(lambda batch: tf.shape(batch["user"])[0])
    kept = batches.take(steps).cache()
    requests = sum(len(batch["user"]) for batch in kept)
    model = fresh_model(
        dataclasses.replace(trained, model=dataclasses.replace(trained.model, long_term="eta"))
    )
    train = model.make_train_function()
    endless = iter(kept.repeat())

    def train_steps() -> None:
        for _ in range(steps):
            train(endless)

    read = {"read": lambda: sum(sizes.as_numpy_iterator()), "train": train_steps}
    seconds = paired_medians(read, rounds, warm_up=1)
    read_rate = count_requests(files, spec) / seconds["read"]
    train_rate = requests / seconds["train"]
    return [
        f"feeding: the reader alone {read_rate:,.0f} requests/s, training steps of eta on its "
        f"batches in memory {train_rate:,.0f} requests/s: {read_rate / train_rate:.1f} times"
    ]

"""How the training went, epoch by epoch, as the Trainer has noted it for TensorBoard."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.util import tensor_util

from lifelong.report.charts import lines
from lifelong.report.page import Block, Figure, Paragraph, Section, Table, number
from lifelong.report.reported_run import ReportedRun

_PARTS = ("train", "validation")
# Of the training anew with `training.refit`.
_REFIT = "refit"
_METRICS = {"loss": "log loss", "auc": "AUC"}


class Epoch(NamedTuple):
    """What was noted of an epoch; None where it was not.

    Attributes:
        number: From 1.
        loss: Mean log loss, and what a part of the model adds to it, of the training requests.
        auc: AUC of the training requests, while they were trained on.
        validation_loss: The same of the validation requests, after the epoch.
        validation_auc: Likewise.
    """

    number: int
    loss: float | None
    auc: float | None
    validation_loss: float | None
    validation_auc: float | None


def training_section(run: ReportedRun) -> Section:
    """Returns how the model was trained."""
    logs = run.uri("Trainer", "model_run")
    epochs = read_epochs(logs)
    if not epochs:
        text = f"The Trainer has left no logs of epochs in {logs}."
        return Section("training", "Training", [Paragraph(text)])
    blocks: list[Block] = [Paragraph(_told(run, epochs))]
    if run.config.training.refit:
        again = read_epochs(f"{logs}/{_REFIT}")
        blocks.append(
            Paragraph(
                f"A new model was then trained for {len(again)} epochs on the requests of training and "
                f"validation together and kept; its last epoch's training loss is "
                f"{number(again[-1].loss if again else None)}."
            )
        )
    for name, title in _METRICS.items():
        blocks.append(
            Figure(
                f"{title} by epoch".capitalize() if title != "AUC" else "AUC by epoch",
                _READING[name],
                lines(
                    _points(epochs, name), ("epoch", "epoch"), (name, title), "requests", whole=True
                ),
            )
        )
    best = best_epoch(epochs)
    blocks.append(
        Table(
            "Epochs",
            ("epoch", "training loss", "training AUC", "validation loss", "validation AUC"),
            [
                (
                    f"{epoch.number}{' (kept)' if epoch.number == best else ''}",
                    *(number(value) for value in epoch[1:]),
                )
                for epoch in epochs
            ],
        )
    )
    return Section("training", "Training", blocks)


_READING = {
    "loss": "Lower is better. The training loss is a mean over the epoch, dropout included; validation "
    "is measured after it. Validation that rises while training falls is the sign of learning by heart.",
    "auc": "Higher is better. The epoch of the highest validation AUC is the one that is kept.",
}


def best_epoch(epochs: list[Epoch]) -> int | None:
    """Returns the number of the epoch with the highest validation AUC, the first of equal ones."""
    judged = [epoch for epoch in epochs if epoch.validation_auc is not None]
    if not judged:
        return None
    return max(judged, key=lambda epoch: (epoch.validation_auc, -epoch.number)).number


def read_epochs(logs: str) -> list[Epoch]:
    """Reads what a training noted of its epochs.

    An epoch that was trained again after a kill counts as it was the last time.

    Args:
        logs: Path or URI of the folder of TensorBoard's logs.
    """
    noted = {
        (part, name): _read_series(f"{logs}/{part}", f"epoch_{name}")
        for part in _PARTS
        for name in _METRICS
    }
    steps = sorted({step for series in noted.values() for step in series})
    return [
        Epoch(step + 1, *(noted[part, name].get(step) for part in _PARTS for name in _METRICS))
        for step in steps
    ]


def _read_series(folder: str, tag: str) -> dict[int, float]:
    if not tf.io.gfile.isdir(folder):
        return {}
    events = event_accumulator.EventAccumulator(
        folder, size_guidance={event_accumulator.TENSORS: 0}, purge_orphaned_data=False
    ).Reload()
    if tag not in events.Tags()["tensors"]:
        return {}
    return {
        event.step: float(tensor_util.make_ndarray(event.tensor_proto))
        for event in events.Tensors(tag)
    }


def _points(epochs: list[Epoch], name: str) -> list[dict[str, object]]:
    values = [("training", name), ("validation", f"validation_{name}")]
    return [
        {"epoch": epoch.number, name: getattr(epoch, field), "requests": label}
        for label, field in values
        for epoch in epochs
        if getattr(epoch, field) is not None
    ]


def _told(run: ReportedRun, epochs: list[Epoch]) -> str:
    training, best = run.config.training, best_epoch(epochs)
    text = (
        f"Trained for {len(epochs)} of at most {training.epochs} epochs in batches of "
        f"{training.batch_size} requests with {training.optimizer}, step size "
        f"{training.learning_rate:g}, patience {training.patience}."
    )
    if best is not None:
        text += f" Validation chose epoch {best}."
        if best == training.epochs:
            text += " It is the last one: more of them (training.epochs) may be better."
    if "Trainer" in run.outcome.record.cached:
        text += " This training is of an earlier run: nothing that it reads has changed since."
    return text

"""Memory of exporting and baking by the number of items: tables of millions must not lie there twice."""

from __future__ import annotations

import multiprocessing
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

from benchmarks.finished_run import FinishedRun
from benchmarks.steps import fresh_model
from benchmarks.vocabulary import REQUESTS, default_spec, random_batch
from lifelong.models.config import ModelConfig, SoftSearchConfig, TrainingConfig
from lifelong.models.ctr_model import CTRModel
from lifelong.models.export import export_model
from lifelong.models.fitting import fit
from lifelong.models.trained import load_trained, save_trained

MODELS = {
    "sim_hard": ModelConfig(long_term="sim_hard"),
    "eta": ModelConfig(long_term="eta"),
    "sim_soft, exact": ModelConfig(long_term="sim_soft"),
    "sim_soft, alsh": ModelConfig(
        long_term="sim_soft", soft_search=SoftSearchConfig(served_by="alsh")
    ),
}
FEW, MANY = 24_000, 3 * 10**6
STEPS = 2


def measure_export_memory() -> list[str]:
    """Trains, loads, bakes and exports in fresh processes, with few items and with many.

    What a process takes with few items is TensorFlow, graphs and one block of rows. What it takes
    more with many is put beside what their tables have more: the model's weights, and what is baked.
    """
    transform = FinishedRun.read(having="Transform").outputs["Transform", "transform_graph"]
    lines = [_in_fresh_process(_tell_ids)]
    with tempfile.TemporaryDirectory() as folder:
        for name, config in MODELS.items():
            few, many = (
                {
                    kind: _in_fresh_process(measure, config, items, folder, transform)
                    for kind, measure in {"end": _train_and_export, "bake": _bake}.items()
                }
                for items in (FEW, MANY)
            )
            of_end, of_bake = ({k: many[kind][k] - few[kind][k] for k in few[kind]} for kind in few)
            lines.append(
                f"memory, {name}, {MANY // 10**6} million items: loaded, baked and exported "
                f"{of_bake['exported'] / of_bake['tables']:.2f} times the tables of "
                f"{of_bake['tables'] / 1e6:.0f} MB (beside {few['bake']['exported'] / 1e6:.0f} MB with "
                f"few items); training {of_end['trained'] / of_end['tables']:.2f} times its "
                f"{of_end['tables'] / 1e6:.0f} MB, and saving and exporting at its end "
                f"{max(of_end['exported'], 0) / of_end['tables']:.2f} times more"
            )
    return lines


def _train_and_export(
    config: ModelConfig, items: int, folder: str, transform: str
) -> dict[str, int]:
    """Trains some steps, saves and exports as the Trainer does."""
    base = _peak()
    batches = tf.data.Dataset.from_tensors(random_batch(items, "Zipf", config.window))
    model = fit(
        fresh_model(default_spec(items, config)),
        TrainingConfig(epochs=1),
        lambda: batches,
        STEPS * REQUESTS,
        batches,
        f"{folder}/checkpoints-{os.getpid()}",
        f"{folder}/logs",
    )
    trained = _peak()
    save_trained(model, f"{folder}/{items}")
    export_model(model, tft.TFTransformOutput(transform), f"{folder}/exported-{os.getpid()}")
    return {
        "trained": trained - base,
        "exported": _peak() - trained,
        "tables": _bytes(model.trainable_variables),
    }


def _bake(config: ModelConfig, items: int, folder: str, transform: str) -> dict[str, int]:
    """Loads, bakes and exports as the SignatureBaker does before it proves the scores."""
    base = _peak()
    model: CTRModel = load_trained(f"{folder}/{items}")
    tables = [*model.weights, *model.long_term.bake()]
    export_model(model, tft.TFTransformOutput(transform), f"{folder}/exported-{os.getpid()}")
    return {"exported": _peak() - base, "tables": _bytes(tables)}


def _tell_ids() -> str:
    """Measures the table from ids to rows, of which each loaded Transform graph has one."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/ids"
        np.savetxt(path, np.random.default_rng(0).permutation(MANY) * 7_919, fmt="%d")
        before = _memory("VmRSS")
        line, number = tf.lookup.TextFileIndex.WHOLE_LINE, tf.lookup.TextFileIndex.LINE_NUMBER
        ids = tf.lookup.TextFileInitializer(path, tf.int64, line, tf.int64, number)
        table = tf.lookup.StaticVocabularyTable(ids, 1, lookup_key_dtype=tf.int64)
        size = _memory("VmRSS") - before
        return (
            f"memory, ids of {int(table.size()) - 1:,} items, of which each loaded Transform graph has "
            f"a table: {size / 1e6:.0f} MB, {size / MANY:.0f} bytes an id"
        )


def _in_fresh_process(measure: Callable[..., Any], *arguments: object) -> Any:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measure, arguments)


def _peak() -> int:
    # Not `getrusage`: what that tells begins with what the parent process had.
    return _memory("VmHWM")


def _memory(key: str) -> int:
    """Returns bytes of resident memory, now (`VmRSS`) or at most so far (`VmHWM`)."""
    status = Path("/proc/self/status").read_text()
    (kilobytes,) = re.findall(rf"^{key}:\s+(\d+) kB$", status, re.MULTILINE)
    return int(kilobytes) * 1024


def _bytes(variables: list[tf.Variable]) -> int:
    return sum(variable.shape.num_elements() * variable.dtype.size for variable in variables)

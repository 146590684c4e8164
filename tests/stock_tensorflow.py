"""Runs a SavedModel in a fresh process that has TensorFlow and nothing else of ours or TFX's."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

_SCRIPT = """
import sys
for name in ("lifelong", "tfx", "tfx_bsl", "tensorflow_transform", "tensorflow_recommenders"):
    sys.modules[name] = None  # importing one of these fails
import numpy as np
import tensorflow as tf
model, request, answer = sys.argv[1:]
inputs = {key: tf.constant(value) for key, value in np.load(request).items()}
np.save(answer, tf.saved_model.load(model).signatures["serving_default"](**inputs)["scores"])
"""


def stock_scores(model: Path, request: Mapping[str, np.ndarray], folder: Path) -> np.ndarray:
    """Returns the scores `[B, N]` that stock TensorFlow gives.

    Args:
        model: Folder of the SavedModel.
        request: Wire arrays.
        folder: Where request and answer are handed over.
    """
    request_file, answer_file = folder / "request.npz", folder / "answer.npy"
    np.savez(request_file, **{key: np.asarray(value) for key, value in request.items()})
    subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(model), str(request_file), str(answer_file)],
        check=True,
    )
    return np.load(answer_file)

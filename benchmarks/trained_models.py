"""Finds trained models: those of `lifelong compare`, else that of the last run."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from pathlib import Path

from benchmarks.finished_run import FinishedRun
from lifelong.experiments.trial import RESULT_FILE
from lifelong.models.config import LongTermName
from lifelong.models.ctr_model import CTRModel
from lifelong.models.trained import SPEC_FILE, TRAINED_FOLDER, load_trained


def load_trained_part(long_term: LongTermName, workdir: str = "workdir") -> tuple[CTRModel, Path]:
    """Loads a trained model of a long-term part.

    Args:
        long_term: The long-term part.
        workdir: Folder of the runs.

    Returns:
        The model and the folder it was loaded from.

    Raises:
        FileNotFoundError: If neither a comparison nor the last run has trained such a model.
        ValueError: If the model was trained by other code, whose weights do not fit.
    """
    folder = find_trained(long_term, workdir)
    try:
        return load_trained(str(folder)), folder
    except (AssertionError, ValueError) as error:
        raise ValueError(
            f"the weights in {folder} do not fit today's model; train it again with `lifelong "
            f"compare --models=[{long_term}] --once=[]`"
        ) from error


def load_with_lengths(
    long_term: LongTermName, workdir: str = "workdir", **lengths: int
) -> CTRModel:
    """Loads a trained model to read histories of other lengths: no weight depends on them.

    Args:
        long_term: The long-term part.
        workdir: Folder of the runs.
        **lengths: Fields of `ModelConfig`, such as `long_length` and `evidence_length`.

    Raises:
        FileNotFoundError: If neither a comparison nor the last run has trained such a model.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "trained"
        shutil.copytree(find_trained(long_term, workdir), copy)
        fields = json.loads((copy / SPEC_FILE).read_text())
        fields["model"] |= lengths
        (copy / SPEC_FILE).write_text(json.dumps(fields))
        return load_trained(str(copy))


def find_trained(long_term: LongTermName, workdir: str = "workdir") -> Path:
    """Returns the folder of a trained model of a long-term part.

    Args:
        long_term: The long-term part.
        workdir: Folder of the runs. Its comparison's model of the smallest seed is preferred to the
            last run's model.

    Raises:
        FileNotFoundError: If neither a comparison nor the last run has trained such a model.
    """
    trials = Path(workdir).resolve() / "compare" / "trials"
    # Variants have longer names. A trial that has a result has all of its weights.
    finished = {
        int(match[1]): result.parent
        for result in trials.glob(f"{long_term}-seed*/{RESULT_FILE}")
        if (match := re.fullmatch(rf"{long_term}-seed(\d+)", result.parent.name))
    }
    if finished:
        return finished[min(finished)] / TRAINED_FOLDER
    try:
        run = FinishedRun.read(workdir)
    except FileNotFoundError:
        run = None
    if run is not None and run.spec.model.long_term == long_term:
        return run.trained_folder
    raise FileNotFoundError(
        f"there is no trained {long_term} in {workdir}: neither {trials}/{long_term}-seed* nor the "
        f"last run; `lifelong compare --models=[{long_term}] --once=[]` trains it"
    )

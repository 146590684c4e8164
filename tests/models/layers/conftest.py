"""What the tests of the layers share."""

import os
import subprocess
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import pytest
import tensorflow as tf


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture(params=["mixed_float16", "mixed_bfloat16"])
def mixed_precision(request):
    """Sets a global policy of mixed precision for one test; gives its compute type."""
    set_policy = tf.keras.mixed_precision.set_global_policy
    set_policy(request.param)
    yield tf.as_dtype(request.param.removeprefix("mixed_"))
    set_policy("float32")


@pytest.fixture
def run_python():
    """Runs code in a fresh process, which must succeed; returns what it printed."""

    def run(code, *arguments):
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    return run

"""Runs the tests of the layers and of their examples once more under the other Keras version."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.models.layers.layer_calls import IS_KERAS_3


@pytest.mark.slow
@pytest.mark.skipif(
    IS_KERAS_3,
    reason="these tests run under Keras 3 already",
)
def test_the_layers_pass_their_tests_under_keras_3(request):
    folder = Path(__file__).parent
    examples = Path(request.config.rootpath) / "tests" / "examples"
    # Fixtures of the folders above may need what does not run under Keras 3.
    options = ["-q", "-p", "no:cacheprovider", f"--confcutdir={folder}"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(folder), str(examples)],
        cwd=request.config.rootpath,
        env={**os.environ, "TF_USE_LEGACY_KERAS": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]

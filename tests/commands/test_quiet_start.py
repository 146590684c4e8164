import os
import subprocess
import sys

import pytest

NOTES = (
    b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n"
    b"I0000 00:00:1795827647.923844    8886 port.cc:153] oneDNN custom operations are on.\n"
)
ERROR = b"E0000 00:00:1795827647.923844    8886 port.cc:153] it cannot be used\n"
LOAD = "from lifelong.commands.quiet_start import load_tensorflow_quietly as load; load();"


def run(code, **variables):
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **variables},
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize("breaks", [False, True])
def test_notes_are_left_out_and_the_rest_is_not(tmp_path, breaks):
    """What C++ prints at import, from a module in TensorFlow's place."""
    lines = [
        "import os",
        *(f"os.write(2, {text!r})" for text in (NOTES, ERROR, NOTES)),
        "raise ImportError('broken')" if breaks else "value = 7",
    ]
    (tmp_path / "tensorflow.py").write_text("\n".join(lines))
    code = f"{LOAD} import tensorflow; print(tensorflow.value); os = tensorflow.os; "
    done = run(f"{code} os.write(2, {NOTES!r})", PYTHONPATH=str(tmp_path))
    if breaks:
        assert b"ImportError: broken" in done.stderr
        assert done.stderr.startswith(ERROR)
        assert NOTES not in done.stderr
    else:
        assert done.stdout == b"7\n"
        # At import alone.
        assert done.stderr == ERROR + NOTES


def test_who_wants_them_sees_them(tmp_path):
    (tmp_path / "tensorflow.py").write_text(f"import os\nos.write(2, {NOTES!r})")
    code = f"{LOAD} import tensorflow"
    done = run(code, PYTHONPATH=str(tmp_path), TF_CPP_MIN_LOG_LEVEL="0")
    assert done.stderr == NOTES


def test_tensorflow_loads_without_a_word():
    done = run(f"{LOAD} import tensorflow as tf; print(tf.constant(7).numpy())")
    assert (done.stdout, done.stderr) == (b"7\n", b"")


@pytest.mark.parametrize("name", ["AtomicFunction", "Other"])
def test_functions_of_tensorflow_that_are_freed_last_say_nothing(name):
    """Freed after the modules are, as the process ends."""
    code = (
        "import sys\n"
        "from lifelong.commands.quiet_start import end_tensorflow_quietly as end; end(); end()\n"
        f"class {name}:\n"
        "    def __del__(self): raise TypeError('too late')\n"
        f"sys.modules['zzz'] = type(sys)('zzz'); sys.modules['zzz'].kept = {name}()\n"
    )
    done = run(code)
    assert done.returncode == 0
    assert (b"too late" in done.stderr) == (name == "Other")

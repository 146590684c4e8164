import errno
import logging

import pytest
from absl import logging as absl_logging
from tfx import v1 as tfx

from lifelong.components.serving_validator.refusal import ModelRefusedError
from lifelong.pipeline import run_components as module
from lifelong.pipeline.config import Config, Workdir
from lifelong.pipeline.progress import component_lines
from lifelong.pipeline.reasons import ComponentFailedError
from lifelong.pipeline.run_components import run_components


@pytest.fixture
def failing(monkeypatch, tmp_path):
    """Runs a pipeline whose third component raises."""

    def run(error):
        class Runner:
            def run(self, pipeline):
                logging.getLogger("absl").info("Component BehaviorExampleGen is running.")
                logging.getLogger("absl").info("Component BehaviorExampleGen is finished.")
                logging.getLogger("absl").info("Component Trainer is running.")
                raise error

        monkeypatch.setattr(tfx.orchestration, "LocalDagRunner", Runner)
        monkeypatch.setattr(module, "remove_leftovers", lambda *arguments: None)
        workdir = Workdir(tmp_path)
        verbosity = absl_logging.get_verbosity()
        try:
            with pytest.raises(ComponentFailedError) as caught, component_lines(workdir.log):
                run_components(None, Config(), workdir)
        finally:
            absl_logging.set_verbosity(verbosity)
        return str(caught.value)

    return run


def test_the_last_words_name_the_component_the_reason_and_what_to_do(failing, tmp_path):
    assert failing(KeyError("weights")) == (
        "Trainer failed: KeyError: 'weights'.\n"
        "What was done before it is kept: mend that, and run the same command again. "
        f"All messages: {tmp_path}/run.log"
    )
    log = (tmp_path / "run.log").read_text()
    assert "Trainer failed" in log
    assert "Traceback" in log


def test_a_full_disk_names_the_folder(failing, tmp_path):
    said = failing(OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "weights.h5")))
    assert said.startswith(
        f"Trainer failed: the disk of {tmp_path} has no room left (No space left"
    )


def test_a_log_on_a_full_disk_does_not_hide_what_failed(failing, monkeypatch, capsys):
    def write(self, record):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(logging.StreamHandler, "flush", lambda self: write(self, None))
    assert failing(ValueError("no events")).startswith("Trainer failed: no events")
    assert "Traceback" not in capsys.readouterr().err


def test_a_refused_model_is_no_failure_of_the_run(failing):
    """Whoever started it tells what was found, and why nothing was pushed."""
    with pytest.raises(ModelRefusedError, match="over the budget"):
        failing(ModelRefusedError("over the budget"))

import re
import subprocess
import sys
import textwrap


def run(log, messages):
    """Logs in a process of its own, whose handlers pytest has not touched."""
    script = f"""
        import pathlib
        from absl import logging
        from lifelong.pipeline.progress import component_lines
        with component_lines(pathlib.Path({str(log)!r})):
            {messages}
        logging.info("Component Late is running.")
    """
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True
    )


def test_a_line_for_each_component(tmp_path):
    done = run(
        tmp_path / "run.log",
        """
            logging.info("Component Trainer is running.")
            logging.info("Component Trainer is finished.")
            logging.info("Component Transform is running.")
            logging.info("A cached execution 7 is used.")
            logging.info("Component Transform is finished.")
        """.strip(),
    )
    assert re.sub(r"\[ +\d+ s\] ", "", done.stdout).splitlines() == [
        "Trainer ...",
        "Trainer done in 0 s",
        "Transform ...",
        "Transform unchanged, not run",
    ]


def test_errors_are_printed_and_all_the_rest_is_in_the_file(tmp_path):
    done = run(
        tmp_path / "run.log",
        """
            logging.info("something small")
            logging.warning("something only experts need")
            logging.error("something broke")
        """.strip(),
    )
    assert "something broke" in done.stderr
    assert "experts" not in done.stderr
    text = (tmp_path / "run.log").read_text()
    for message in ("something small", "something only experts need", "something broke"):
        assert message in text


def test_what_others_log_afterwards_is_shown_as_before(tmp_path):
    """A notebook goes on after a run."""
    script = f"""
        import logging, pathlib
        from lifelong.pipeline.progress import component_lines
        level = logging.getLogger().level
        with component_lines(pathlib.Path({str(tmp_path / "run.log")!r})):
            pass
        assert logging.getLogger().level == level
        logging.getLogger("lifelong.serving").info("a version is available")
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""

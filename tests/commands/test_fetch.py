import os
import re
import shutil
import signal
import subprocess
import sys

import pytest

from lifelong.commands.fetch import FetchOptions, fetch
from lifelong.commands.main import main
from lifelong.data.full_disk import FullDiskError
from lifelong.serving.behavior_store import open_store
from lifelong.serving.behavior_store.version_folder import VersionFolder
from tests.pushed_stores import push_below_uri


@pytest.fixture
def pushed(tmp_path):
    return tmp_path / "pushed"


@pytest.fixture
def here(tmp_path):
    return tmp_path / "here"


@pytest.fixture
def follow(pushed, here):
    """Follows the source, does one thing after each look, and then sends a signal."""

    def run(*between, number=signal.SIGTERM, every=5.0):
        waiting = iter([*between, lambda: os.kill(os.getpid(), number)])

        def wait(seconds):
            assert seconds == every
            next(waiting)()

        assert fetch(FetchOptions(f"file://{pushed}", str(here), every), wait) == 0
        assert next(waiting, None) is None

    return run


def events(here):
    with open_store(here) as store:
        return len(store.history(1, 100)["item"])


def test_one_look_tells_what_it_fetched(pushed, here, capsys):
    push_below_uri(pushed, 7, events=3)
    arguments = ["fetch", f"--source=file://{pushed}", f"--destination={here}"]
    assert main(arguments) == 0
    output = capsys.readouterr().out
    assert re.fullmatch(
        rf"version 7 fetched from file://{pushed}: [\d,]+ bytes in 0\.\d s\n", output
    )
    assert events(here) == 3
    assert main(arguments) == 0
    assert f"the newest version of file://{pushed} is in {here} already" in capsys.readouterr().out
    for number in (8, 9):
        push_below_uri(pushed, number, events=number)
        assert main([*arguments, "--keep_versions=1"]) == 0
    assert [path.name for path in here.glob("[0-9]*")] == ["9"]


def test_one_look_fails_if_the_source_cannot_be_used(pushed, here, capsys):
    arguments = ["fetch", f"--source={pushed}", f"--destination={here}"]
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert f"lifelong fetch: {pushed} holds no whole version of a behaviour store" in error
    assert "Traceback" not in error
    data = push_below_uri(pushed, 7, events=3) / "statistics.npy"
    data.write_bytes(b"x" + data.read_bytes()[1:])
    assert main(arguments) == 1
    assert "7/statistics.npy is damaged: its" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_newer_versions_are_fetched_as_they_come(follow, pushed, here, capsys, number):
    push_below_uri(pushed, 7, events=3)
    follow(lambda: None, lambda: push_below_uri(pushed, 8, events=4), number=number)
    output = capsys.readouterr()
    assert re.findall(r"version (\d+) fetched", output.out) == ["7", "8"]
    assert not output.err
    assert events(here) == 4


def test_a_source_that_is_away_for_a_while_is_tried_again(follow, pushed, here, capsys):
    push_below_uri(pushed, 7, events=3)
    away = pushed.with_name("away")
    follow(
        lambda: pushed.rename(away),
        lambda: None,
        lambda: away.rename(pushed),
        lambda: shutil.rmtree(pushed),
        lambda: push_below_uri(pushed, 8, events=4),
    )
    output = capsys.readouterr()
    assert re.findall(r"version (\d+) fetched", output.out) == ["7", "8"]
    # Once each time, however long it is away.
    told = rf"lifelong fetch: file://{pushed} holds no whole version.*; trying again every 5 s"
    assert len(re.findall(told, output.err)) == 2
    assert events(here) == 4


def test_a_full_disk_is_told_and_tried_again(follow, pushed, here, capsys, monkeypatch):
    push_below_uri(pushed, 7, events=3)

    def full(*_):
        raise FullDiskError("No space left on device")

    monkeypatch.setattr(VersionFolder, "add", full)
    follow(monkeypatch.undo)
    output = capsys.readouterr()
    assert f"the disk of {here} has no room left" in output.err
    assert events(here) == 3


def test_what_a_killed_one_left_is_removed_at_the_start(pushed, here):
    push_below_uri(pushed, 7, events=3)
    (here / ".7" / "shard-00000").mkdir(parents=True)
    assert main(["fetch", f"--source={pushed}", f"--destination={here}"]) == 0
    (here / ".8").mkdir()
    assert main(["fetch", f"--source={pushed}", f"--destination={here}"]) == 0
    assert sorted(path.name for path in here.iterdir()) == [".writer.lock", "7"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--source=", "--destination=here"], "source is empty"),
        (["--source=gs:/b", "--destination=here"], "source is 'gs:/b', which is neither a folder"),
        (["--source=s4://b/x", "--destination=here"], "PyArrow cannot open"),
        (["--source=redis://host", "--destination=here"], "source is a store in Redis"),
        (["--source=pushed", "--destination=gs:/b"], "destination is 'gs:/b', which is neither"),
        (["--source=pushed", "--destination=gs://b/x"], "name a folder of this machine"),
        (["--source=pushed", "--destination=file"], "file', which is a file; name a folder"),
        (["--source=pushed", "--destination=here", "--every=-1"], "every is -1.0; it must be at"),
        (["--source=pushed", "--destination=here", "--keep_versions=0"], "keep_versions is 0; it"),
    ],
)
def test_options_that_make_no_sense(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    assert main(["fetch", *arguments]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "here").exists()


# A fresh process: TensorFlow and what needs it are out of reach.
WITHOUT = """
import sys


class OutOfReach:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"tensorflow", "tfx", "apache_beam", "keras", "redis"}:
            raise ImportError(f"{name} is out of reach")


sys.meta_path.insert(0, OutOfReach())
from lifelong.commands.main import main
sys.exit(main(sys.argv[1:]))
"""


def test_no_tensorflow_is_needed(pushed, here):
    push_below_uri(pushed, 7, events=3)
    arguments = ["fetch", f"--source=file://{pushed}", f"--destination={here}"]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert events(here) == 3

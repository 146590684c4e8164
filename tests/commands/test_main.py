import errno
import io
import os
import sys

import pytest

from lifelong.commands.main import main
from lifelong.commands.parser import COMMANDS
from lifelong.data.full_disk import FullDiskError


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)])
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([*command, "--help"])
    assert stopped.value.code == 0
    assert "usage" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rank", "--user=1"], "start with `lifelong run`"),
        (["rank", "--user=1", "--security.tls=true"], "security is set, but server is empty"),
        (["rank", "--user=1", "--top=0"], "top is 0; at least 1"),
        (["rank", "--user=1", "--evidence=-1"], "evidence is -1; at least 0"),
        (["rank", "--user=1", f"--weeks={2**70}"], "give 1 to 5,200"),
        (["explain", "--user=1", "--item=1"], "start with `lifelong run`"),
        (["explain", "--user=1", "--item=1", "--events=0"], "events is 0; at least 1"),
        (["ui", f"--candidates={2**70}"], "give 1 to 10,000"),
        (["ui", "--port=65536"], "port is 65536; give 1 to 65535"),
        (["ui", "--port=-1"], "port is -1; give 1 to 65535"),
        (["report"], "start with `lifelong run`"),
        (["ingest", "log.csv"], "start with `lifelong run`"),
        (["serve"], "push a model with `lifelong run`"),
        (["run", "--data.behaviors.files=nothing-*.csv"], "splits.validation_start is empty"),
        (["compare", "--models=[etta]"], "'etta' is unknown; choose from none"),
        (["compare", "--seeds=[]"], "seeds is empty; give at least one"),
        (["sweep", "--retrain=[64x]"], "retrain has '64x'; expected MxK"),
        (["staleness", "--weeks=0"], "weeks is 0; it must be at least 1"),
    ],
)
def test_a_failure_is_one_line_that_says_what_to_do(arguments, message, tmp_path, capsys):
    status = main([*arguments, f"--workdir={tmp_path}"])
    error = capsys.readouterr().err
    assert status == 1
    assert message in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--model.long_term=dien", "none"),
        ("--model.heads=0.5", "int"),
        ('--data.features=[{"name": "x"}]', "required: of"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(argument, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["run", argument])
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err.rpartition("error:")[2]


def test_a_value_out_of_range_is_refused(capsys, tmp_path):
    assert main(["run", "--model.heads=0", f"--workdir={tmp_path}"]) == 1
    assert "model.heads is 0; it must be at least 1" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["run"], ["serve"], ["compare"], ["ingest", "log.csv"]])
def test_a_workdir_that_is_not_of_this_machine_is_refused(command, capsys):
    assert main([*command, "--workdir=gs://shop"]) == 1
    said = capsys.readouterr().err
    assert "workdir is 'gs://shop'; it must be a folder of this machine. Set pipeline_root" in said


@pytest.mark.parametrize("inner", ["", "/under"])
@pytest.mark.parametrize(
    "command",
    [
        ["run"],
        ["serve"],
        ["rank", "--user=1"],
        ["compare"],
        ["sweep"],
        ["staleness"],
        ["ingest", "log.csv"],
    ],
)
def test_a_workdir_that_is_a_file_or_under_one_is_refused(command, inner, tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main([*command, f"--workdir={tmp_path}/file{inner}"]) == 1
    (line, _) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"lifelong {command[0]}: workdir is '{tmp_path}/file{inner}', ")
    assert line.endswith("is a file; name a folder")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "has no room left (No space left"),
        (KeyError("database or disk is full"), "has no room left (database or disk is full"),
        (FullDiskError("the disk of /x has no room left"), "the disk of /x has no room left"),
    ],
)
def test_a_full_disk_is_told_whoever_met_it(monkeypatch, capsys, error, said):
    def fail(*arguments):
        raise error

    monkeypatch.setitem(COMMANDS, "serve", COMMANDS["serve"]._replace(run=fail))
    assert main(["serve"]) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["rank", "--help"], ["serve"]])
@pytest.mark.parametrize("buffered", [True, False])
def test_nothing_is_said_where_nobody_reads_any_more(monkeypatch, capfd, arguments, buffered):
    def speak(*arguments):
        print("serving")
        return 0

    monkeypatch.setitem(COMMANDS, "serve", COMMANDS["serve"]._replace(run=speak))
    nobody, output = os.pipe()
    os.close(nobody)
    with open(output, "wb", buffering=-1 if buffered else 0) as raw:  # noqa: PTH123
        monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, write_through=not buffered))
        assert main(arguments) == 141
        sys.stdout.flush()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("closed", [False, True])
def test_a_broken_pipe_elsewhere_is_told(monkeypatch, capfd, closed):
    def fail(*arguments):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe", "redis:6379")

    monkeypatch.setitem(COMMANDS, "serve", COMMANDS["serve"]._replace(run=fail))
    if closed:
        monkeypatch.setattr("sys.stdout", None)
    assert main(["serve"]) == 1
    assert "redis:6379" in capfd.readouterr().err


def test_an_error_that_is_not_the_users_shows_where_it_was_raised(monkeypatch):
    def fail(*arguments):
        raise KeyError("item")

    monkeypatch.setitem(COMMANDS, "serve", COMMANDS["serve"]._replace(run=fail))
    with pytest.raises(KeyError):
        main(["serve"])


def test_the_exit_status_is_documented(capsys):
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "3 if the gate let no model through, so that none was pushed" in said

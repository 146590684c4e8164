"""Set-up chooses a platform by what interpreters say of themselves."""

import shutil
import subprocess
from pathlib import Path

import pytest

CONSTRAINTS = Path(__file__).parent.parent / "constraints"
SET_UP = CONSTRAINTS / "setup_venv.sh"
TOOLS = [
    "awk",
    "basename",
    "bash",
    "cat",
    "dirname",
    "find",
    "grep",
    "head",
    "ls",
    "mkdir",
    "rm",
    "sed",
    "sh",
    "tail",
    "uname",
]


@pytest.fixture
def machine(tmp_path):
    """Starts set-up on a machine that has the given interpreters (name, version, glibc) alone."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    for tool in TOOLS:
        (bin_folder / tool).symlink_to(shutil.which(tool))

    def set_up(*interpreters, command=(SET_UP, tmp_path / "venv"), **environment):
        for name, version, glibc in interpreters:
            # It answers the question and cannot make an environment, so that set-up ends there.
            interpreter = bin_folder / name
            interpreter.write_text(
                f'#!/bin/sh\n[ "$1" = -c ] || exit 1\necho {version} {glibc} {interpreter}\n'
            )
            interpreter.chmod(0o755)
        return subprocess.run(
            command,
            env={"PATH": str(bin_folder), "HOME": str(tmp_path)} | environment,
            capture_output=True,
            text=True,
        )

    return set_up


MODERN = ("python3.13", "3.13", "2.41")
AGED = ("python3.10", "3.10", "2.36")


@pytest.mark.parametrize(
    ("interpreters", "environment", "expected"),
    [
        ([MODERN, AGED], {}, "current platform (TFX 1.21.0, Python 3.13, glibc 2.41)"),
        ([("python3", "3.12", "2.39")], {}, "current platform (TFX 1.21.0, Python 3.12"),
        ([("python3.11", "3.11", "3.0")], {}, "current platform (TFX 1.21.0, Python 3.11"),
        ([("python3.13", "3.13", "2.38"), AGED], {}, "older platform (TFX 1.16.0, Python 3.10"),
        ([("python3.14", "3.14", "2.41"), AGED], {}, "older platform (TFX 1.16.0, Python 3.10"),
        # What runs without glibc (macOS, musl) has no wheels of either set.
        ([("python3.13", "3.13", "0.0"), AGED], {}, "older platform"),
        (
            [MODERN, AGED],
            {"LIFELONG_PLATFORM": "older"},
            "older platform (TFX 1.16.0, Python 3.10, glibc 2.36): the machine can run it; "
            "LIFELONG_PLATFORM asks for it",
        ),
        ([MODERN, AGED], {"LIFELONG_PLATFORM": "current"}, "LIFELONG_PLATFORM asks for it"),
        ([MODERN, AGED], {"LIFELONG_PYTHON": "python3.10"}, "older platform"),
    ],
)
def test_set_up_takes_the_first_platform_that_fits(machine, interpreters, environment, expected):
    told = machine(*interpreters, **environment)
    assert expected in told.stdout
    assert told.returncode == 1
    assert "cannot make a virtual environment; on Debian: apt-get install python3" in told.stderr


def test_set_up_says_why_it_takes_the_older_platform(machine):
    told = machine(("python3.13", "3.13", "2.36"), AGED)
    assert "no Python 3.11 to 3.13 on glibc 2.39 or newer was found" in told.stdout


@pytest.mark.parametrize(
    ("interpreters", "environment"),
    [
        ([("python3", "3.9", "2.31")], {}),
        ([MODERN], {"LIFELONG_PLATFORM": "older"}),
        ([("python3", "3.9", "2.31"), MODERN], {"LIFELONG_PYTHON": "python3"}),
        ([], {"LIFELONG_PYTHON": "python3.99"}),
    ],
)
def test_without_an_interpreter_set_up_tells_what_it_found_and_what_to_install(
    machine, interpreters, environment
):
    told = machine(*interpreters, **environment)
    assert told.returncode == 69
    assert "there is no interpreter for" in told.stderr
    assert "apt-get install python3.13-venv" in told.stderr
    for _, version, glibc in interpreters[:1]:
        assert f"{version} {glibc}" in told.stderr


def test_an_unknown_platform_is_refused(machine):
    told = machine(MODERN, LIFELONG_PLATFORM="newest")
    assert told.returncode == 2
    assert "LIFELONG_PLATFORM is 'newest'; it is current" in told.stderr


@pytest.mark.parametrize(
    ("own", "interpreter", "said", "status"),
    [
        ("older", AGED, "SKIPPED: the tests on the other platform, for it cannot be had here", 0),
        # It is there, and making its environment fails: no reason to skip.
        ("older", MODERN, "", 1),
        ("current", AGED, "", 1),
    ],
)
def test_tests_on_the_other_platform_are_skipped_only_where_it_cannot_be_had(
    machine, tmp_path, own, interpreter, said, status
):
    shutil.copytree(CONSTRAINTS, tmp_path / "project" / "constraints")
    environment = tmp_path / "project" / ".venv"
    environment.mkdir()
    (environment / ".platform").write_text(f"{own}\n")
    script = tmp_path / "project" / "constraints" / "test_platform.sh"
    told = machine(interpreter, command=(script, "other", "-q"))
    assert told.returncode == status
    assert told.stdout.strip() == said + "; above is why" * bool(said)
    assert ("there is no interpreter for current" in told.stderr) == bool(said)


def test_another_kind_of_machine_is_told(machine, tmp_path):
    uname = tmp_path / "bin" / "uname"
    uname.unlink()
    uname.write_text("#!/bin/sh\necho Linux aarch64\n")
    uname.chmod(0o755)
    told = machine(MODERN)
    assert told.returncode == 69
    assert "and this is Linux aarch64" in told.stderr

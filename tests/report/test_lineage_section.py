import shutil
import subprocess

import pytest

from lifelong.report.lineage_section import git_revision, versions, without_secrets


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redis://:pass@host:6379/0", "redis://***@host:6379/0"),
        ("s3://key:secret@bucket/x?region=eu", "s3://***@bucket/x?region=eu"),
        ("gs://bucket/store?secret_key=abc&x=1", "gs://bucket/store?secret_key=***&x=1"),
        ("/tmp/work@home/artifacts", "/tmp/work@home/artifacts"),
    ],
)
def test_secrets_of_addresses_are_not_shown(text, shown):
    assert without_secrets(text) == shown


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")
def test_a_revision_is_that_of_a_work_tree_alone(tmp_path):
    assert git_revision(tmp_path) == ""
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "first"], check=True)
    told = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    assert told.stdout.startswith(git_revision(tmp_path))
    assert len(git_revision(tmp_path)) == 12
    # What lies in it without being its root is of something else.
    (tmp_path / "inner").mkdir()
    assert git_revision(tmp_path / "inner") == ""


def test_versions_are_those_that_are_installed():
    told = versions()
    assert told["lifelong"] == "0.1.0"
    assert {"TFX", "TensorFlow", "Python", "Platform"} <= told.keys()

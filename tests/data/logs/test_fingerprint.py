import os

import pytest

from lifelong.data.logs.config import LogConfig
from lifelong.data.logs.fingerprint import Sampled, log_fingerprints, sample_digest

LONG_AGO = (1_500_000_000, 1_500_000_000)


def fingerprint(files):
    return log_fingerprints({"behaviors": LogConfig(files)})["behaviors"]


@pytest.mark.parametrize("place", ["log.csv", "log[1].csv", "logs/category=12/day=3/part-0.csv"])
def test_a_rewritten_log_is_noticed_though_size_and_time_are_the_same(tmp_path, place):
    log = tmp_path / place
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("user,item\n1,2\n")
    os.utime(log, LONG_AGO)
    files = str(tmp_path / place.split("/")[0])
    before = fingerprint(files)
    assert before.startswith("files:1,bytes:14,sha256:")
    assert fingerprint(files) == fingerprint((files,)) == before
    log.write_text("user,item\n1,3\n")
    os.utime(log, LONG_AGO)
    assert fingerprint(files) != before


def test_a_new_file_deep_in_a_folder_and_another_name_are_noticed(tmp_path):
    deep = tmp_path / "logs/a=1/b=2/c=3/d=4"
    deep.mkdir(parents=True)
    (deep / "part-0.csv").write_text("1")
    seen = {fingerprint(str(tmp_path / "logs"))}
    (deep / "part-1.csv").write_text("1")
    seen.add(fingerprint(str(tmp_path / "logs")))
    (deep / "part-1.csv").rename(deep / "part-2.csv")
    seen.add(fingerprint(str(tmp_path / "logs")))
    assert len(seen) == 3


def test_a_log_at_a_uri_is_fingerprinted(tmp_path):
    (tmp_path / "log.csv").write_text("1")
    before = fingerprint(f"file://{tmp_path}/log.csv")
    assert fingerprint(f"file://{tmp_path}/log.csv") == before
    (tmp_path / "log.csv").write_text("2")
    assert fingerprint(f"file://{tmp_path}/log.csv") != before


def test_each_log_has_its_own(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    told = log_fingerprints({name: LogConfig(str(tmp_path / name)) for name in ("a", "b")})
    assert told.keys() == {"a", "b"}
    assert told["a"] != told["b"]


def test_a_log_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"behaviors\.files: no file matches"):
        fingerprint(str(tmp_path / "none.csv"))


@pytest.mark.parametrize("place", [0, 500_000, 999_999])
def test_of_a_large_file_start_middle_and_end_count(tmp_path, place):
    content = bytearray(1_000_000)

    def digest():
        (tmp_path / "large").write_bytes(content)
        return sample_digest([Sampled("x", len(content), lambda: (tmp_path / "large").open("rb"))])

    before = digest()
    content[place] = 1
    assert digest() != before


def test_order_labels_and_sizes_count(tmp_path):
    (tmp_path / "a").write_bytes(b"1")

    def sampled(label, size=1):
        return Sampled(label, size, lambda: (tmp_path / "a").open("rb"))

    assert sample_digest([sampled("x"), sampled("y")]) != sample_digest(
        [sampled("y"), sampled("x")]
    )
    assert sample_digest([sampled("x")]) != sample_digest([sampled("x", 2)])

import contextlib
import dataclasses
import gzip
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from lifelong.commands.ingest import IngestOptions
from lifelong.commands.main import main
from lifelong.components.behavior_tree_builder.config import TreeConfig
from lifelong.data.contract import VERSION
from lifelong.data.ids import id_of
from lifelong.pipeline.config import Config, Workdir
from lifelong.pipeline.config_parser import load_config, make_config_parser, save_config
from lifelong.serving.behavior_store import open_store
from lifelong.serving.behavior_store.lmdb_store import LmdbStore

COMMAND = (sys.executable, "-m", "lifelong.commands.main", "ingest")
NOW = 1_500_000_000


def json_line(number, **changes):
    values = {
        "user": f"u{number % 50}",
        "item": number,
        "category": number % 9,
        "time": NOW + number,
    }
    return json.dumps({**values, "qty": 1.5, **changes}) + "\n"


def event(number):
    return (id_of(f"u{number % 50}"), number, number % 9, NOW + number, 1.5)


@pytest.fixture
def workdir(tmp_path):
    """A folder with the configuration of a run and an empty store."""
    workdir = Workdir(tmp_path / "work")
    parser = make_config_parser()
    arguments = [
        "--data.behaviors.files=log.jsonl",
        "--data.behaviors.columns.timestamp=time",
        '--data.features=[{"name": "quantity", "of": "event", "kind": "numeric", "column": "qty"}]',
        "--name=shop",
    ]
    save_config(parser, parser.parse_args(arguments), workdir.config)
    new_version(workdir, 1)
    return workdir


def new_version(workdir, number):
    tree = TreeConfig.of(load_config(workdir.config).data)
    LmdbStore.create(
        Path(workdir.places(Config(name="shop")).store_destination) / str(number), tree.manifest("")
    ).close()


def stored(workdir):
    """All events of the newest version."""
    found = []
    with open_store(Path(workdir.places(Config(name="shop")).store_destination)) as store:
        for packed in store.scan():
            events = store.history(packed.user, 1_000_000)
            columns = [events[n].tolist() for n in ("item", "category", "timestamp", "quantity")]
            found += [(packed.user, *values) for values in zip(*columns, strict=True)]
    return sorted(found)


def events(numbers):
    return sorted(event(number) for number in numbers)


@pytest.fixture
def ingest(workdir, capsys):
    """Runs the command in this process: its output, all of it."""

    def run(*arguments, status=0):
        found = main(["ingest", *map(str, arguments), f"--workdir={workdir.root}"])
        output = "".join(capsys.readouterr())
        assert found == status, output
        return output

    return run


def test_a_store_of_another_contract_is_refused_in_one_sentence(workdir, ingest, tmp_path):
    (tmp_path / "log.jsonl").write_text(json_line(1))
    (manifest,) = Path(workdir.places(Config(name="shop")).store_destination).glob(
        "1/manifest.json"
    )
    fields = json.loads(manifest.read_text())
    fields["contract"]["version"] = VERSION - 1
    manifest.write_text(json.dumps(fields))
    output = ingest(tmp_path / "log.jsonl", status=1)
    assert (
        f"the store has ids made by rule {VERSION - 1}, this version of lifelong makes them by rule"
        f" {VERSION}; run `lifelong run` again, which trains, builds and pushes both anew\n"
    ) in output
    assert "Traceback" not in output


def test_json_lines(tmp_path, workdir, ingest):
    log = tmp_path / "live.jsonl"
    log.write_text("".join(map(json_line, range(100))) + "no event\n")
    output = ingest(log)
    assert "101 lines: 100 events added, 0 duplicates, 1 bad" in output
    assert stored(workdir) == events(range(100))
    (bad,) = (workdir.root / "ingest_quarantine.jsonl").read_text().splitlines()
    assert json.loads(bad)["line"] == 101
    with log.open("a") as file:
        file.write(json_line(100))
    assert "1 lines: 1 events added" in ingest(log)
    assert "100 events added" not in ingest(log, "--source=again")


@pytest.mark.parametrize("header", [True, False])
def test_csv(tmp_path, workdir, ingest, header):
    log = tmp_path / "live.log"
    names = "qty,user,item,category,time"
    rows = [f"1.5,u{n % 50},{n},{n % 9},{NOW + n}\n" for n in range(100)]
    log.write_text((names + "\n" if header else "") + "".join(rows[:60]))
    options = ["--format=csv", *([] if header else [f"--column_names=[{names}]"])]
    assert "60 events added" in ingest(log, *options)
    with log.open("a") as file:
        file.writelines(rows[60:])
    assert "40 lines: 40 events added" in ingest(log, *options)
    assert stored(workdir) == events(range(100))


@pytest.mark.parametrize("is_stream", [False, True])
def test_csv_rows_that_span_lines(tmp_path, workdir, ingest, monkeypatch, is_stream):
    names = "qty,user,item,category,time,note"
    rows = [f'1.5,u{n % 50},{n},{n % 9},{NOW + n},"a\n1.5,1,1,1,1,1\n"\n' for n in range(20)]
    log = tmp_path / "live.csv"
    log.write_text(f'{names}\n{rows[0]}1.5,u,1,1,{NOW},"open\n{"".join(rows[1:])}')
    if is_stream:
        reading = log.open()
        monkeypatch.setattr(sys, "stdin", reading)
        output = ingest("-", "--format=csv", "--batch_lines=2")
        reading.close()
    else:
        output = ingest(log, "--batch_lines=2", "--max_bad_share=0.2")
    assert "21 lines: 20 events added, 0 duplicates, 1 bad" in output
    assert stored(workdir) == events(range(20))
    (bad,) = map(json.loads, (workdir.root / "ingest_quarantine.jsonl").read_text().splitlines())
    assert (bad["line"], bad["reason"]) == (5, "unclosed quote")


def test_plain_lines_whatever_the_suffix(tmp_path, workdir, ingest):
    log = tmp_path / "live.jsonl.gz"
    log.write_text(json_line(1))
    assert "1 events added" in ingest(log)


def test_the_store_that_is_named(tmp_path, workdir, ingest):
    log = tmp_path / "live.jsonl"
    log.write_text(json_line(1))
    named = Path(workdir.places(Config(name="shop")).store_destination).rename(
        tmp_path / "elsewhere"
    )
    assert "holds no behaviour store" in ingest(log, status=1)
    ingest(log, f"--store={named / '1'}")
    ingest(log, f"--store={named}")
    with open_store(named) as store:
        assert store.size().events == 1


def test_too_many_bad_lines_make_the_command_fail_at_its_end(tmp_path, workdir, ingest):
    log = tmp_path / "live.jsonl"
    log.write_text("".join(map(json_line, range(1500))) + "no event\n" * 20)
    output = ingest(log, status=1)
    assert "20 of 1,520 lines are bad (max_bad_share is 0.01)" in output
    assert stored(workdir) == events(range(1500))
    assert "0 lines" in ingest(log)  # they are not read again
    log.write_text("no event\n" * 20)
    assert "20 of 20 lines are bad" in ingest(log, status=1)
    ingest(log, "--max_bad_share=1", "--source=again")


def test_retention(tmp_path, workdir, ingest):
    log = tmp_path / "live.jsonl"
    log.write_text(json_line(1) + json_line(2, time=int(time.time())))
    assert "retention: 1 events dropped" in ingest(log, "--max_age_days=7")
    assert [found[1] for found in stored(workdir)] == [2]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("missing.jsonl", [], "does not exist; check the path"),
        ("log.jsonl.gz", [], "is compressed; pipe it in"),
        ("folder.jsonl", [], "is not a regular file"),
        ("log.csv", [], "holds JSON, not CSV"),
        ("other.csv", [], "other.csv has no column 'user'"),
        ("twice.csv", [], "twice.csv has the column 'item' twice"),
        ("utf16.jsonl", [], "is UTF-16 or UTF-32; pipe it in (iconv"),
        ("mac.jsonl", [], "lines that end with carriage returns alone"),
        ("array.json", [], "array.json is a JSON array; write one object a line"),
        ("log.jsonl", ["--batch_lines=0"], "batch_lines is 0; it must be at least 1"),
        ("log.jsonl", ["--max_bad_share=2"], "max_bad_share is 2.0; it must be between 0 and 1"),
        ("log.jsonl", [f"--source={'x' * 500}"], "give a shorter one with --source"),
        ("log.jsonl", ["--store=redis://127.0.0.1:1/0?nme=x"], "nme"),
    ],
)
def test_a_failure_says_what_to_do(tmp_path, ingest, name, options, message):
    (tmp_path / "folder.jsonl").mkdir()
    for log in ("log.jsonl", "log.csv"):
        (tmp_path / log).write_text(json_line(1))
    (tmp_path / "log.jsonl.gz").write_bytes(gzip.compress(json_line(1).encode()))
    (tmp_path / "other.csv").write_text("who,item\n1,2\n")
    (tmp_path / "twice.csv").write_text("user,item,item,category,time,qty\n1,2,3,4,5,6\n")
    (tmp_path / "utf16.jsonl").write_text(json_line(1), encoding="utf-16")
    (tmp_path / "mac.jsonl").write_text("".join(map(json_line, range(3))).replace("\n", "\r"))
    (tmp_path / "array.json").write_text(f"[{json_line(1)}]")
    output = ingest(tmp_path / name, *options, status=1)
    assert message in output
    assert "Traceback" not in output


def test_a_store_of_other_features_is_refused(tmp_path, workdir, ingest):
    text = workdir.config.read_text()
    workdir.config.write_text(text.replace("name: quantity", "name: price"))
    log = tmp_path / "log.jsonl"
    log.write_text(json_line(1))
    assert "has the features {'quantity': 'float32'}" in ingest(log, status=1)


def test_a_store_in_other_hands_is_refused(tmp_path, workdir, ingest):
    log = tmp_path / "log.jsonl"
    log.write_text(json_line(1))
    with open_store(Path(workdir.places(Config(name="shop")).store_destination), writable=True):
        assert "is writing to" in ingest(log, status=1)


def test_options_are_checked():
    with pytest.raises(ValueError, match=r"poll_s is 0\.0"):
        IngestOptions("log", poll_s=0.0)
    assert dataclasses.replace(IngestOptions("log"), source="x").source_name == "x"


@contextlib.contextmanager
def started(workdir, *arguments, **options):
    """Starts the command as a process of its own, and gives it when it reads."""
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments), f"--workdir={workdir.root}", "--poll_s=0.01"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def end(process, number=signal.SIGTERM):
    process.send_signal(number)
    output, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    return output


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_following(tmp_path, workdir, number):
    log = tmp_path / "live.jsonl"
    log.write_text("".join(map(json_line, range(100))))
    with started(workdir, log, "--follow", "--report_every_s=0") as process:
        assert process.stdout.readline().startswith("100 lines: 100 events added")
        with log.open("a") as file:
            file.write(json_line(100) + json_line(101)[:20])
        assert process.stdout.readline().startswith("1 lines: 1 events added")
        output = end(process, number)
    assert output.startswith("101 lines: 101 events added, 0 duplicates, 0 bad")
    assert stored(workdir) == events(range(101))


@pytest.mark.slow
def test_standard_input(workdir):
    with started(workdir, "-", "--report_every_s=0", stdin=subprocess.PIPE) as process:
        process.stdin.write("".join(map(json_line, range(100))))
        process.stdin.flush()
        assert "no position to go on from" in process.stdout.readline()
        assert "100 lines" in process.stdout.readline()
        output, _ = process.communicate(json_line(100) + json_line(101).rstrip())
    assert process.returncode == 0
    assert "102 lines: 102 events added" in output
    assert stored(workdir) == events(range(102))


class Writer(threading.Thread):
    """Appends events to a log in pieces of any size, lines cut anywhere, until it is ended."""

    def __init__(self, log, rng):
        super().__init__()
        self.log, self.rng, self.events = log, rng, 0
        self.file = log.open("a")
        self.lock, self.enough = threading.Lock(), threading.Event()

    def run(self):
        while not self.enough.wait(0.01):
            text = "".join(self.line() for _ in range(self.rng.randrange(1, 20)))
            cut = self.rng.randrange(len(text))
            with self.lock:
                for piece in (text[:cut], text[cut:]):
                    self.file.write(piece)
                    self.file.flush()

    def line(self):
        self.events += 1
        return json_line(self.events - 1)

    def rotate(self, name):
        with self.lock:
            self.file.close()
            self.log.rename(self.log.with_name(name))
            self.file = self.log.open("a")

    def __exit__(self, *error):
        self.enough.set()
        self.join()
        self.file.close()

    def __enter__(self):
        self.start()
        return self


@pytest.mark.slow
def test_kills_while_the_log_is_written_lose_nothing_and_double_nothing(tmp_path, workdir):
    log = tmp_path / "live.jsonl"
    rng = random.Random(3)
    with Writer(log, random.Random(4)) as writer:
        for _ in range(4):
            with started(workdir, log, "--follow", "--batch_lines=50", "--report_every_s=0") as it:
                # Kill it in the middle of work: some lines of progress after it began.
                for _ in range(rng.randrange(1, 30)):
                    assert it.stdout.readline()
                time.sleep(rng.random() / 50)
                it.send_signal(signal.SIGKILL)
                it.communicate()
        before = writer.events
        for number in (2, 1):
            writer.rotate(f"live.jsonl.{number}")
            while writer.events < before + 100 // number:
                time.sleep(0.001)
    with started(workdir, log) as last:
        output, errors = last.communicate(timeout=60)
    assert last.returncode == 0, errors
    assert "first the rest is read of live.jsonl.2, live.jsonl.1" in errors
    assert stored(workdir) == events(range(writer.events))
    with open_store(Path(workdir.places(Config(name="shop")).store_destination)) as store:
        assert store.size().events == writer.events
    # What the killed ones had stored was noted: little is read again.
    assert int(output.split(" lines")[0].replace(",", "")) < writer.events - 200


def test_it_needs_no_tensorflow(tmp_path, workdir):
    log = tmp_path / "live.jsonl"
    log.write_text(json_line(1))
    code = (
        "import sys; from lifelong.commands.main import main;"
        f"assert main(['ingest', {str(log)!r}, '--workdir={workdir.root}']) == 0;"
        "heavy = {'tensorflow', 'tfx', 'apache_beam'} & set(sys.modules); assert not heavy, heavy"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ
    )
    assert done.returncode == 0, done.stderr

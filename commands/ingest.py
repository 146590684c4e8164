"""`lifelong ingest`: keeps the behaviour store fresh from a live log."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import math
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lifelong.commands.command import Command
from lifelong.pipeline.config import Config, Workdir
from lifelong.pipeline.parser import Parser

if TYPE_CHECKING:
    from lifelong.data.logs.config import LogConfig
    from lifelong.data.logs.format import TextFormat
    from lifelong.serving.behavior_store import BehaviorStore
    from lifelong.serving.follower.chunk import LineSource
    from lifelong.serving.follower.event_lines import EventLines
    from lifelong.serving.follower.follower import Pace
    from lifelong.serving.follower.stop_signal import StopSignal

STANDARD_INPUT = "-"
_FOLLOW_HELP = "go on reading what is appended to the file, until SIGINT or SIGTERM"
# Time after which a run that does not follow gives a store up that is out of reach.
_GIVE_UP_S = 60.0
# A key of LMDB has at most 511 bytes.
_LONGEST_SOURCE = 400


@dataclasses.dataclass(frozen=True)
class IngestOptions:
    """Options of `lifelong ingest`.

    Bad lines never stop it: they are counted and written to the quarantine file. While following, a
    share above `max_bad_share` is shouted about; without, the command fails at its end, when what
    was good is stored.

    Attributes:
        events_file: JSON lines or CSV in the columns of the run's behaviour log; `-` is standard
            input, of which no position is noted: what is piped in after a kill has to begin with
            what was not stored before (events that come again are stored once).
        follow: Go on reading what is appended to the file, until SIGINT or SIGTERM.
        workdir: Folder of the runs, whose last configuration says how the log is written.
        store: Folder of a store, or of its versions, or an address such as
            `redis://host:6379/0?name=lifelong`; empty is where the runs push to. When a newer
            version appears, it is switched to, and the file is read into it from the beginning.
            In a folder that `lifelong fetch` fills, events go into the copy of this machine alone.
        source: Name under which the position in the file is noted in the store; empty is the file's
            absolute path.
        format: Of the lines; `auto` is by the file's suffix, or else that of the run's log.
        column_names: All columns of CSV without a header line, in order; empty: as configured.
        batch_lines: Most lines that are appended together (and 4 MiB). More are faster, and are done
            again after a kill.
        poll_s: Time between looks for new lines.
        report_every_s: Time between lines of progress.
        quarantine: File of bad lines; empty is ingest_quarantine.jsonl in the workdir.
        max_bad_share: Share of bad lines, of 1,000 or more, that is too much; null: as configured
            for the run's data.
        max_events_per_category: Retention: most events kept of a user and category, the newest; 0
            keeps all.
        max_age_days: Retention: events older than that, counted from now, are dropped; 0 keeps all.
        retain_every_h: Time between applications of the retention while following, at the start
            first. Without following, it is applied once, at the end.
    """

    events_file: str
    follow: bool = False
    workdir: str = "workdir"
    store: str = ""
    source: str = ""
    format: Literal["auto", "csv", "jsonl"] = "auto"
    column_names: tuple[str, ...] = ()
    batch_lines: int = 10_000
    poll_s: float = 0.5
    report_every_s: float = 10.0
    quarantine: str = ""
    max_bad_share: float | None = None
    max_events_per_category: int = 0
    max_age_days: float = 0.0
    retain_every_h: float = 24.0

    def __post_init__(self) -> None:
        for name, least in (
            ("batch_lines", 1),
            ("poll_s", 0.001),
            ("report_every_s", 0),
            ("max_events_per_category", 0),
            ("max_age_days", 0),
            ("retain_every_h", 0.001),
        ):
            if not getattr(self, name) >= least:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least {least}")
        if self.max_bad_share is not None and not 0 <= self.max_bad_share <= 1:
            raise ValueError(f"max_bad_share is {self.max_bad_share}; it must be between 0 and 1")
        if len(self.source_name.encode()) > _LONGEST_SOURCE:
            raise ValueError(
                f"the source's name {self.source_name[:40]!r}... has more than {_LONGEST_SOURCE}"
                " bytes; give a shorter one with --source"
            )

    @property
    def is_stream(self) -> bool:
        """Whether standard input is read."""
        return self.events_file == STANDARD_INPUT

    @property
    def source_name(self) -> str:
        """Name under which the position is noted."""
        return self.source or str(Path(self.events_file).absolute())


def make_ingest_parser() -> Parser:
    """Makes the parser of the options, with the file as positional argument."""
    parser = Parser(description=__doc__)
    parser.add_argument("--follow", action="store_true", help=_FOLLOW_HELP)
    parser.add_fields(IngestOptions, as_positional=True, skip={"follow"})
    return parser


def ingest(options: IngestOptions) -> int:
    """Appends the events of a file or of standard input to the store.

    Returns:
        0.

    Raises:
        ValueError: An option, the columns of the file or of the store make no sense, or too many
            lines were bad.
        OSError: There is no run, no file or no store, or a file cannot be written.
        StoreError: The store cannot be used; a message says why. What was stored is noted, the
            next run goes on from there.
        KeyboardInterrupt: It was interrupted before the end of the file.
    """
    from lifelong.serving.follower.follower import Follower
    from lifelong.serving.follower.live_store import LiveStore
    from lifelong.serving.follower.quarantine import Quarantine
    from lifelong.serving.follower.report import Report

    workdir = Workdir.at(options.workdir)
    config = _config(workdir)
    allowed = config.data.max_bad_share if options.max_bad_share is None else options.max_bad_share
    report = Report(_say, _warn, allowed, options.report_every_s)
    store = LiveStore(options.store or workdir.places(config).store_destination, _warn)
    if options.is_stream:
        _say("standard input has no position to go on from: see --help")
    quarantine = Quarantine(
        Path(options.quarantine or workdir.root / "ingest_quarantine.jsonl"), _warn
    )
    with _stop_at_signals() as stop:
        follower = Follower(
            source=_source(options, config),
            name=options.source_name,
            store=store,
            make_parser=lambda opened: _parser(options, _config(workdir), opened, store.name),
            quarantine=quarantine,
            report=report,
            tell=_warn,
            pace=_pace(options),
            stop=stop,
        )
        try:
            follower.run()
        finally:
            _say(report.summary())
            if report.total.bad:
                _say(f"bad lines and what is wrong with them: {quarantine.path}")
    if options.follow or options.is_stream:
        return 0
    if not follower.finished:
        raise KeyboardInterrupt
    report.check()
    return 0


def _config(workdir: Workdir) -> Config:
    from lifelong.pipeline.config_parser import load_config

    return load_config(workdir.config)


def _source(options: IngestOptions, config: Config) -> LineSource:
    from lifelong.serving.follower.stream import StreamLines
    from lifelong.serving.follower.tail import FileTail

    end_of_rows = functools.partial(_format(options, config).end_of_rows, _log(options, config))
    if options.is_stream:
        return StreamLines(
            sys.stdin.fileno(), "standard input", options.batch_lines, options.poll_s, end_of_rows
        )
    path = Path(options.events_file).absolute()
    return FileTail(path, options.follow, options.batch_lines, _warn, end_of_rows=end_of_rows)


def _log(options: IngestOptions, config: Config) -> LogConfig:
    log = config.data.behaviors
    if options.column_names:
        return dataclasses.replace(log, column_names=options.column_names)
    return log


def _parser(options: IngestOptions, config: Config, store: BehaviorStore, name: str) -> EventLines:
    from lifelong.components.behavior_tree_builder.config import TreeConfig
    from lifelong.serving.follower.event_lines import EventLines
    from lifelong.serving.follower.live_store import check_store

    tree = TreeConfig.of(config.data)
    check_store(store.manifest, tree.manifest(""), name)
    categories = tree.read_categories()
    return EventLines(_log(options, config), tree.fields, _format(options, config), categories)


def _format(options: IngestOptions, config: Config) -> TextFormat:
    from lifelong.data.logs.format import TextFormat
    from lifelong.data.logs.formats import FORMATS, format_of

    log = config.data.behaviors
    possible = [
        FORMATS.get(options.format),
        format_of(options.events_file),
        FORMATS.get(log.format),
        *map(format_of, log.patterns),
    ]
    for found in possible:
        if isinstance(found, TextFormat):
            return found
    raise ValueError(f"which format {options.events_file} has is not known; give --format")


def _pace(options: IngestOptions) -> Pace:
    from lifelong.serving.behavior_store import Retention
    from lifelong.serving.follower.follower import Pace

    retention = Retention(
        max_events=options.max_events_per_category,
        max_age_s=math.ceil(options.max_age_days * 86_400),
    )
    return Pace(
        poll_s=options.poll_s,
        retention=retention if retention != Retention() else None,
        retain_every_s=options.retain_every_h * 3600 if options.follow else math.inf,
        give_up_s=math.inf if options.follow or options.is_stream else _GIVE_UP_S,
    )


@contextlib.contextmanager
def _stop_at_signals() -> Iterator[StopSignal]:
    from lifelong.serving.follower.stop_signal import StopSignal

    with contextlib.closing(StopSignal()) as stop:
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = [signal.signal(number, lambda *_: stop.set()) for number in numbers]
        try:
            yield stop
        finally:
            for number, handler in zip(numbers, before, strict=True):
                signal.signal(number, handler)


def _say(text: str) -> None:
    print(text, flush=True)


def _warn(text: str) -> None:
    print(f"lifelong ingest: {text}", file=sys.stderr, flush=True)


COMMAND = Command(
    "append the events of a live log to the store",
    make_ingest_parser,
    lambda _, parsed, arguments: ingest(IngestOptions(**vars(parsed))),
)

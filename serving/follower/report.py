"""Counts what became of the lines, and says so now and then."""

from __future__ import annotations

import collections
import dataclasses
import time
from collections.abc import Callable

from lifelong.serving.behavior_store import Appended
from lifelong.serving.follower.event_lines import BadLine, ParsedChunk

# Lines of which a share says something; fewer only if not one is good.
ENOUGH_LINES = 1000


@dataclasses.dataclass
class Counts:
    """What became of lines.

    Attributes:
        lines: Lines read, without blank ones and headers.
        added: Events that were stored.
        duplicates: Events that were stored already, or came twice.
        bad: Lines that are no events.
    """

    lines: int = 0
    added: int = 0
    duplicates: int = 0
    bad: int = 0

    def add(self, other: Counts) -> None:
        """Adds other counts."""
        for field in dataclasses.fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))

    def too_bad(self, max_bad_share: float) -> bool:
        """Whether more lines are bad than may be, as far as their number tells."""
        if self.lines < ENOUGH_LINES:
            return 0 < self.bad == self.lines and max_bad_share < 1
        return self.bad > max_bad_share * self.lines

    def __str__(self) -> str:
        return (
            f"{self.lines:,} lines: {self.added:,} events added, {self.duplicates:,} duplicates,"
            f" {self.bad:,} bad"
        )


class Report:
    """Counts, progress lines and warnings.

    Args:
        say: Takes a line of progress.
        warn: Takes a line that somebody should look at.
        max_bad_share: Share of bad lines above which a warning is given.
        every_s: Time between lines of progress.
        clock: Gives seconds.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        warn: Callable[[str], None],
        max_bad_share: float,
        every_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.total = Counts()
        self.missing: collections.Counter[str] = collections.Counter()
        self._say = say
        self._warn = warn
        self._max_bad_share = max_bad_share
        self._every_s = every_s
        self._clock = clock
        self._started = self._last = clock()
        self._recent = Counts()
        # Since the last look at the share of bad lines, which needs enough of them.
        self._looked = Counts()
        self._last_bad: BadLine | None = None

    def add(self, parsed: ParsedChunk, appended: Appended) -> None:
        """Counts a chunk."""
        bad = len(parsed.bad)
        counts = Counts(parsed.count + bad, appended.added, appended.duplicates, bad)
        for sums in (self.total, self._recent, self._looked):
            sums.add(counts)
        self.missing.update(parsed.missing)
        self._last_bad = parsed.bad[-1] if parsed.bad else self._last_bad

    def progress(self, unread: int) -> None:
        """Says how far it is, if lines came and enough time has passed.

        Args:
            unread: Bytes still to read.
        """
        now = self._clock()
        if not self._recent.lines or now - self._last < self._every_s:
            return
        rate = self._recent.lines / max(now - self._last, 1e-3)
        self._say(f"{self._recent}; {rate:,.0f} lines/s, {unread:,} bytes behind")
        self._last, self._recent = now, Counts()
        too_bad = self._looked.too_bad(self._max_bad_share)
        if too_bad:
            self._warn(self._bad_lines(self._looked))
        if too_bad or self._looked.lines >= ENOUGH_LINES:
            self._looked = Counts()

    def check(self) -> None:
        """Raises a ValueError if of all lines more are bad than may be."""
        if self.total.too_bad(self._max_bad_share):
            raise ValueError(self._bad_lines(self.total))

    def summary(self) -> str:
        """Returns what became of all lines."""
        elapsed = self._clock() - self._started
        missing = ", ".join(f"{name} {count:,}" for name, count in sorted(self.missing.items()))
        return f"{self.total}; {elapsed:,.1f} s" + (
            f"; missing values: {missing}" if missing else ""
        )

    def _bad_lines(self, counts: Counts) -> str:
        line = self._last_bad
        sample = (
            f"; the last one is line {line.line} of {line.file} ({line.reason}): {line.text[:200]!r}"
            if line is not None
            else ""
        )
        return (
            f"{counts.bad:,} of {counts.lines:,} lines are bad (max_bad_share is"
            f" {self._max_bad_share:g}){sample}"
        )

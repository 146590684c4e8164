"""Whole rows of the file at a path, also when the file is rotated, cut off or replaced."""

from __future__ import annotations

import collections
import re
import time
from collections.abc import Callable
from pathlib import Path

from lifelong.data.logs.text_lines import end_of_lines
from lifelong.serving.follower.chunk import Chunk, EndOfRows
from lifelong.serving.follower.followed_file import FollowedFile
from lifelong.serving.follower.position import Position

# What rotation appends to a file's name: `.1`, `-20260131`.
_ROTATED = re.compile(r"[.-]\d[\d._T-]*")


class FileTail:
    """The lines of a file, and of those that take its place.

    A file that is renamed and replaced by a new one is read to its end first, also if that happened
    while nobody was reading: it is then looked for in its folder, with the files that were rotated
    after it (named as the file is, with a number or date behind). A file that was cut off or
    rewritten is read anew from its beginning.

    Args:
        path: The file.
        follow: Whether to wait for more at the end.
        max_lines: Most lines of a chunk.
        tell: Told when the file is not the one that was expected.
        grace_s: How long a replaced file must have given nothing before the new one is read: its
            writer may not have noticed yet.
        clock: Gives seconds.
        end_of_rows: Tells where rows end.
    """

    def __init__(
        self,
        path: Path,
        follow: bool,
        max_lines: int,
        tell: Callable[[str], None],
        grace_s: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
        end_of_rows: EndOfRows = end_of_lines,
    ) -> None:
        self.ended = False
        self._path = path
        self._follow = follow
        self._max_lines = max_lines
        self._tell = tell
        self._grace_s = grace_s
        self._clock = clock
        self._end_of_rows = end_of_rows
        # The file that is read, and those to read after it; the last one is the one at the path.
        self._files: collections.deque[FollowedFile] = collections.deque()
        self._quiet_since: float | None = None
        self._is_waiting = False

    def resume(self, position: str) -> None:
        """Goes to a position; the arguments are those of `LineSource.resume`.

        Raises:
            FileNotFoundError: There is no file, and it is not to be waited for.
            ValueError: It is not a regular file.
        """
        self.close()
        self.ended, self._quiet_since = False, None
        known = Position.from_text(position) if position else None
        if position and known is None:
            self._tell(f"the position noted for {self._path} cannot be read; it is read anew")
        self._add_new_file()
        if known is not None:
            self._go_to(known)
        if not self._files and not self._follow:
            raise FileNotFoundError(f"{self._path} does not exist; check the path")

    def next(self) -> Chunk | None:
        """Returns the next lines; see `LineSource.next`."""
        self._add_new_file()
        while self._files and not self.ended:
            file = self._files[0]
            if not file.is_intact():
                self._tell(f"{file.path} was cut off or rewritten; it is read anew")
                file.restart()
            if chunk := file.read():
                self._quiet_since = None
                return chunk
            if len(self._files) > 1:
                if not self._is_quiet():
                    return None
                if chunk := file.rest(is_final=True):
                    return chunk
                self._files.popleft().close()
                self._quiet_since = None
                self._tell(f"{self._path} was replaced; the new file is read from its beginning")
            elif self._follow:
                return None
            else:
                self.ended = True
                return file.rest(is_final=False)
        return None

    @property
    def unread(self) -> int:
        """Bytes of the file, and of those before it, that were not given yet."""
        return sum(file.unread for file in self._files)

    def close(self) -> None:
        """Closes all files."""
        while self._files:
            self._files.pop().close()

    def _add_new_file(self) -> None:
        """Opens the file at the path, if it is not open."""
        try:
            if self._files and self._path.stat().st_ino == self._files[-1].inode:
                return
            self._files.append(self._open(self._path))
        except FileNotFoundError:
            if self._follow and not self._files and not self._is_waiting:
                self._tell(f"{self._path} does not exist; waiting for it")
                self._is_waiting = True

    def _go_to(self, known: Position) -> None:
        """Puts the file that a position belongs to in front, if it is found."""
        current = self._files[0] if self._files else None
        if current is not None and current.inode == known.inode:
            if not current.go_to(known):
                self._tell(f"{self._path} was cut off or rewritten; it is read anew")
            return
        older = self._renamed(known)
        if not older:
            self._tell(
                f"{self._path} is another file than the one that was read up to byte"
                f" {known.offset:,}, and that one is not beside it: what came after it there was not"
                " read. If it was moved, ingest it by itself. The new file is read from its"
                " beginning"
            )
            return
        names = ", ".join(file.path.name for file in older)
        self._tell(f"{self._path} was rotated meanwhile; first the rest is read of {names}")
        self._files.extendleft(reversed(older))

    def _renamed(self, known: Position) -> list[FollowedFile]:
        """Returns the file of a position under its new name, and those rotated after it."""
        siblings = [path for path in self._path.resolve().parent.iterdir() if path.is_file()]
        found = next((path for path in siblings if path.stat().st_ino == known.inode), None)
        if found is None:
            return []
        file = self._open(found)
        if not file.go_to(known):
            file.close()
            return []
        modified = found.stat().st_mtime_ns
        later = [
            (path.stat().st_mtime_ns, path)
            for path in siblings
            if path != found
            and path.name.startswith(self._path.name)
            and _ROTATED.fullmatch(path.name.removeprefix(self._path.name))
            and path.stat().st_mtime_ns >= modified
        ]
        return [file, *(self._open(path) for _, path in sorted(later))]

    def _open(self, path: Path) -> FollowedFile:
        return FollowedFile(path, self._max_lines, self._end_of_rows)

    def _is_quiet(self) -> bool:
        """Whether the file in front, which was replaced, has given nothing for long enough."""
        if not self._follow:
            return True
        now = self._clock()
        if self._quiet_since is None:
            self._quiet_since = now
        return now - self._quiet_since >= self._grace_s

"""The error that says what is wrong with a file of a log."""

from __future__ import annotations


class FileError(ValueError):
    """Says what is wrong with a file.

    Args:
        path: The file, which the message begins with.
        text: What is wrong and what to do, to go on after the path.
    """

    def __init__(self, path: str, text: str) -> None:
        # Both, as an exception that travels between processes is made anew of these.
        super().__init__(path, text)

    def __str__(self) -> str:
        return "".join(self.args)

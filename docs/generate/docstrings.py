"""Docstrings are written with the marks of Markdown; Sphinx reads those of reStructuredText."""

from __future__ import annotations

import re
from typing import Any

_LINK = re.compile(r"\[([^\]]+)\]\((https?://[^)\s]+)\)")
_CODE = re.compile(r"(?<![`:\w])`([^`\n]+)`(?!`)")
# Between two lines, where a docstring breaks one of its lines.
_BROKEN_CODE = re.compile(r"(?<![`:\w])`([^`\n]+)\n\s*([^`\n]+)`(?!`)")
_EXAMPLE = re.compile(r"^(\s*)Examples?:$")
# Of a power, of arguments, of a length |x|: neither emphasis nor substitution.
_MARKS = re.compile(r"\*{1,2}(?=\w)|\|")


def to_restructured(lines: list[str]) -> list[str]:
    """Returns a docstring with reStructuredText's marks for code, links and blocks of code.

    Args:
        lines: Of the docstring, as Sphinx gives them.
    """
    text = _BROKEN_CODE.sub(r"`\1 \2`", "\n".join(lines))
    text = _LINK.sub(r"__LINK_\1__AT_\2__END__", text)
    text = _CODE.sub(r"``\1``", text)
    # As in `tf.Tensor`s.
    text = re.sub(r"(``[^`]+``)(?=\w)", r"\1\\ ", text)
    text = re.sub(r"__LINK_(.+?)__AT_(\S+?)__END__", r"`\1 <\2>`__", text)
    return _as_blocks([_without_marks(line) for line in text.split("\n")])


def _without_marks(line: str) -> str:
    if line.lstrip().startswith((">>>", "...", "*")):
        return line
    parts = re.split(r"(``[^`]+``)", line)
    return "".join(part if part.startswith("``") else _MARKS.sub(_escaped, part) for part in parts)


def _escaped(found: re.Match[str]) -> str:
    return "".join(f"\\{mark}" for mark in found[0])


def _as_blocks(lines: list[str]) -> list[str]:
    """Marks examples that are no dialogue with an interpreter as blocks of code."""
    marked: list[str] = []
    indent: int | None = None
    for number, line in enumerate(lines):
        found = _EXAMPLE.match(line)
        if found:
            following = next((it for it in lines[number + 1 :] if it.strip()), "")
            if not following.lstrip().startswith(">>>"):
                indent = len(found[1])
                marked += [line, f"{found[1]}    .. code-block:: python", ""]
                continue
        if indent is not None and line.strip():
            if len(line) - len(line.lstrip()) <= indent:
                indent = None
            else:
                line = f"    {line}".replace("``", "`")
        marked.append(line)
    return marked


def setup(app: Any) -> None:
    """Has Sphinx's autodoc read docstrings so, before napoleon reads their sections."""

    def convert(app: Any, what: str, name: str, it: Any, options: Any, lines: list[str]) -> None:
        lines[:] = to_restructured(lines)

    app.connect("autodoc-process-docstring", convert, priority=400)

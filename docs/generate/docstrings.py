"""Docstrings are written with the marks of Markdown; Sphinx reads those of reStructuredText."""

from __future__ import annotations

import re
from typing import Any

from sphinx.util import inspect

_LINK = re.compile(r"\[([^\]]+)\]\((https?://[^)\s]+)\)")
# A docstring may break a line within. What follows may be the end of a word, as in `tf.Tensor`s.
_CODE = re.compile(r"(?<!`)`([^`\n]+(?:\n[^`\n]+)?)`(?!`)(?=(\w?))")
_EXAMPLE = re.compile(r"^(\s*)Examples?:$")
# Of a power, of arguments, of a length |x|: neither emphasis nor substitution.
_MARKS = re.compile(r"\*{1,2}(?=\w)|\|")


def to_restructured(lines: list[str]) -> list[str]:
    """Returns a docstring with reStructuredText's marks for code, links and blocks of code.

    Args:
        lines: Of the docstring, as Sphinx gives them.
    """
    text = _LINK.sub(r"__LINK_\1__AT_\2__END__", "\n".join(lines))
    text = _CODE.sub(_as_literal, text)
    text = re.sub(r"__LINK_(.+?)__AT_(\S+?)__END__", r"`\1 <\2>`__", text)
    return _as_blocks([_without_marks(line) for line in text.split("\n")])


def _as_literal(found: re.Match[str]) -> str:
    return f"``{' '.join(found[1].split())}``" + ("\\ " if found[2] else "")


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
    """Has autodoc read docstrings so, before napoleon reads their sections; and tells signatures."""

    def convert(app: Any, what: str, name: str, it: Any, options: Any, lines: list[str]) -> None:
        lines[:] = to_restructured(lines)

    def own_signature(
        app: Any, what: str, name: str, it: Any, options: Any, told: str, returned: str
    ) -> tuple[str, str] | None:
        # Keras and TFX make classes whose own signature tells nothing.
        if what != "class" or not str(getattr(it.__init__, "__module__", "")).startswith(
            "lifelong"
        ):
            return None
        aliases = app.config.autodoc_type_aliases
        signature = inspect.signature(it.__init__, bound_method=True, type_aliases=aliases)
        shown = inspect.stringify_signature(
            signature, show_return_annotation=False, unqualified_typehints=True
        )
        return shown, returned

    app.connect("autodoc-process-docstring", convert, priority=400)
    app.connect("autodoc-process-signature", own_signature)

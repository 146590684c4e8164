"""Makes sure that a folder of this machine can be used, and says why where it cannot."""

from __future__ import annotations

from pathlib import Path


def check_folder(name: str, folder: Path) -> None:
    """Raises if something else lies where a folder is to be; it need not exist yet.

    Args:
        name: What the configuration calls it.
        folder: Its absolute path.

    Raises:
        NotADirectoryError: A file lies there, or above.
        OSError: It cannot be looked at.
    """
    try:
        for place in (folder, *folder.parents):
            if place.is_dir():
                return
            if place.exists() or place.is_symlink():
                kind = "a file" if place.exists() else "a link to nothing"
                where = f"which is {kind}" if place == folder else f"but {place} is {kind}"
                raise NotADirectoryError(f"{name} is {str(folder)!r}, {where}; name a folder")
    except PermissionError as error:
        raise _unusable(name, folder, error) from error


def make_folder(name: str, folder: Path) -> None:
    """Makes a folder, if it is not there yet, and makes sure that files can be written to it.

    Args:
        name: What the configuration calls it.
        folder: Its absolute path.

    Raises:
        OSError: It cannot be made or written to.
    """
    check_folder(name, folder)
    probe = folder / ".writable"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise _unusable(name, folder, error) from error


def _unusable(name: str, folder: Path, error: OSError) -> OSError:
    return OSError(
        f"{name} is {str(folder)!r}, which cannot be written to ({error.strerror}); name another "
        "folder, or get the right to write there"
    )

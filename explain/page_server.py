"""Serves the page on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any

import tornado.httpserver
import tornado.netutil
import tornado.web

from lifelong.explain.page import render
from lifelong.explain.session import Session
from lifelong.serving.behavior_store import StoreError
from lifelong.serving.prediction import PredictionError

_HOST = "127.0.0.1"
# A page of another site that has itself resolved to this machine gets nothing.
_OWN_NAMES = r"(127\.0\.0\.1|localhost)"
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; img-src data:; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_NOTHING = {"user": "", "item": "", "at": ""}


class _Page(tornado.web.RequestHandler):
    def initialize(self, session: Session, threads: ThreadPoolExecutor) -> None:
        self._session = session
        self._threads = threads

    def set_default_headers(self) -> None:
        for name, value in _HEADERS.items():
            self.set_header(name, value)

    async def get(self) -> None:
        asked = {name: self._asked(name) for name in _NOTHING}
        loop = asyncio.get_running_loop()
        status, page = await loop.run_in_executor(self._threads, self._make, asked)
        self.set_status(status)
        self.finish(page)

    head = get

    def write_error(self, status_code: int, **details: Any) -> None:
        """Says on the page what Tornado has logged."""
        told = HTTPStatus(status_code).phrase
        if status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
            _, error, _ = details["exc_info"]
            told += f": {type(error).__name__}: {error} (the terminal shows where)"
        self.finish(render(self._session, _NOTHING, failure=told))

    def _asked(self, name: str) -> str:
        return (self.get_query_argument(name, "") or "").strip()

    def _make(self, asked: dict[str, str]) -> tuple[int, str]:
        """Returns the status and the page."""
        visit = look = None
        users: tuple[str, ...] = ()
        failures: list[tuple[int, str]] = []
        with _noting(failures, HTTPStatus.BAD_REQUEST):
            if not asked["user"] and any(asked.values()):
                raise ValueError("user is empty; type an id, as the log has it")
            if asked["user"]:
                visit = self._session.visit(asked["user"], asked["at"])
                if asked["item"]:
                    look = self._session.look(asked["user"], asked["item"], asked["at"])
        if visit is None:
            with _noting(failures, HTTPStatus.SERVICE_UNAVAILABLE):
                users = self._session.busiest_users
        # Where a user is not found because nothing can be read, one reason will do.
        status, failure = failures[0] if failures else (HTTPStatus.OK, "")
        return status, render(self._session, asked, visit, look, users, failure)


@contextlib.contextmanager
def _noting(failures: list[tuple[int, str]], of_values: int) -> Iterator[None]:
    """Adds the status and the text of what goes wrong and is not ours to mend.

    Args:
        failures: Where to.
        of_values: Status where values are wrong: what was asked, or what was read.
    """
    try:
        yield
    except ValueError as error:
        failures.append((of_values, str(error)))
    except (PredictionError, StoreError, OSError) as error:
        failures.append((HTTPStatus.SERVICE_UNAVAILABLE, str(error)))


def make_application(session: Session, threads: ThreadPoolExecutor) -> tornado.web.Application:
    """Returns the page as a Tornado application.

    Args:
        session: What it asks.
        threads: Where pages are made.
    """
    application = tornado.web.Application()
    arguments = {"session": session, "threads": threads}
    application.add_handlers(_OWN_NAMES, [("/", _Page, arguments)])
    return application


@contextlib.contextmanager
def listen(port: int) -> Iterator[Sequence[socket.socket]]:
    """Takes a port on 127.0.0.1: whoever opens it waits until the page is served.

    Args:
        port: The port; 0 takes a free one.

    Raises:
        OSError: It is taken; the message says what to do.
    """
    try:
        listening = tornado.netutil.bind_sockets(port, _HOST)
    except OSError as error:
        raise OSError(
            f"port {port} of this machine cannot be taken ({error.strerror}); choose another --port"
        ) from error
    with contextlib.ExitStack() as stack:
        for taken in listening:
            stack.enter_context(taken)
        yield listening


def serve_page(
    session: Session, listening: Sequence[socket.socket], tell: Callable[[str], None]
) -> None:
    """Serves the page until the process is told to end; pages that are being made are finished.

    Args:
        session: What it asks.
        listening: See `listen`.
        tell: Called with the page's address as soon as it can be opened.
    """

    async def run() -> None:
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopped.set)
        server = tornado.httpserver.HTTPServer(make_application(session, threads))
        server.add_sockets(listening)
        tell(f"http://{_HOST}:{listening[0].getsockname()[1]}/")
        await stopped.wait()
        server.stop()
        # The one thread makes pages in order: after this there is none that was asked for before.
        await loop.run_in_executor(threads, lambda: None)
        await server.close_all_connections()

    # One page at a time: the store's reads and the server's calls are short.
    with ThreadPoolExecutor(1) as threads:
        asyncio.run(run())

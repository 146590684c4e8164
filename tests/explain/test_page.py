"""The page as a reader sees it, and what it answers."""

import asyncio
import os
import re
import signal
import threading
import time
import types
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
import tornado.httpserver
import tornado.netutil
from tornado.httpclient import AsyncHTTPClient, HTTPRequest

from lifelong.data.datasets.item_names import ItemNames
from lifelong.explain.page import render
from lifelong.explain.page_server import listen, make_application, serve_page
from lifelong.explain.session import Candidate, Visit
from lifelong.models.config import ModelConfig
from lifelong.pipeline.pushed import KnownUser
from lifelong.serving.prediction import PredictionError
from tests.browser import DESKTOP, PHONE, complaints, needs_browser, open_browser, scrolls_sideways
from tests.explain.looks import NOW, a_look

HOSTILE = "<script>document.title='broken'</script>\"'&"
NAMES = ItemNames(None, {7: HOSTILE, 8: "cake"}, {1: HOSTILE, 2: "sweets"})


class Session:
    """Answers as a session does, without a server."""

    pushed = types.SimpleNamespace(
        config=types.SimpleNamespace(name=HOSTILE, model=ModelConfig(long_term="eta"))
    )
    busiest_users = ("anna", HOSTILE)

    def visit(self, user, at=""):
        if user == "nobody":
            raise ValueError("user nobody has no event")
        if user == "down":
            raise PredictionError(grpc.StatusCode.UNAVAILABLE, "no server")
        known = KnownUser(1, 1000, NOW - 1, None)
        if user == "early":
            return Visit(user, known, NOW, no_candidates="no event in the 4 weeks")
        if user == "broken":
            raise KeyError("our fault")
        ranked = (Candidate("7", 0.5, HOSTILE, HOSTILE), Candidate("8", 0.25, "cake", "sweets"))
        return Visit(
            user, known, NOW, ranked, statistics_age=86_400, sent_as_zero=("candidate_price",)
        )

    def look(self, user, item, at=""):
        return a_look(names=NAMES, user=user)


@pytest.fixture(scope="module")
def html():
    session = Session()
    asked = {"user": HOSTILE, "item": "7", "at": ""}
    return render(session, asked, session.visit(HOSTILE), session.look(HOSTILE, "7"), "")


def test_nothing_is_loaded_and_nothing_of_a_log_is_markup(html):
    assert html.count("<script>") == 1
    links = set(re.findall(r'(?:src|href)="([^"]*)"', html))
    assert all(link in ("/", "data:,") or link.startswith(("/?", "#")) for link in links)
    assert "/?user=%3Cscript%3E" in html


@needs_browser
@pytest.mark.parametrize(("size", "dark"), [(DESKTOP, False), (PHONE, True)])
def test_the_page_in_a_browser(html, tmp_path, size, dark):
    path = tmp_path / "page.html"
    path.write_text(html)
    with open_browser(tmp_path, size, dark) as driver:
        driver.get(path.as_uri())
        assert complaints(driver) == []
        assert not scrolls_sideways(driver)
        assert "broken" not in driver.title[:6]
        assert driver.find_element("id", "predicted").text == "0.5000"
        shown = [
            svg for svg in driver.find_elements("css selector", "figure svg") if svg.is_displayed()
        ]
        assert len(shown) == 2
        # Four searches; five weeks.
        marks = [
            len(svg.find_elements("css selector", "[aria-roledescription=point]")) for svg in shown
        ]
        assert marks == [5, 7]
        rows = driver.find_elements("css selector", ".events tbody tr")
        assert [row.find_elements("css selector", ".weight") != [] for row in rows] == [
            False,
            True,
            False,
            True,
        ]
        assert [cell.text for cell in rows[2].find_elements("css selector", "th, td")] == [
            "2017-11-21",
            "40",
            "hard, soft",
            "-",
            "-",
            f"item {HOSTILE} ({HOSTILE})",
        ]


def ask(path, host="127.0.0.1", session=None, method="GET"):
    """Returns status, headers and body of one request."""

    async def run():
        (socket,) = tornado.netutil.bind_sockets(0, "127.0.0.1")
        with ThreadPoolExecutor(1) as threads:
            server = tornado.httpserver.HTTPServer(make_application(session or Session(), threads))
            server.add_socket(socket)
            url = f"http://127.0.0.1:{socket.getsockname()[1]}{path}"
            request = HTTPRequest(
                url, method, {"Host": host}, allow_nonstandard_methods=method == "POST"
            )
            answer = await AsyncHTTPClient().fetch(request, raise_error=False)
            server.stop()
        return answer.code, answer.headers, answer.body.decode()

    return asyncio.run(run())


def test_users_to_begin_with_are_suggested():
    status, headers, body = ask("/")
    assert status == 200
    assert '<a class="user" href="/?user=anna">anna</a>' in body
    assert "default-src 'none'" in headers["Content-Security-Policy"]


def test_a_user_gets_candidates_whose_scores_can_be_looked_into():
    status, _, body = ask("/?user=anna&at=2018-01-01")
    assert status == 200
    assert '<a href="/?user=anna&amp;item=8&amp;at=2018-01-01">cake</a>' in body
    assert "sent as 0: candidate_price" in body
    assert 'id="predicted"' not in body


@pytest.mark.parametrize(
    ("user", "status", "told"),
    [
        ("nobody", 400, "user nobody has no event"),
        ("down", 503, "no server"),
        ("broken", 500, "our fault"),
        ("%ff", 400, "Bad Request"),
    ],
)
def test_what_went_wrong_is_told_on_the_page(user, status, told):
    found, _, body = ask(f"/?user={user}")
    assert found == status
    assert 'role="alert">' in body
    assert told in body


def test_a_page_of_another_name_gets_nothing():
    assert ask("/", host="evil.example")[0] == 404


def test_without_candidates_an_item_is_looked_into_all_the_same():
    status, _, body = ask("/?user=early&item=7&at=2018-01-01")
    assert status == 200
    assert "No event in the 4 weeks" in body
    assert 'id="predicted">0.5000' in body


@pytest.mark.parametrize("path", ["/?item=7", "/?at=2018-01-01"])
def test_without_a_user_the_page_asks_for_one(path):
    status, _, body = ask(path)
    assert status == 400
    assert "user is empty; type an id" in body


def test_the_age_of_the_statistics_is_told_where_there_are_no_candidates():
    assert "all users&#39; events up to 2017-12-30" in ask("/?user=early&item=7")[2]


def test_a_suggested_user_begins_anew():
    assert 'href="/?user=anna">anna' in ask("/?user=nobody&item=7&at=soon")[2]


def test_where_no_users_can_be_suggested_the_page_says_why():
    class Moved(Session):
        @property
        def busiest_users(self):
            raise ValueError("log.csv does not exist")

    status, _, body = ask("/", session=Moved())
    assert status == 503
    assert "log.csv does not exist" in body
    # What was asked for is told first.
    status, _, body = ask("/?user=nobody", session=Moved())
    assert status == 400
    assert "user nobody has no event" in body


def test_other_methods(caplog):
    status, _, body = ask("/", method="HEAD")
    assert (status, body) == (200, "")
    status, _, body = ask("/", method="POST")
    assert status == 405
    assert "Method Not Allowed" in body


def test_a_port_that_is_taken_is_told():
    with listen(0) as (taken,):
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"port {port} .* choose another --port"), listen(port):
            pass


def test_a_page_that_is_being_made_is_finished_before_the_end(caplog):
    asked = threading.Event()

    class Slow(Session):
        def visit(self, user, at=""):
            asked.set()
            time.sleep(0.5)
            return super().visit(user, at)

    pages = []

    def open_and_interrupt(address):
        def get():
            with urllib.request.urlopen(f"{address}?user=anna") as answer:
                pages.append(answer.read().decode())

        def interrupt():
            asked.wait()
            os.kill(os.getpid(), signal.SIGINT)

        for act in (get, interrupt):
            threads.append(threading.Thread(target=act))
            threads[-1].start()

    threads = []
    with listen(0) as listening:
        serve_page(Slow(), listening, open_and_interrupt)
    for thread in threads:
        thread.join()
    assert "2 candidates" in pages[0]
    assert not caplog.records

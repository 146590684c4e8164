"""The page: a user's history, the candidates, and what is behind the score of one of them."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

from lifelong.data.spoken_times import day_of, describe_age
from lifelong.explain.charts import chart_of_searches, timeline
from lifelong.explain.look import SEARCHES, Look
from lifelong.explain.session import Session, Visit
from lifelong.report.page import template

_TEMPLATES = Path(__file__).with_name("templates")


def render(
    session: Session, asked: dict[str, str], visit: Visit | None, look: Look | None, failure: str
) -> str:
    """Returns the page as HTML that loads nothing.

    Args:
        session: What it asks.
        asked: `user`, `item` and `at` as they were given, empty where they were not.
        visit: The user with candidates, if there is one.
        look: What is behind the score, if an item was chosen.
        failure: What went wrong; empty if nothing did.
    """

    def link(**changes: object) -> str:
        """Returns the address of the page with other choices."""
        chosen = {key: value for key, value in (asked | changes).items() if value != ""}
        return "/?" + urlencode(chosen)

    figures = []
    if look is not None:
        figures = [timeline(look)]
        if look.events:
            figures.append(chart_of_searches(look))
    return template("explain.html", _TEMPLATES).render(
        name=session.pushed.config.name,
        model=session.pushed.config.model,
        users=[] if visit else session.busiest_users,
        asked=asked,
        visit=visit,
        look=look,
        failure=failure,
        figures=figures,
        searches=SEARCHES,
        link=link,
        day=day_of,
        age=describe_age(visit.statistics_age, visit.timestamp)
        if visit is not None and visit.statistics_age is not None
        else "",
    )

"""The page: a user's history, the candidates, and what is behind the score of one of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode

from lifelong.data.spoken_times import counted, day_of, describe_age
from lifelong.explain.charts import chart_of_searches, timeline
from lifelong.explain.look import Look
from lifelong.explain.session import Session, Visit
from lifelong.report.page import template

_TEMPLATES = Path(__file__).with_name("templates")


def render(
    session: Session,
    asked: dict[str, str],
    visit: Visit | None = None,
    look: Look | None = None,
    users: Sequence[str] = (),
    failure: str = "",
) -> str:
    """Returns the page as HTML that loads nothing.

    Args:
        session: What it asks.
        asked: `user`, `item` and `at` as they were given, empty where they were not.
        visit: The user with candidates, if there is one.
        look: What is behind the score, if an item was chosen.
        users: Ids of users to begin with.
        failure: What went wrong; empty if nothing did.
    """

    def link(**changes: object) -> str:
        """Returns the address of the page with other choices."""
        chosen = {key: value for key, value in (asked | changes).items() if value != ""}
        return "/?" + urlencode(chosen)

    figures = []
    if look is not None and look.parts:
        figures.append(timeline(look))
    if look is not None and look.events:
        figures.append(chart_of_searches(look))
    return template("explain.html", _TEMPLATES).render(
        name=session.pushed.config.name,
        model=session.pushed.config.model,
        users=users,
        asked=asked,
        visit=visit,
        look=look,
        failure=failure,
        figures=figures,
        link=link,
        day=day_of,
        counted=counted,
        age=_age(visit, look),
    )


def _age(visit: Visit | None, look: Look | None) -> str:
    """Returns how old the statistics are; empty where nothing was asked, or the model has none."""
    if look is not None:
        age, timestamp = look.explained.statistics_age, look.explained.timestamp
    elif visit is not None:
        age, timestamp = visit.statistics_age, visit.timestamp
    else:
        return ""
    return "" if age is None else describe_age(age, timestamp)

"""Reads the events of a timeline, each with the words that say when it was."""

import re

from jobs.handlers.drawer.phrases import label, listed, split, without_bullet
from jobs.handlers.drawer.plans import Event

_DASH = "-\u2013\u2014"
_YEAR = r"(?:(?:1[0-9]|2[01])\d\d(?:s|er)?|\d{1,4}\s?(?:BCE?|AD|CE|v\. ?Chr\.))"
_MONTH = (
    r"(?:jan(?:uary|uar)?|feb(?:ruary|ruar)?|mar(?:ch)?|märz|apr(?:il)?|may|mai|june?|juni|july?|juli|aug(?:ust)?|"
    r"sept?(?:ember)?|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?)\.?"
)
_PART = r"(?:(?:early|mid|late|end of|spring|summer|autumn|fall|winter)[ -])?"
_NUMBERED = r"(?:week|day|month|year|phase|sprint|stage|quarter|woche|tag|monat|jahr|semaine|semana|jour|día) \d{1,3}"
_FORMS = (
    r"\d{4}-\d{1,2}(?:-\d{1,2})?",
    r"\d{1,2}[./]\d{1,2}[./](?:\d{4}|\d{2})",
    rf"(?:Q[1-4]|H[12])(?:[-\s/']*{_YEAR})?",
    rf"{_PART}(?:\d{{1,2}}(?:st|nd|rd|th|\.)? )?{_MONTH}(?: \d{{1,2}}(?:st|nd|rd|th)?(?!\d))?(?:,? {_YEAR})?",
    rf"{_PART}{_YEAR}",
    _NUMBERED,
    r"\d{1,2}:\d{2}(?: ?[ap]m)?",
    r"\d{1,2} ?[ap]m",
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)day",
    r"today|tomorrow|yesterday|now",
    r"\d{4}年(?:\d{1,2}月)?",
)
_ONE = "(?:" + "|".join(_FORMS) + ")"
_DATE = rf"(?<!\w){_ONE}(?:\s*(?:[{_DASH}]|to|until|bis)\s*(?:{_ONE}|\d{{1,4}}))?(?!\w)"
_AT = r"(?:(?:in|on|by|at|from|since|around|im|am|ab|seit|en)\s+)?"

_LEADING = re.compile(rf"{_AT}(?P<when>{_DATE})\s*(?:->|[{_DASH}:,=])*\s*(?P<what>.*)", re.IGNORECASE)
_TRAILING = re.compile(rf"(?P<what>.+?)[{_DASH}\s,:(]*+(?<!\w){_AT}(?P<when>{_DATE})\)?", re.IGNORECASE)
_BETWEEN = rf"(?:,\s*|,?\s+and\s+)(?={_AT}{_DATE})"
_YEAR_ALONE = re.compile(_YEAR, re.IGNORECASE)
_BEFORE_YEAR = r"\s+(?=(?:1[0-9]|2[01])\d\d\s+[^\W\d])"


def starts_with_date(text: str) -> bool:
    return _LEADING.match(text) is not None


def events(content: str) -> tuple[Event, ...]:
    """One event for each entry; a date that stands alone belongs to the entry after it, if that has none."""
    found: list[Event] = []
    for event in map(_event, _entries(content)):
        if found and (joined := _joined(found[-1], event)):
            found[-1] = joined
        elif event.what or event.when:
            found.append(event)
    return tuple(event if event.what else Event("", event.when) for event in found)


def _joined(date: Event, event: Event) -> Event | None:
    """Of "May 5" and "2021 launch", or of "2021" and "launch", one event; else None."""
    if date.what or not event.what or (event.when and _YEAR_ALONE.search(date.when)):
        return None
    if event.when and not _YEAR_ALONE.fullmatch(event.when):
        return None
    return Event(f"{date.when}, {event.when}" if event.when else date.when, event.what)


def _entries(content: str) -> list[str]:
    lines = content.split("\n")
    if len(lines) > 1:
        return [without_bullet(line) for line in lines]
    for separator in (";", "->", _BETWEEN, r"\.\s+(?=" + _AT + _DATE + ")"):
        if len(parts := split(content, separator)) > 1:
            return parts
    if len(parts := split(content, ",")) > 1:
        return listed(content)
    return split(content, _BEFORE_YEAR)


def _event(text: str) -> Event:
    bare = text.strip(" .")
    if found := _LEADING.fullmatch(bare) or _TRAILING.fullmatch(bare):
        return Event(found["when"].strip(), label(found["what"]))
    return Event("", label(bare))

import pytest
from hypothesis import given, settings

from jobs.handlers.drawer.dates import events, starts_with_date
from jobs.handlers.drawer.phrases import cleaned
from tests.jobs.handlers.geometry import instructions


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2021 founded, 2022 first customer", [("2021", "Founded"), ("2022", "First customer")]),
        ("2021 founded 2022 first customer", [("2021", "Founded"), ("2022", "First customer")]),
        ("May 5, 2021 launch, June 2022: a, b", [("May 5, 2021", "Launch"), ("June 2022", "A, b")]),
        ("Q1 2024: plan; Q2: build", [("Q1 2024", "Plan"), ("Q2", "Build")]),
        ("founded in 2021, sold (2023)", [("2021", "Founded"), ("2023", "Sold")]),
        ("Week 1 - kick-off\nWeek 2 - build", [("Week 1", "Kick-off"), ("Week 2", "Build")]),
        ("9:00 breakfast, 10:30 talk", [("9:00", "Breakfast"), ("10:30", "Talk")]),
        ("44 BC Caesar dies, 476 AD fall of Rome", [("44 BC", "Caesar dies"), ("476 AD", "Fall of Rome")]),
        ("2019-2021 university, 2021-03-04 job", [("2019-2021", "University"), ("2021-03-04", "Job")]),
        ("2020: start. 2021: growth", [("2020", "Start"), ("2021", "Growth")]),
        ("in 2019 we met and in 2021 Tom was born", [("2019", "We met"), ("2021", "Tom was born")]),
        ("2021\n- founded\n2022\n- grown", [("2021", "Founded"), ("2022", "Grown")]),
        ("2021, 2022", [("", "2021"), ("", "2022")]),
        ("Monday; Tuesday: talk", [("", "Monday"), ("Tuesday", "Talk")]),
        ("idea, plan, launch", [("", "Idea"), ("", "Plan"), ("", "Launch")]),
    ],
)
def test_events_are_read_with_their_dates_however_they_are_written(text, read):
    assert [(event.when, event.what) for event in events(cleaned(text))] == read


def test_a_number_is_not_a_date():
    assert not starts_with_date("3 apples")
    assert not starts_with_date("12345 people")
    assert starts_with_date("in 2021")


@settings(derandomize=True, deadline=None, max_examples=80)
@given(instructions)
def test_every_event_says_what_happens(text):
    assert all(event.what for event in events(cleaned(text)))

"""The wait before the next run: twice as long each time, within a cap, a little off by chance."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.backoff import delay_s

CAP_S = 6 * 3600.0
FAILURES = st.integers(1, 100_000)
JITTER = st.floats(0, 0.5)
CHANCE = st.floats(0, 1)
SECONDS = st.floats(0, 1e6)
RULES = st.fixed_dictionaries(
    {"base_s": SECONDS, "factor": st.floats(1, 10), "cap_s": SECONDS, "jitter": JITTER, "chance": st.none() | CHANCE}
)


def minutes(failures, **options: float):
    usual = {"base_s": 60, "factor": 2, "cap_s": CAP_S, "jitter": 0}
    return delay_s(failures, **{**usual, **options}) / timedelta(minutes=1).total_seconds()


@pytest.mark.parametrize(("failures", "waits"), [(1, 2), (2, 4), (3, 8), (4, 16)])
def test_the_wait_after_the_nth_failure_is_two_to_the_n_minutes(failures, waits):
    assert minutes(failures) == waits


@given(FAILURES, RULES)
def test_no_wait_is_longer_than_the_cap_and_its_jitter_or_below_nothing(failures, rule):
    assert 0 <= delay_s(failures, **rule) <= rule["cap_s"] * (1 + rule["jitter"]) * (1 + 1e-9)


@given(FAILURES, st.floats(1, 1e4), st.floats(1, 10))
def test_a_later_failure_never_waits_less(failures, base_s, factor):
    earlier, later = (delay_s(n, base_s=base_s, factor=factor, cap_s=CAP_S, jitter=0) for n in (failures, failures + 1))
    assert earlier <= later


@given(st.integers(1, 8), JITTER, CHANCE)
def test_chance_moves_the_wait_within_the_jitter(failures, jitter, chance):
    plain = minutes(failures)
    assert plain * (1 - jitter) - 1e-9 <= minutes(failures, jitter=jitter, chance=chance) <= plain * (1 + jitter) + 1e-9


def test_chance_reaches_both_ends_and_its_middle_is_the_plain_wait():
    assert [minutes(1, jitter=0.1, chance=chance) for chance in (0, 0.5, 1)] == pytest.approx([1.8, 2, 2.2])


def test_without_a_given_chance_the_waits_differ():
    assert len({minutes(3, jitter=0.1) for _ in range(20)}) > 1


@pytest.mark.parametrize("failures", [1_000, 10**6])
@pytest.mark.parametrize("factor", [2, 2.5])
def test_a_huge_number_of_failures_waits_for_the_cap(failures, factor):
    assert minutes(failures, factor=factor) * 60 == CAP_S

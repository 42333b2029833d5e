"""Ten thousand cancels, each at the same moment as another step at the same job."""

import pytest

from tests.faults import records
from tests.jobs import race_rules, races
from tests.jobs.crowd import crowd

pytestmark = pytest.mark.faults

EACH = 420  # of 24 races


@pytest.fixture(scope="module")
def watching(engine):
    """The database notes each change of a job."""
    with engine.begin() as conn:
        records.watch(conn)


@pytest.fixture
def watched(conn, watching):
    conn.exec_driver_sql("delete from seen_changes")
    return conn


@pytest.mark.parametrize("together", [1, 4])
@pytest.mark.parametrize("name", races.RACES)
def test_a_cancel_and_another_step_have_one_winner_and_true_answers(watched, engine, name, together):
    told = races.meet(engine, races.RACES[name], count=EACH, seed=1000 + together, together=together)
    assert race_rules.broken(watched, told) == {}


@pytest.mark.parametrize("seed", range(5))
def test_a_crowd_that_cancels_requeues_works_and_reaps_breaks_no_rule(watched, engine, seed):
    assert race_rules.broken(watched, crowd(engine, cancels=300, seed=seed)) == {}

"""A cancel meets every other step at the same job: one of them wins, and each caller is told how it was.

tests/faults/test_races.py does the same ten times over.
"""

import pytest

from tests.faults import records
from tests.faults.records import Change
from tests.jobs import kit, race_rules, races
from tests.jobs.crowd import crowd
from tests.jobs.races import Told

EACH = 48  # interleavings of a race
TRIES = 20  # on a busy machine one of the two may come first 48 times


@pytest.fixture(scope="module")
def watching(engine):
    """The database notes each change of a job."""
    with engine.begin() as conn:
        records.watch(conn)


@pytest.fixture
def watched(conn, watching):
    conn.exec_driver_sql("delete from seen_changes")
    return conn


MESSAGES = "select error_message from ai_jobs where status = 'cancelled' and cancel_requested_at is not null"


def answers(told):
    """What cancel and the other step heard of each job, as pairs."""
    heard = {}
    for one in told:
        heard.setdefault(one.job_id, {})[one.by] = one.status
    return {tuple(sorted(by.items())) for by in heard.values()}


@pytest.mark.parametrize("together", [1, 4])
@pytest.mark.parametrize("name", races.RACES)
def test_a_cancel_and_another_step_at_the_same_moment_have_one_winner_and_true_answers(watched, engine, name, together):
    told: list[Told] = []
    for seed in range(TRIES):
        told += races.meet(engine, races.RACES[name], count=EACH, seed=seed, together=together)
        if len(answers(told)) > 1:
            break
    assert race_rules.broken(watched, told) == {}
    assert len(answers(told)) > 1, "one of them was always first: this was no race"


@pytest.mark.parametrize("end", ["commit", "rollback", "queue"])
@pytest.mark.parametrize("cancel_first", [True, False])
@pytest.mark.parametrize("name", races.RACES)
def test_whoever_comes_second_meets_what_the_first_has_left(watched, engine, name, cancel_first, end):
    told = races.step_by(engine, races.RACES[name], cancel_first=cancel_first, end=end)
    assert race_rules.broken(watched, told) == {}
    assert set(watched.exec_driver_sql(MESSAGES).scalars()) <= {"Cancelled by an operator"}


def test_a_crowd_that_cancels_requeues_works_and_reaps_breaks_no_rule(watched, engine):
    told = crowd(engine, cancels=100, seed=1)
    assert race_rules.broken(watched, told) == {}
    assert {one.status for one in told if one.by == "cancel"} == {"cancelled", "processing", None}


WAITS = (" skip locked", "")  # so that it comes to the row right behind the cancel
SECOND_LOOK = ("from held h join", "from held join ai_jobs h on h.id = held.id join")


def test_a_give_up_that_reads_the_cancel_with_its_own_snapshot_is_caught(watched, engine):
    with kit.mutated("give_up", SECOND_LOOK, WAITS):
        told = races.step_by(engine, races.RACES["give_up"], cancel_first=True, end="commit")
        assert race_rules.broken(watched, told).keys() == {"untruthful"}


def test_a_completion_that_does_not_look_at_the_status_is_caught(watched, engine):
    guards = [("and j.status in ('processing', 'queued')", ""), ("where j.status in ('processing', 'queued')", "")]
    with kit.mutated("complete", *guards):
        told, found = [], set[str]()
        for seed in range(TRIES):  # until a cancel has come between look and write
            told += races.meet(engine, races.RACES["complete, handed back"], count=EACH, seed=seed)
            found = set(race_rules.broken(watched, told))
            if found:
                break
        assert {"illegal transitions", "ended twice"} <= found


def test_a_completion_that_ends_a_job_as_cancelled_and_leaves_the_result_there_is_caught(watched, engine):
    ends_cancelled = "case when j.cancel_requested_at is null then 'completed' else 'cancelled' end"
    with kit.mutated("complete", ("= 'completed'", f"= {ends_cancelled}"), WAITS):
        told = races.step_by(engine, races.RACES["complete"], cancel_first=True, end="commit")
        assert {"results of cancelled jobs", "results kept"} == race_rules.broken(watched, told).keys()


def test_two_who_are_told_of_the_same_end_are_caught():
    end = Change("j", None, "queued", "cancelled", 0, 0)
    told = [Told("j", by, "cancelled", 0) for by in ("cancel", "release")]
    assert (race_rules.winners(told[:1], [end]), len(race_rules.winners(told, [end]))) == ([], 1)

"""No guard without a test: each is taken out of its statement, and the test that names what it guards must fail."""

import inspect
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError, MultipleResultsFound, NoResultFound

from jobs.outcomes import Done, Retry
from tests.jobs import kit
from tests.jobs import test_arrows as arrows
from tests.jobs import test_bulk as bulk
from tests.jobs import test_cancel as cancel
from tests.jobs import test_cap as cap
from tests.jobs import test_claim as claim
from tests.jobs import test_enqueue as enqueue
from tests.jobs import test_fence as fence
from tests.jobs import test_give_up as give_up
from tests.jobs import test_heartbeat as heartbeat
from tests.jobs import test_pauses as pauses
from tests.jobs import test_progress as progress
from tests.jobs import test_queries as queries
from tests.jobs import test_reap as reap
from tests.jobs import test_recorder as recorder
from tests.jobs import test_redrive as redrive
from tests.jobs import test_upkeep as upkeep
from tests.jobs import test_user_cap as user_cap
from tests.jobs import test_why as why
from tests.jobs.test_states import ARROWS, SQL, code

FAILED = (AssertionError, DBAPIError, NoResultFound, MultipleResultsFound, pytest.fail.Exception)
Test = tuple[Callable[..., None], dict[str, Any]]

matrix = arrows.test_an_arrow_changes_what_it_must_from_its_states_and_nothing_from_the_others
FENCE = {"o.claim_seq = j.claim_seq": "true", "j.claim_seq = o.claim_seq": "true"}


READ_ON = progress.test_parts_are_read_from_where_they_were_read_last_and_of_the_newest_run_alone


def on(name: str, state: str) -> Test:
    return matrix, {"arrow": name, "state": state}


def stale(name: str) -> Test:
    return fence.test_a_stale_worker_changes_nothing, {"write": name}


def drawn(end: str) -> Test:
    return progress.test_what_was_drawn_goes_with_the_run_and_another_jobs_stays, {"end": end}


def behind(case: str) -> Test:
    return enqueue.test_only_ones_own_ready_jobs_of_the_rank_at_or_after_the_clock_put_off_a_turn, {
        "own": enqueue.NOT_IN_LINE[case]
    }


def batch_behind(case: str) -> Test:
    return bulk.test_only_ones_own_ready_jobs_of_the_rank_at_or_after_the_clock_put_off_a_turn, {
        "own": enqueue.NOT_IN_LINE[case]
    }


def unfit(given: dict[str, Any], **columns: Any) -> Test:
    return user_cap.test_what_cannot_run_here_is_neither_claimed_nor_told, {"given": given, "columns": columns}


def foreign(step: str, state: str) -> Test:
    return cancel.test_another_users_job_is_out_of_reach, {"step": step, "state": state}


def busy(task: str) -> Test:
    return upkeep.test_a_row_that_somebody_else_works_on_does_not_hold_up_the_others, {"task": task}


def without_check(step: str) -> Test:
    return upkeep.test_a_step_looks_at_the_status_itself_and_does_not_rely_on_a_check, {"step": step}


def only(by: str) -> Test:
    return redrive.test_only_what_the_filter_names_is_queued_again, {"by": by}


def pause_mutants(name: str) -> list[tuple[str, dict[str, str], Test]]:
    cap = {"user_cap": None if name == "claim" else 9}
    one, all_, over = (
        pauses.test_a_paused_type_is_left_in_the_queue_and_the_others_are_not,
        pauses.test_when_everything_is_paused_nothing_is_claimed_and_there_is_no_room,
        pauses.test_a_pause_ends_by_the_databases_clock_without_anybodys_help,
    )
    return [
        (name, {"in (known.job_type, '*')": "= known.job_type"}, (all_, cap)),
        (name, {"in (known.job_type, '*')": "= '*'"}, (one, cap)),
        (name, {"in (known.job_type, '*')": "is not null"}, (one, cap)),
        (name, {"p.resume_at is null or ": ""}, (one, cap)),
        (name, {"p.resume_at > clock_timestamp()": "true"}, (over, cap)),
        (name, {"(select job_types = '{}' from allowed)": "false"}, (all_, cap)),
    ]


redriven_fairly = redrive.test_a_user_with_many_failures_does_not_keep_the_others_waiting
DONE, LATER = {"outcome": Done({})}, {"outcome": Retry("later")}

# statement, what is taken out of it (and what stands there instead), the test that must fail
MUTANTS: list[tuple[str, dict[str, str], Test | Callable[..., None]]] = [
    ("enqueue", {"on conflict (user_id, idempotency_key) where idempotency_key is not null do nothing": ""},
     enqueue.test_a_key_that_is_used_again_finds_its_job),
    ("enqueue", {"own.user_id = :user_id and": ""}, behind("another user's")),
    ("enqueue", {"and own.rank = -cast(:priority as smallint)": ""}, behind("another rank")),
    ("enqueue", {"own.status = 'queued' and": ""}, behind("processing")),
    ("enqueue", {"and own.next_processing_at is null": ""}, behind("waiting")),
    ("enqueue_many", {"on conflict (user_id, idempotency_key) where idempotency_key is not null do nothing": ""},
     bulk.test_a_batch_that_is_repeated_finds_its_jobs),
    ("enqueue_many", {"own.user_id = l.user_id and": ""}, batch_behind("another user's")),
    ("enqueue_many", {"and own.rank = -l.priority": ""}, batch_behind("another rank")),
    ("enqueue_many", {"own.status = 'queued' and": ""}, batch_behind("processing")),
    ("enqueue_many", {"and own.next_processing_at is null": ""}, batch_behind("waiting")),
    ("enqueue_many", {"coalesce(clock.turn, 0)": "0"}, batch_behind("another rank")),
    ("enqueue_many", {" filter (where not a.waits)": ""},
     (bulk.test_the_turns_are_those_that_the_jobs_would_have_got_one_by_one, {"seed": 0})),
    ("enqueue_many", {"order by idempotency_key, case": "order by case"},
     bulk.test_two_batches_with_the_same_keys_in_another_order_do_not_deadlock),
    ("keyed_many", {"j.user_id = asked.user_id and": ""}, bulk.test_a_batch_that_is_repeated_finds_its_jobs),
    ("keyed", {"user_id = :user_id and": ":user_id <> '' and"},
     enqueue.test_a_key_that_two_users_have_finds_each_ones_own_job),
    ("claim", {"j.status = 'queued' and ": "", "and j.status = 'queued' --": "--"}, on("claim", "processing")),
    ("claim", {"j.next_processing_at is null": "true"}, on("claim", "waiting")),
    ("claim", {"and j.rank = low.rank": ""}, claim.test_each_rank_has_a_bound_of_its_own),
    ("claim", {"and (j.turn, j.seq) >= (low.turn, low.seq)": ""},
     claim.test_nothing_before_a_bound_is_looked_at_and_the_bound_itself_is),
    ("claim", {"and (j.deadline_at is null or j.deadline_at > clock_timestamp())": ""},
     claim.test_a_job_whose_deadline_has_passed_is_not_claimed),
    ("claim", {"and j.job_type = any(cast((select job_types from allowed) as text[]))": ""},
     claim.test_job_types_of_another_release_are_left_in_the_queue),
    *(mutant for name in ("claim", "claim_capped") for mutant in pause_mutants(name)),
    ("claim", {"skip locked": ""}, claim.test_a_row_that_another_transaction_holds_is_stepped_over),
    ("claim", {"for no key update skip locked": ""}, claim.test_a_row_that_another_transaction_holds_is_stepped_over),
    ("claim", {") ready\n     limit (select n from room)": ") ready"},
     (claim.test_no_more_rows_are_locked_than_taken, {"fleet_cap": None})),
    ("claim", {cap.LOCK: "with allowed as materialized ("}, cap.hold_the_cap_for_long),
    ("claim", dict(cap.MERGED), cap.hold_the_cap_for_long),
    ("claim", {"and status = 'processing'": ""}, cap.test_a_run_that_ends_makes_room_at_once),
    ("claim_capped", {"j.status = 'queued' and ": "", "and j.status = 'queued' --": "--"},
     on("claim_capped", "processing")),
    ("claim_capped", {"j.next_processing_at is null": "true"}, on("claim_capped", "waiting")),
    ("claim_capped", {"and j.rank = low.rank": ""}, user_cap.test_each_rank_has_a_bound_of_its_own),
    ("claim_capped", {"and (j.turn, j.seq) >= (low.turn, low.seq)": ""}, user_cap.test_each_rank_has_a_bound_of_its_own),
    ("claim_capped", {"and (j.rank, j.turn, j.seq) >= (low.rank, low.turn, low.seq)": ""},
     user_cap.test_a_freed_user_is_looked_for_from_the_given_place),
    ("claim_capped", {"j.user_id = low.user_id and": ""},
     user_cap.test_what_is_not_taken_is_told_with_each_users_first_place),
    ("claim_capped", {"either.job_type = any(cast((select job_types from allowed) as text[]))": "true"},
     unfit({}, job_type="unknown")),
    ("claim_capped", {"and (either.deadline_at is null or either.deadline_at > clock_timestamp())": ""},
     unfit({}, deadline_at="2020-01-01T00:00:00Z")),
    ("claim_capped", {"skip locked": ""}, user_cap.test_a_row_that_another_transaction_holds_is_stepped_over),
    ("claim_capped", {"select * from walked union select": "select * from walked union all select"},
     user_cap.test_a_job_that_both_looks_find_is_claimed_once),
    ("claim_capped", {"seen.nth <= :user_cap": "true"}, user_cap.test_a_claim_takes_of_each_user_what_the_cap_leaves),
    ("claim_capped", {"coalesce(busy.n, 0)": "0"}, user_cap.test_a_claim_takes_of_each_user_what_the_cap_leaves),
    ("claim_capped", {"limit (select n from room)\n": "limit 99\n"}, user_cap.test_no_more_rows_are_locked_than_taken),
    ("claim_capped", {"limit :user_cap + 1": "limit :user_cap"},
     user_cap.test_a_freed_users_next_job_is_found_before_all_bounds),
    ("claim_capped", {"status = 'processing' and": ""}, user_cap.test_a_claim_takes_of_each_user_what_the_cap_leaves),
    ("claim_capped", dict(user_cap.MERGED), user_cap.hold_the_users_cap_for_long),
    ("complete", FENCE, stale("complete")),
    ("complete", {"and j.status in ('processing', 'queued')": "", "where j.status in ('processing', 'queued')": ""},
     fence.test_an_outcome_is_taken_once),
    ("complete", {" skip locked": ""}, (recorder.test_a_row_that_somebody_has_locked_holds_up_nothing, DONE)),
    ("give_up", {" skip locked": ""}, (recorder.test_a_row_that_somebody_has_locked_holds_up_nothing, LATER)),
    ("complete", {"in ('processing', 'queued')": "= 'processing'"},
     fence.test_a_result_that_comes_after_the_run_was_handed_back_is_kept),
    ("give_up", {"o.claim_seq = j.claim_seq": "true", "j.claim_seq = v.claim_seq": "true"}, stale("give_up")),
    ("give_up", {"j.status = 'processing'": "true"}, on("give_up", "ready")),
    ("give_up", {"h.cancel_requested_at is not null": "false"}, on("give_up", "asked to end")),
    ("give_up", {"h.deadline_at <= clock_timestamp()": "null <= clock_timestamp()"},
     give_up.test_a_failure_after_the_deadline_is_final),
    ("cancel", {"and user_id = :user_id": ""}, foreign("cancel", "ready")),
    ("cancel", {"and status in ('queued', 'processing')": ""}, on("cancel", "completed")),
    ("cancel", {"error_message       = case when cancel_requested_at is null": "error_message = case when true"},
     (cancel.test_the_first_who_asked_is_told, {"ending": "give_up"})),
    ("cancel", {"error_code          = case when cancel_requested_at is null": "error_code = case when true"},
     (cancel.test_an_older_release_that_was_asked_has_not_written_down_by_whom, {"ending": "give_up"})),
    *((name, {"j.error_code = 'cancelled'": given}, (test, {"ending": name}))
      for name in ("give_up", "release", "reap")
      for given, test in (
          ("false", cancel.test_the_first_who_asked_is_told),
          ("true", cancel.test_an_older_release_that_was_asked_has_not_written_down_by_whom))),
    ("release", {"g.claim_seq = j.claim_seq": "true", "j.claim_seq = g.claim_seq": "true"}, stale("release")),
    ("release", {"j.status = 'processing'": "true"}, on("release", "waiting")),
    ("reap", {"lease_expires_at < clock_timestamp()": "lease_expires_at is not null"}, on("reap", "processing")),
    ("reap", {"status = 'processing'": "status is not null"}, without_check("reap")),
    ("reap", {"clock_timestamp() < cast(:not_after as timestamptz)": "true"},
     reap.test_a_reap_that_comes_later_than_it_was_meant_to_takes_nothing),
    ("reap", {"skip locked": ""}, reap.test_a_row_that_somebody_else_works_on_is_left_for_the_next_time),
    ("reap", {"cancel_requested_at is not null": "false"},
     reap.test_a_lost_run_whose_user_asked_for_a_cancel_ends_there),
    ("reschedule", {"next_processing_at <= clock_timestamp()": "next_processing_at is not null"},
     on("reschedule", "waiting")),
    ("reschedule", {"where status = 'queued'": "where true", "j.status = 'queued'": "true"},
     without_check("reschedule")),
    ("reschedule", {"skip locked": ""}, busy("reschedule")),
    ("expire", {"deadline_at < clock_timestamp()": "deadline_at is not null"},
     upkeep.test_expire_fails_only_queued_jobs_whose_deadline_has_passed),
    ("expire", {"where status = 'queued'": "where true", "j.status = 'queued'": "true"},
     on("expire", "completed, too late")),
    ("expire", {"skip locked": ""}, busy("expire")),
    ("requeue", {"and user_id = :user_id": ""}, foreign("requeue", "failed")),
    ("requeue", {"and status in ('failed', 'cancelled')": ""}, on("requeue", "completed")),
    ("redrive", {"where status = 'failed'": "where status is not null", "j.status = 'failed'": "true"},
     on("redrive", "completed")),
    ("redrive", {"skip locked": ""}, redrive.test_a_job_that_somebody_else_works_on_is_left),
    ("redrive", {"job_type = :job_type": ":job_type <> ''"}, only("type")),
    ("redrive", {"error_code = :error_code": ":error_code <> ''"}, only("code")),
    ("redrive", {"coalesce(cast(:since as timestamptz), '-infinity')": "'-infinity'"}, only("since")),
    ("redrive", {"order by completed_at": "order by completed_at desc"}, only("limit")),
    ("redrive", {"limit :limit": ""}, only("limit")),
    ("redrive", {"own.user_id = l.user_id and own.rank = l.rank": "own.user_id <> l.user_id"}, redriven_fairly),
    ("redrive", {"own.status = 'queued' and own.next_processing_at is null\n": "true\n"},
     redrive.test_only_the_users_own_ready_jobs_put_a_turn_off),
    ("redrive", {"row_number()": "1 + 0 * row_number()"}, redriven_fairly),
    ("redrive", {"coalesce(clock.turn, 0)": "0"}, redriven_fairly),
    ("redrive", {"claim_seq           = j.claim_seq + 1": "claim_seq           = j.claim_seq"},
     redrive.test_what_it_does_to_a_job_is_what_requeue_does),
    ("why", {"and me.user_id = :user_id": "and :user_id <> ''"}, why.test_a_foreign_job_is_not_explained),
    ("remove", {"and user_id = :user_id": ""}, foreign("remove", "failed")),
    ("remove", {"and status in ('completed', 'failed', 'cancelled')": ""}, on("remove", "ready")),
    ("requeue", {"claim_seq + 1": "claim_seq"}, fence.test_a_result_from_before_a_requeue_is_refused),
    ("purge", {"completed_at < clock_timestamp() - make_interval(secs => :retention_s)": ":retention_s > 0"},
     on("purge", "failed")),
    ("purge", {"status in ('completed', 'failed', 'cancelled')": "status is not null"}, without_check("purge")),
    ("purge", {"skip locked": ""}, busy("purge")),
    ("heartbeat", {"g.claim_seq = j.claim_seq": "true", "j.claim_seq = g.claim_seq": "true"}, stale("heartbeat")),
    ("heartbeat", {"j.status = 'processing'": "true"}, on("heartbeat", "completed")),
    ("progress", {"g.claim_seq = j.claim_seq": "true", "j.claim_seq = g.claim_seq": "true"}, stale("progress")),
    ("progress", {"j.status = 'processing'": "true"}, on("progress", "completed")),
    ("progress", {"skip locked": ""}, progress.test_a_row_that_somebody_else_holds_is_not_waited_for),
    ("progress", {"on conflict (job_id, claim_seq, n) do nothing": ""},
     progress.test_the_same_report_sent_twice_keeps_one_part),
    ("progress", {"join held on held.id = g.id\n     where g.objects": "where g.objects"},
     progress.test_a_run_that_is_no_longer_the_jobs_own_draws_nothing),
    ("progress", {"where g.objects is not null": ""}, on("progress", "processing")),
    ("drop_parts", {"p.job_id = r.id and": ""}, recorder.test_what_an_ended_run_has_drawn_is_dropped_and_nothing_else),
    ("drop_parts", {" and p.claim_seq = r.claim_seq": ""},
     recorder.test_what_an_ended_run_has_drawn_is_dropped_and_nothing_else),
    ("release", {"delete from ai_job_parts where": "delete from ai_job_parts where false and"}, drawn("release")),
    ("reap", {"delete from ai_job_parts where": "delete from ai_job_parts where false and"}, drawn("reap")),
    ("release", {"job_id = any(array(select id from held))": "true"}, drawn("release")),
    ("forget_parts", {"and j.status = 'processing'": "and false"}, progress.test_what_a_deletion_by_hand_left_is_forgotten),
    ("changed", {"and p.claim_seq = j.claim_seq": ""}, READ_ON),
    ("changed", {"and a.claim_seq = j.claim_seq then": "then"}, READ_ON),
    ("changed", {"p.job_id = j.id and": ""}, READ_ON),
    ("changed", {"where j.user_id = any(cast(:users as text[]))": ""}, READ_ON),
    ("live", {"and p.claim_seq = j.claim_seq": ""}, READ_ON),
    ("live", {"p.n > r.after": "true"}, READ_ON),
    ("drawn", {"and j.user_id = :user_id": "and :user_id <> ''"}, progress.test_what_was_drawn_is_its_users_alone),
    ("drawn", {"and p.claim_seq = j.claim_seq": ""}, progress.test_what_was_drawn_is_its_users_alone),
    ("drawn", {"order by p.n": "order by -p.n"}, progress.test_what_was_drawn_is_its_users_alone),
    ("heartbeat", {"skip locked": ""},
     heartbeat.test_a_row_that_somebody_else_holds_costs_no_other_run_its_lease_and_no_other_process_its_beat),
    ("heartbeat", {"where :stands": "where :stands or true"}, heartbeat.test_who_does_not_stand_never_leads),
    ("heartbeat", {"where l.holder = excluded.holder or l.expires_at < clock_timestamp()": ""},
     heartbeat.test_nobody_else_leads_meanwhile),
    ("heartbeat", {"where l.holder = excluded.holder or": "where"},
     heartbeat.test_the_first_who_stands_leads_and_keeps_its_term_while_it_beats),
    ("heartbeat", {"where l.holder = excluded.holder or l.expires_at < clock_timestamp()":
      "where l.holder = excluded.holder"},
     heartbeat.test_a_lapsed_term_goes_to_whoever_asks_next_as_a_new_one),
    ("heartbeat", {" or l.expires_at < clock_timestamp())::int": ")::int"},
     heartbeat.test_the_last_holder_does_not_continue_a_lapsed_term_either),
    ("pauses", {"where resume_at is null or resume_at > clock_timestamp()": ""},
     (pauses.test_an_end_that_has_passed_ends_the_pause, {"moment": datetime(2000, 1, 1, tzinfo=UTC)})),
    ("end_pauses", {"where resume_at <= clock_timestamp()": ""},
     pauses.test_only_pauses_whose_time_is_over_are_taken_away),
    ("resume", {"where job_type = :job_type": "where :job_type <> ''"},
     pauses.test_the_pause_of_a_type_outlives_that_of_everything),
    ("next_due", {"(select min(resume_at) from ai_pauses)": "null"},
     pauses.test_the_next_due_time_is_that_of_a_pause_when_it_is_the_first),
    ("pause", {"case when p.resume_at <= clock_timestamp() then excluded.paused_at else p.paused_at end":
               "excluded.paused_at"},
     pauses.test_a_second_pause_of_the_same_takes_the_place_of_the_first),
    ("pause", {"case when p.resume_at <= clock_timestamp() then excluded.paused_at else p.paused_at end": "p.paused_at"},
     pauses.test_a_second_pause_of_the_same_takes_the_place_of_the_first),
    ("resign", {"and holder = :worker_id": "and :worker_id <> ''"}, heartbeat.test_only_the_leader_can_resign),
    ("leave", {"where id = :worker_id": "where :worker_id <> ''"},
     heartbeat.test_a_worker_shows_itself_and_is_gone_when_it_leaves),
    ("forget_workers", {"where seen_at < clock_timestamp() - interval '1 day'": ""},
     upkeep.test_workers_that_nobody_has_seen_for_a_day_are_forgotten),
    ("advance_clock", {"where clock.turn < excluded.turn": ""}, upkeep.test_the_clock_only_moves_forward),
    ("job", {"and user_id = :user_id": "and :user_id <> ''"}, queries.test_absent_and_foreign_jobs_look_the_same),
    ("page", {"where user_id = :user_id": "where :user_id <> ''"},
     queries.test_a_page_shows_ones_own_jobs_the_newest_first),
    ("stats", {"where user_id = :user_id": "where :user_id <> ''"},
     queries.test_stats_count_ones_own_jobs_and_name_every_state),
    ("queue_position", {"and me.user_id = :user_id": "and :user_id <> ''"},
     queries.test_another_users_job_has_no_position),
]  # fmt: skip

GUARDS = re.compile(
    r"\bstatus\s*(?:=|in\b)|\bclaim_seq = \w+\.claim_seq|\buser_id = :user_id"
    r"|\b(?:lease_expires_at|deadline_at|completed_at) <"
    r"|\bnext_processing_at (?:<=|is null)|\bjob_type = any|\bskip locked|\bholder = [:e]\w+|\(j\.turn, j\.seq\) >="
)
GUARD_LINE = re.compile(r"^\s*(?:where|and|on)\b.*|^.*\bjoin\b.*\bon\b.*|^.*\bskip locked.*", re.MULTILINE)


@pytest.mark.parametrize(
    ("name", "changes", "test"), MUTANTS, ids=[f"{n}-{name}" for n, (name, _, _) in enumerate(MUTANTS)]
)
def test_without_its_guard_a_statement_fails_the_test_of_it(conn, engine, name, changes, test):
    check, given = test if isinstance(test, tuple) else (test, {})
    fixtures = {"conn": conn, "engine": engine}
    wanted = {word: fixtures[word] for word in inspect.signature(check).parameters if word in fixtures}
    with kit.mutated(name, *changes.items()), pytest.raises(FAILED) as failed:
        check(**wanted, **given)
    assert not refused_as_nonsense(failed.value), "the mutant is no statement at all"


def refused_as_nonsense(error: BaseException) -> bool:
    return str(getattr(getattr(error, "orig", None), "pgcode", "")).startswith(
        "42"
    )  # SQLSTATE: syntax error and the like


@pytest.mark.parametrize("name", [*ARROWS, "heartbeat", "progress"])
def test_every_guard_has_its_mutant(name):
    taken_out = " ".join(fragment for of, changes, _ in MUTANTS if of == name for fragment in changes)
    lines = " ".join(GUARD_LINE.findall(code(SQL[name])))
    assert set(GUARDS.findall(lines)) - set(GUARDS.findall(taken_out)) == set()

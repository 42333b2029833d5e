"""The table in jobs/states.py and the statements in jobs/sql/ say the same."""

import re
from importlib.resources import files
from pathlib import Path

import pytest

from jobs.states import FINAL, LIVE, TRANSITIONS, State

ROOT = Path(__file__).parents[2]
SQL = {path.name[:-4]: path.read_text() for path in files("jobs.sql").iterdir() if path.name.endswith(".sql")}
ARROWS = sorted(TRANSITIONS)

WRITES = re.compile(r"\b(insert\s+into|update|delete\s+from|truncate(?:\s+table)?)\s+ai_jobs\b", re.IGNORECASE)
SET = re.compile(r"(?ims)^\s*update\s+ai_jobs\b.*?\bset\b(.*?)^\s*(?:from|where)\b")
GUARD = re.compile(r"(?ims)^\s*(?:update|delete\s+from)\s+ai_jobs\b.*?^\s*where\b(.*?)^\s*returning\b")
ONE_OF = re.compile(r"\bstatus\s*=\s*'(\w+)'|\bstatus\s+in\s*\(([^)]*)\)")


def code(sql: str) -> str:
    """The statement without its comments."""
    return re.sub(r"--.*", "", sql)


def moves_a_job(sql: str) -> bool:
    """Whether it makes or deletes a row, or writes one of the two columns that say what state a job is in."""
    made_or_deleted = re.search(r"\b(insert\s+into|delete\s+from)\s+ai_jobs\b", code(sql))
    written = " ".join(SET.findall(code(sql)))
    return bool(made_or_deleted or re.search(r"\b(status|next_processing_at)\s*=", written))


def states_in(condition: str) -> set[str]:
    found = [one or many for one, many in ONE_OF.findall(condition)]
    return {state.strip(" '\n") for group in found for state in group.split(",")}


def test_every_statement_that_moves_a_job_is_in_the_table_and_the_reverse():
    assert sorted(name for name, sql in SQL.items() if moves_a_job(sql)) == ARROWS


@pytest.mark.parametrize("name", ARROWS)
def test_the_first_line_names_the_arrow(name):
    sources, targets = (" | ".join(states) for states in TRANSITIONS[name])
    assert SQL[name].splitlines()[0] == " ".join(word for word in ("--", f"{name}:", sources, "->", targets) if word)


@pytest.mark.parametrize("name", [name for name in ARROWS if TRANSITIONS[name][0]])
def test_the_write_itself_is_guarded_by_the_states_that_the_arrow_comes_from(name):
    guards = GUARD.findall(code(SQL[name]))
    assert [states_in(guard) for guard in guards] == [set(TRANSITIONS[name][0])]


@pytest.mark.parametrize("name", ARROWS)
def test_a_statement_speaks_of_no_other_states_than_its_arrow_names(name):
    quoted = set(re.findall(r"'(\w+)'", code(SQL[name]))) & set(State)
    sources, targets = TRANSITIONS[name]
    assert quoted <= {*sources, *targets}


def test_nothing_else_writes_jobs():
    allowed = {f"jobs/sql/{name}.sql" for name in [*TRANSITIONS, "heartbeat", "progress"]}
    folders = [ROOT / name for name in ("jobs", "scheduler", "api", "cli")]
    sources = [path for folder in folders for path in folder.rglob("*") if path.suffix in (".py", ".sql")]
    sources += [ROOT / "main.py"] if (ROOT / "main.py").exists() else []
    writers = {str(path.relative_to(ROOT)) for path in sources if WRITES.search(code(path.read_text()))}
    assert writers == allowed


def test_the_fence_is_raised_by_claim_requeue_and_redrive_alone():
    raised = {name for name, sql in SQL.items() if re.search(r"\bclaim_seq\s*=\s*(j\.)?claim_seq \+ 1", code(sql))}
    written = {name for name, sql in SQL.items() if re.search(r"\bclaim_seq\s*=", " ".join(SET.findall(code(sql))))}
    assert raised == written == {"claim", "claim_capped", "requeue", "redrive"}


def test_every_state_can_be_reached_and_every_live_one_can_be_left():
    reached = {state for _, targets in TRANSITIONS.values() for state in targets}
    left = {state for sources, _ in TRANSITIONS.values() for state in sources}
    assert reached == left == LIVE | FINAL == set(State)


def test_python_takes_no_clock_into_a_statement():
    """Only PostgreSQL's clock decides: now() stands still in a transaction, and a worker's clock may be wrong."""
    assert [
        name for name, sql in SQL.items() if re.search(r"(?<!clock_timestamp)\bnow\(\)|current_timestamp", sql)
    ] == []

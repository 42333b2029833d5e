import json

import pytest
from click.testing import CliRunner

import main


@pytest.fixture
def run(conn, database_url, monkeypatch):
    """run(words) -> (exit code, what it printed); `run.json(words)` -> the same command's JSON."""
    monkeypatch.setenv("DATABASE_URL", database_url)

    def run(*words):
        done = CliRunner().invoke(main.main, ["jobs", *words])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.output

    def as_json(*words):
        code, printed = run(*words, "--json")
        assert code == 0, printed
        return json.loads(printed)

    run.json = as_json
    return run

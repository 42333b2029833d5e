import sys

import pytest

from jobs import handlers
from jobs.errors import SetupError
from jobs.outcomes import Done
from tests.handler_kit import make_run


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A function that makes a module of this source on the path, and returns its name."""
    monkeypatch.syspath_prepend(tmp_path)
    names = []

    def write(source, name="team_jobs"):
        (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
        names.append(name)
        return name

    yield write
    for name in names:
        sys.modules.pop(name, None)


SAY = "from jobs.outcomes import Done\ndef say(run):\n    return Done({'said': run.request['text']})\n"


def test_create_canvas_is_always_there():
    assert list(handlers.build(None)) == ["create_canvas"]


def test_a_teams_own_job_type_stands_beside_ours(module):
    built = handlers.build(None, [module(SAY + "HANDLERS = {'say': say}")])
    assert list(built) == ["create_canvas", "say"]
    assert built["say"](make_run(request={"text": "hi"})) == Done({"said": "hi"})


def refusal(modules):
    with pytest.raises(SetupError) as refused:
        handlers.build(None, modules)
    return str(refused.value)


def test_a_module_that_is_not_there_is_named_with_the_place_and_the_cure():
    told = refusal(["no.such.module"])
    assert "config.yaml: handlers: 'no.such.module'" in told
    assert "correct the name" in told


@pytest.mark.parametrize("source", ["import no_such_package", "def broken(:"])
def test_a_module_that_does_not_import_is_named(module, source):
    told = refusal([module(source)])
    assert "'team_jobs' cannot be imported" in told
    assert "mend the module" in told


@pytest.mark.parametrize("source", ["", "HANDLERS = ['say']", "HANDLERS = None"])
def test_a_module_without_handlers_is_told_what_to_add(module, source):
    assert "add HANDLERS = {" in refusal([module(source)])


@pytest.mark.parametrize("entry", ["'say': 7", "7: say", "'': say"])
def test_an_entry_that_is_no_name_and_function_is_refused(module, entry):
    assert "must map names to functions" in refusal([module(f"{SAY}HANDLERS = {{{entry}}}")])


def test_a_name_that_is_taken_says_by_whom_and_the_cure(module):
    ours = module(SAY + "HANDLERS = {'create_canvas': say}")
    told = refusal([ours])
    assert "'create_canvas' is already handled by jobs.handlers" in told
    assert "another name" in told


def test_two_modules_may_not_share_a_name(module):
    first = module(SAY + "HANDLERS = {'say': say}", "team_one")
    second = module(SAY + "HANDLERS = {'say': say}", "team_two")
    assert "'say' is already handled by team_one" in refusal([first, second])


def test_a_module_listed_twice_is_refused(module):
    name = module(SAY + "HANDLERS = {'say': say}")
    assert f"already handled by {name}" in refusal([name, name])

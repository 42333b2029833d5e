"""The file is followed while it runs: what is sound is taken as a whole, what is not changes nothing."""

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from config import ConfigError, Current, current, file
from tests.hot.kit import Tuned, age, replace
from tests.scheduler.kit import until

POLL = "scheduler: {poll_every_s: 2}"


@pytest.fixture
def tuned(tmp_path: Path) -> Tuned:
    return Tuned(tmp_path, log={"level": "info"})


def said(caplog: pytest.LogCaptureFixture, level: int = logging.INFO) -> list[str]:
    lines = [record.getMessage() for record in caplog.records if record.levelno >= level]
    caplog.clear()
    return lines


@pytest.fixture(autouse=True)
def all_lines(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="config.current")


def test_a_change_is_taken_as_a_whole_and_told_with_old_and_new_values(tuned: Tuned, caplog: pytest.LogCaptureFixture):
    heard: list[float] = []
    tuned.current.subscribe(lambda settings: heard.append(settings.scheduler.poll_every_s))
    began = tuned.current.taken()
    tuned.put("scheduler: {poll_every_s: 2, seats: 4}\njobs: {max_concurrent_jobs: null, run_timeout_s: {draw: 5}}")
    assert (tuned.settings.scheduler.poll_every_s, tuned.settings.seats, tuned.settings.run_timeout_s("draw")) == (
        2,
        4,
        5,
    )
    assert ", ".join(said(caplog)) == (
        "config.yaml is taken, generation 2: scheduler.seats null -> 4, scheduler.poll_every_s 5 -> 2, "
        "jobs.max_concurrent_jobs 3 -> null, jobs.run_timeout_s.create_canvas 180 -> null, "
        "jobs.run_timeout_s.draw null -> 5"
    )
    taken = tuned.current.taken()
    assert (began.generation, taken.generation, taken.fault, taken.refused) == (1, 2, None, 0)
    assert taken.taken_at > began.taken_at
    assert heard == [2]


def test_one_look_is_not_enough_for_it_may_meet_a_file_half_written(tuned: Tuned, caplog: pytest.LogCaptureFixture):
    """The first half of a file is often sound, and would set everything that follows to its default."""
    tuned.file.write_text("scheduler: {poll_every_s: 2}\n")
    tuned.current.look()
    tuned.file.write_text("scheduler: {poll_every_s: 2}\njobs: {max_concurrent_jobs: 9}\n")
    tuned.current.look()
    assert (tuned.current.taken().generation, said(caplog)) == (1, [])
    tuned.current.look()
    assert (tuned.settings.jobs.max_concurrent_jobs, tuned.current.taken().generation) == (9, 2)


def test_what_says_the_same_is_no_change(tuned: Tuned, caplog: pytest.LogCaptureFixture):
    heard: list[object] = []
    tuned.current.subscribe(heard.append)
    tuned.put("# a comment\nlog:\n  level: info\n")
    assert (tuned.current.taken().generation, heard, said(caplog)) == (1, [], [])


def test_the_environment_still_wins_and_is_that_of_the_start(tmp_path: Path):
    environ = {"YARD_SCHEDULER__POLL_EVERY_S": "7", "JWT_SECRET": "hush" * 9}
    tuned = Tuned(tmp_path, environ)
    environ.update(YARD_JOBS__MAX_RETRIES="9")
    tuned.put(POLL + "\njobs: {retention_days: 3}")
    found = tuned.settings
    assert (found.scheduler.poll_every_s, found.jobs.retention_days, found.jobs.max_retries) == (7, 3, 3)
    assert found.environment.jwt_secret is not None
    assert found.environment.jwt_secret.get_secret_value() == "hush" * 9


def rewritten(file: Path, content: bytes) -> None:
    file.write_bytes(content)


def linked(file: Path, content: bytes) -> None:
    """As Kubernetes shows a config map: file -> ..data/config.yaml, ..data -> a folder; the link in between is swapped."""
    folder = file.parent / f"..{len(list(file.parent.iterdir()))}"
    folder.mkdir()
    (folder / file.name).write_bytes(content)
    data, new = file.parent / "..data", file.parent / "..data_tmp"
    new.symlink_to(folder.name)
    new.rename(data)
    if not file.is_symlink():
        file.unlink()
        file.symlink_to(Path("..data") / file.name)


@pytest.mark.parametrize("write", [rewritten, replace, linked])
def test_a_file_is_seen_to_change_however_it_is_written(tmp_path: Path, write: Callable[[Path, bytes], None]):
    path = tmp_path / "config.yaml"
    path.write_bytes(b"{}")
    write(path, b"scheduler: {poll_every_s: 1}")
    following = Current(path, {})
    for value in (2, 3, 4):  # all as long as one another
        age(path)
        for _ in range(2):
            following.look()
        write(path, b"scheduler: {poll_every_s: %d}" % value)
        age(path)
        for _ in range(2):
            following.look()
        assert following.read().scheduler.poll_every_s == value


def test_a_file_that_was_written_twice_in_one_moment_is_read_to_the_end(tuned: Tuned):
    """A file system's clock ticks a few hundred times a second; what was written later may look the same."""
    tuned.file.write_text("scheduler: {poll_every_s: 2}")
    status = tuned.file.stat()
    tuned.look()
    tuned.file.write_text("scheduler: {poll_every_s: 3}")
    os.utime(tuned.file, ns=(status.st_atime_ns, status.st_mtime_ns))
    tuned.look()
    assert tuned.settings.scheduler.poll_every_s == 3


def test_what_nobody_touches_is_not_read_again(tuned: Tuned, monkeypatch: pytest.MonkeyPatch):
    age(tuned.file)
    tuned.current.look()
    monkeypatch.setattr(file, "read", lambda _path: pytest.fail("it was read"))
    tuned.look()


def test_what_is_so_young_that_it_may_change_unseen_is_read_at_every_look(
    tuned: Tuned, monkeypatch: pytest.MonkeyPatch
):
    reads: list[Path] = []
    real = file.read
    monkeypatch.setattr(file, "read", lambda path: reads.append(path) or real(path))
    tuned.put(POLL)
    tuned.look()
    assert len(reads) == 4


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not read")
def test_a_file_that_could_not_be_read_is_tried_again_although_nothing_touched_it(tuned: Tuned):
    tuned.file.chmod(0o600)
    tuned.file.parent.chmod(0o755)
    tuned.file.write_text(POLL)
    age(tuned.file)
    found = file.Followed(tuned.file)
    os.seteuid(65534)
    try:
        refused = [found.look(), found.look()]
    finally:
        os.seteuid(0)
    assert all(one.problem for one in refused)
    assert found.look().content == POLL.encode()


BROKEN = {
    "empty": (b"", "sets nothing, as a file looks that is still being written: write {} to mean all defaults"),
    "comments alone": (b"# all gone\n---\n", "sets nothing, as a file looks that is still being written"),
    "half written": (b"scheduler: {poll_ev", "line 1, column 20: expected ',' or '}', but got '<stream end>'"),
    "unknown setting": (
        b"scheduler: {pol_every_s: 2}",
        "scheduler.pol_every_s: unknown setting; did you mean poll_every_s?",
    ),
    "out of bounds": (b"jobs: {max_retries: 0}", "jobs.max_retries: must be >= 1"),
    "against a rule": (
        b"jobs: {backoff: {base_s: 7200}}",
        "jobs.backoff.cap_s: must be at least jobs.backoff.base_s = 7200",
    ),
    "too large": (b"#" * 300_000, "must be at most 262144 bytes long"),
    "an alias bomb": (
        b"a: &a [1]\nb: &b [*a,*a,*a]\nc: [*b,*b,*b]",
        "line 1, column 4: anchors and aliases are not allowed",
    ),
    "not UTF-8": (b"log: {level: \xff}", "must be UTF-8 text"),
    "no mapping": (b"- a list", "must be a mapping of sections"),
    "too deep": (b"a: " + b"[" * 3000, "line 1, column 23: more than 20 levels"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_broken_changes_nothing_and_is_told_once(tuned: Tuned, caplog: pytest.LogCaptureFixture, case: str):
    content, fault = BROKEN[case]
    tuned.put(POLL)
    force = tuned.settings
    caplog.clear()
    tuned.put(content)
    tuned.look()
    assert tuned.settings is force
    (told,) = said(caplog)
    assert told.startswith(f"config.yaml is refused, generation 2 stays in force: {tuned.file}: ")
    taken = tuned.current.taken()
    assert (taken.generation, taken.refused) == (2, 1)
    assert (taken.fault or "").startswith(f"config.yaml: {fault}")


def test_a_file_that_means_all_defaults_says_so(tuned: Tuned):
    tuned.put(POLL)
    tuned.put("{}")
    assert (tuned.settings.scheduler.poll_every_s, tuned.current.taken().fault) == (5, None)


@contextmanager
def removed(tuned: Tuned) -> Iterator[None]:
    content = tuned.file.read_bytes()
    tuned.file.unlink()
    yield
    tuned.file.write_bytes(content)


@contextmanager
def a_folder(tuned: Tuned) -> Iterator[None]:
    with removed(tuned):
        tuned.file.mkdir()
        yield
        tuned.file.rmdir()


@contextmanager
def a_pipe(tuned: Tuned) -> Iterator[None]:
    with removed(tuned):
        os.mkfifo(tuned.file)
        yield
        tuned.file.unlink()


@contextmanager
def forbidden(tuned: Tuned) -> Iterator[None]:
    """root may read everything, so somebody else looks."""
    tuned.file.chmod(0)
    was = os.geteuid()
    if was == 0:
        os.seteuid(65534)
    yield
    os.seteuid(was)
    tuned.file.chmod(0o644)


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        (removed, "cannot be read: No such file or directory"),
        (a_folder, "is not a file any more"),
        (a_pipe, "is not a file any more"),
        (forbidden, "cannot be read: Permission denied"),
    ],
)
def test_a_file_that_cannot_be_read_for_a_while_is_missed_once_and_taken_again(
    tuned: Tuned, caplog: pytest.LogCaptureFixture, broken: Callable[[Tuned], contextmanager], fault: str
):
    tuned.put(POLL)
    age(tuned.file)
    tuned.look()
    caplog.clear()
    with broken(tuned):
        tuned.look()
        tuned.look()
        assert (tuned.current.taken().fault or "").startswith(f"config.yaml: {fault}")
        assert len(said(caplog)) == 1
        assert tuned.settings.scheduler.poll_every_s == 2
    tuned.look()
    assert said(caplog) == ["config.yaml is taken again, generation 2: nothing changes"]
    assert (tuned.current.taken().fault, tuned.current.taken().refused) == (None, 1)


def test_each_broken_content_is_told_and_the_mending_too(tuned: Tuned, caplog: pytest.LogCaptureFixture):
    tuned.put("jobs: {max_retries: 0}")
    tuned.put("jobs: {max_retries: 0} # the same fault in another file")
    assert len(said(caplog, logging.ERROR)) == 2
    tuned.put(POLL)
    assert said(caplog) == ["config.yaml is taken again, generation 2: scheduler.poll_every_s 5 -> 2"]
    assert (tuned.current.taken().fault, tuned.current.taken().refused) == (None, 2)


def test_health_may_tell_strangers_the_fault_but_not_what_stands_there(tuned: Tuned, caplog: pytest.LogCaptureFixture):
    tuned.put("log: {level: sk-hush, format: 5}")
    fault = tuned.current.taken().fault or ""
    assert fault == "config.yaml: log.level: must be 'debug', 'info', 'warning' or 'error'; and 1 more"
    assert "sk-hush" in said(caplog)[0]  # as at a start: the log is the operator's


def test_a_file_of_faults_does_not_flood_the_log(tuned: Tuned, caplog: pytest.LogCaptureFixture):
    tuned.put("\n".join(f"x{n}: 1" for n in range(5000)))
    (told,) = said(caplog)
    assert told.endswith("; and 4980 more")
    assert len(told) < 20 * 200


def test_a_setting_that_needs_a_restart_is_told_once_and_stays(tuned: Tuned, caplog: pytest.LogCaptureFixture):
    later = "database: {pool_size: 9}\nscheduler: {embedded: false, lease_s: 60}\n"
    tuned.put(later)
    assert said(caplog) == [
        "config.yaml is taken, generation 2: nothing changes",
        "database.pool_size: restart to apply; still 5",
        "scheduler.embedded: restart to apply; still true",
        "scheduler.lease_s: restart to apply; still 30",
    ]
    tuned.put(later + "jobs: {max_retries: 4}")
    assert said(caplog) == ["config.yaml is taken, generation 3: jobs.max_retries 3 -> 4"]
    found = tuned.settings
    assert (found.database.pool_size, found.scheduler.embedded, found.scheduler.lease_s) == (5, True, 30)
    tuned.put("jobs: {max_retries: 4}")  # back to what is in force: nothing waits for a restart any more
    assert said(caplog) == ["config.yaml is taken, generation 4: nothing changes"]
    assert Current(tuned.file, {}).read().jobs.max_retries == 4


def test_who_cannot_follow_a_change_keeps_nobody_else_from_it(tuned: Tuned, caplog: pytest.LogCaptureFixture):
    heard: list[int] = []
    tuned.current.subscribe(lambda _settings: 1 / 0)
    tuned.current.subscribe(lambda settings: heard.append(settings.jobs.max_retries))
    tuned.put("jobs: {max_retries: 4}")
    tuned.put("jobs: {max_retries: 5}")
    assert heard == [4, 5]
    assert "could not be followed" in caplog.text


def test_a_thread_follows_the_file_until_it_is_ended(tuned: Tuned, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(current, "LOOK_EVERY_S", 0.01)
    stop = tuned.current.follow()
    (thread,) = [one for one in threading.enumerate() if one.name == "config"]
    replace(tuned.file, POLL.encode())
    until(lambda: tuned.settings.scheduler.poll_every_s == 2)
    failed: list[int] = []
    with monkeypatch.context() as patch:
        patch.setattr(tuned.current, "look", lambda: failed.append(1) or 1 / 0)  # whatever happens, it goes on
        until(lambda: len(failed) > 1)
    replace(tuned.file, b"scheduler: {poll_every_s: 3}")
    until(lambda: tuned.settings.scheduler.poll_every_s == 3)
    stop()
    thread.join(10)
    assert not thread.is_alive()


def test_a_process_does_not_start_on_a_broken_file(tmp_path: Path):
    broken = tmp_path / "config.yaml"
    broken.write_text("jobs: {max_retries: 0}")
    with pytest.raises(ConfigError, match="max_retries"):
        Current(broken, {})

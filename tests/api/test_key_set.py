"""Keys are there before they are asked for, serve through outages, and cost the provider next to nothing."""

import logging
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from api import key_set
from api.key_set import PAUSE_S, RETRY_S, AuthUnavailable, KeySet, fetched
from tests.api.provider import BROKEN, Provider, jwk, plainly, rsa_key
from tests.api.server_process import until

REFRESH_S, KEEP_S = 300.0, 3600.0


class Followed(KeySet):
    """A key set with its thread, whose clock a test can put forward."""

    def __init__(self, provider, *, refresh_s=REFRESH_S, keep_s=KEEP_S):
        self.ahead_s = 0.0
        rules = provider.rules()
        super().__init__(
            lambda: fetched(rules),
            refresh_s=refresh_s,
            keep_s=keep_s,
            clock=lambda: time.monotonic() + self.ahead_s,
        )
        self.begin()

    def later(self, seconds):
        with self._changed:
            self.ahead_s += seconds
            self._changed.notify_all()

    def rested(self):
        """Waits until no fetch is under way."""
        until(lambda: self._pending_s is None, "the fetch to end")
        return self

    def has(self, kid):
        return self.find(kid) is not None

    def is_unsure_of(self, kid):
        try:
            self.find(kid)
        except AuthUnavailable:
            return True
        return False


@pytest.fixture
def provider():
    made = Provider(jwk(rsa_key(), "a"))
    yield made
    made.close()


@pytest.fixture
def keys(provider):
    found = Followed(provider).rested()
    assert found.has("a")
    return found


def test_many_questions_cost_one_fetch(provider):
    keys = Followed(provider)
    with ThreadPoolExecutor(50) as pool:
        assert all(pool.map(lambda _: keys.has("a"), range(1000)))
    assert provider.fetches == 1


def test_ten_thousand_unknown_kids_cost_one_fetch(provider, keys):
    keys.later(PAUSE_S + 1)
    with ThreadPoolExecutor(50) as pool:
        assert not any(pool.map(lambda n: keys.has(f"unknown-{n}"), range(10_000)))
    assert provider.fetches == 2
    assert keys.has("a")
    assert not keys.has("unknown")
    assert provider.fetches == 2
    keys.later(PAUSE_S + 1)
    assert not keys.has("unknown")
    assert provider.fetches == 3


def test_a_new_key_is_found_when_its_first_token_comes(provider, keys):
    provider.publish(jwk(rsa_key(), "a"), jwk(rsa_key("b"), "b"))
    keys.later(PAUSE_S + 1)
    assert keys.has("b")
    assert keys.has("a")


def test_new_keys_are_there_before_they_are_asked_for_and_old_ones_go(provider, keys):
    provider.publish(jwk(rsa_key("b"), "b"))
    assert keys.has("a")
    keys.later(REFRESH_S + 1)
    until(lambda: provider.fetches == 2, "a fetch that nobody asked for")
    keys.rested()
    assert keys.has("b")
    assert not keys.has("a")
    assert provider.fetches == 2


def test_a_key_may_change_under_its_name(provider, keys):
    before = keys.find("a").public_numbers()
    provider.publish(jwk(rsa_key("b"), "a"))
    keys.later(REFRESH_S + 1)
    until(lambda: keys.find("a").public_numbers() != before, "the other key")


def test_known_keys_serve_while_a_fetch_hangs(provider, keys):
    provider.answer = provider.hold
    keys.later(REFRESH_S + 1)
    until(lambda: provider.fetches == 2, "the fetch")
    assert all(keys.has("a") for _ in range(100))
    assert keys._pending_s is not None


@pytest.mark.parametrize("known", [True, False], ids=["an unknown kid", "the first fetch"])
def test_who_asks_waits_for_a_provider_only_so_long(provider, monkeypatch, known):
    """The fetch itself would take longer than this test may."""
    monkeypatch.setattr(key_set, "FETCH_S", 1000.0)
    monkeypatch.setattr(key_set, "WAIT_S", 0.2)
    keys = Followed(provider).rested() if known else None
    provider.answer = provider.hold
    keys = keys or Followed(provider)
    keys.later(PAUSE_S + 1) if known else None
    with ThreadPoolExecutor(50) as pool:
        assert all(pool.map(keys.is_unsure_of, ["b"] * 100))
    until(lambda: provider.fetches == 1 + known, "one fetch and no more")
    assert not known or keys.has("a")


@pytest.fixture(params=BROKEN)
def case(request, monkeypatch):
    if "never end" in request.param:
        monkeypatch.setattr(key_set, "FETCH_S", 0.5)
    return request.param


def test_a_broken_answer_changes_nothing_and_is_an_outage(provider, keys, case):
    provider.answer = BROKEN[case]
    keys.later(PAUSE_S + 1)
    assert keys.is_unsure_of("b")
    keys.rested()
    assert keys.has("a")
    assert keys.is_unsure_of("b")
    until(lambda: provider.fetches == 2, "one fetch and no more")


def test_a_provider_that_never_answered_well_leaves_all_unsure(provider, case):
    provider.answer = BROKEN[case]
    keys = Followed(provider)
    assert keys.is_unsure_of("a")
    keys.rested()
    with ThreadPoolExecutor(50) as pool:
        assert all(pool.map(keys.is_unsure_of, ["a"] * 1000))
    until(lambda: provider.fetches == 1, "one fetch and no more")
    provider.publish(jwk(rsa_key(), "a"))
    keys.later(RETRY_S + 1)
    until(lambda: not keys.is_unsure_of("a"), "the recovery")
    assert keys.has("a")


def test_keys_serve_through_an_outage_for_a_stated_time(provider, keys):
    provider.stop()
    keys.later(REFRESH_S + 1)
    until(lambda: keys._is_away, "a failed fetch")
    assert keys.has("a")
    assert keys.is_unsure_of("b")
    keys.later(KEEP_S - REFRESH_S - 60)
    assert keys.has("a")
    keys.later(61)
    assert keys.is_unsure_of("a")
    assert keys.is_unsure_of("b")
    provider.start()
    keys.later(RETRY_S + 1)
    until(lambda: not keys.is_unsure_of("a"), "the recovery")
    assert keys.has("a")
    assert not keys.has("b")


def test_nobody_waits_during_an_outage_even_while_it_is_looked_at_again(provider, keys, monkeypatch):
    monkeypatch.setattr(key_set, "WAIT_S", 1000.0)
    provider.answer = plainly(b"", 500)
    keys.later(PAUSE_S + 1)
    assert keys.is_unsure_of("b")
    monkeypatch.setattr(key_set, "FETCH_S", 1000.0)
    provider.answer = provider.hold
    keys.later(RETRY_S + 1)
    until(lambda: provider.fetches == 3, "the next try")
    assert keys.is_unsure_of("b")
    assert keys._pending_s is not None


def test_an_outage_is_told_once_and_so_is_its_end(provider, caplog):
    with caplog.at_level(logging.INFO, "api.key_set"):
        keys = Followed(provider).rested()
        provider.answer = plainly(b"secret words of the provider", 500)
        for fetches in (2, 3, 4):
            keys.later(REFRESH_S + 1)
            until(lambda count=fetches: provider.fetches == count, "a fetch")
            keys.rested()
        provider.publish(jwk(rsa_key(), "a"))
        keys.later(RETRY_S + 1)
        until(lambda: not keys._is_away, "the recovery")
    told = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert [level for level, _ in told] == ["INFO", "WARNING", "INFO"]
    assert told[0][1] == "the key set is here, with the keys a"
    assert told[1][1].startswith("the key set of api.auth.jwks_url: it answers 500; known keys serve for 3")
    assert "secret" not in caplog.text


def test_what_nobody_thought_of_is_an_outage_and_not_the_end(provider, keys, monkeypatch, caplog):
    monkeypatch.setattr(key_set, "usable_keys", lambda *_: 1 / 0)
    keys.later(PAUSE_S + 1)
    assert keys.is_unsure_of("b")
    assert "ZeroDivisionError" in caplog.text
    assert keys.has("a")
    assert keys.problem() is None
    monkeypatch.undo()
    keys.later(RETRY_S + 1)
    until(lambda: not keys.is_unsure_of("b"), "the recovery")


def test_a_problem_is_told_while_there_are_no_keys_or_only_too_old_ones(provider):
    provider.answer = plainly(b"", 500)
    keys = Followed(provider).rested()
    assert "too old" in keys.problem()
    provider.publish(jwk(rsa_key(), "a"))
    keys.later(RETRY_S + 1)
    until(lambda: keys.problem() is None, "the keys")
    provider.answer = plainly(b"", 500)
    keys.later(REFRESH_S + 1)
    until(lambda: keys._is_away, "a failed fetch")
    assert keys.problem() is None
    keys.later(KEEP_S - REFRESH_S)
    assert "too old" in keys.problem()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # it is what the test is about
def test_the_end_of_the_thread_is_a_problem_although_the_keys_are_new(provider, keys, monkeypatch):
    monkeypatch.setattr(key_set, "usable_keys", exits)
    assert keys.problem() is None
    keys.later(REFRESH_S + 1)
    until(lambda: "has ended" in (keys.problem() or ""), "the thread's end")
    assert keys.has("a")


def exits(*_):
    raise SystemExit

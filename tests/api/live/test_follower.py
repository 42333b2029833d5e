"""What waits for a slow reader is bounded, in order, and never loses an ending."""

from dataclasses import replace

from api.live import follower
from api.live.events import Event, Message, Part
from api.live.follower import MOST, Follower


def event(job: str, version: int, *parts: Part, ended: bool = False, claim_seq: int = 1, after: int = 0) -> Event:
    """`parts` are those after `after`, or the first of them says it."""
    after = parts[0].n - 1 if parts else after
    return Event(job, version, ended, Message(f"{job} {version}", {}), claim_seq, after, parts)


def part(n: int, *ids: str, anew: bool = False) -> Part:
    """Each object says which part it is of."""
    return Part(n, anew or n == 1, [{"id": name, "of": n} for name in ids])


def texts(messages: list[Message]) -> list[str]:
    return [one.name for one in messages]


def drawn(messages: list[Message]) -> list[tuple[str, bool]]:
    """For each message its objects, as "a1 b2" (id and part), and whether they begin anew."""
    return [
        (" ".join(f"{obj['id']}{obj['of']}" for obj in one.data.get("objects", ())), one.data.get("anew", False))
        for one in messages
    ]


def test_of_each_job_only_the_newest_event_waits():
    one = Follower("ann")
    for told in (event("a", 1), event("b", 1), event("a", 3), event("a", 2)):
        one.put(told)
    assert texts(one.take()) == ["b 1", "a 3"]
    assert one.take() == []


def test_what_was_told_is_not_told_again_and_nothing_older_either():
    one = Follower("ann")
    for version, ended in ((2, False), (2, False), (1, False), (3, True), (3, True), (2, False)):
        one.put(event("a", version, ended=ended))
        one.take()
    one.put(event("a", 3, ended=True))
    assert one.take() == []
    one.put(event("a", 4))  # it was opened again
    assert texts(one.take()) == ["a 4"]


def test_only_jobs_whose_end_was_not_told_are_live():
    one = Follower("ann")
    one.put(event("a", 1))
    one.put(event("b", 1, ended=True))
    assert one.live_jobs() == ["a"]
    one.put(event("a", 2, ended=True))
    assert one.live_jobs() == []


def test_a_slow_reader_loses_updates_and_no_ending():
    one = Follower("ann")
    for number in range(MOST):
        one.put(event(f"job {number}", 1, ended=number % 2 == 0))
    one.put(event("last", 1, ended=True))
    assert not one.overrun
    told = texts(one.take())
    assert len(told) == MOST
    assert "job 1 1" not in told
    assert len([text for text in told if text.startswith("job") and int(text.split()[1]) % 2 == 0]) == MOST // 2
    one.put(event("job 1", 1))
    assert texts(one.take()) == ["job 1 1"]  # it may be told later


def test_a_job_whose_update_a_slow_reader_has_lost_is_still_looked_at_or_its_end_could_go_unheard():
    one = Follower("ann")
    one.put(event("live", 1))
    one.take()
    one.put(event("live", 2))
    for number in range(MOST):
        one.put(event(str(number), 1, ended=True))
    assert one.live_jobs() == ["live"]
    assert "live 2" not in texts(one.take())
    one.put(event("live", 3, ended=True))
    assert texts(one.take()) == ["live 3"]


def test_of_deleted_jobs_the_end_is_told_of_those_that_were_live():
    one = Follower("ann")
    one.put(event("live", 4))
    one.put(event("over", 2, ended=True))
    one.take()
    for _ in range(2):
        one.gone({"live", "over", "never heard of"})
    [told] = one.take()
    assert (told.name, told.data["job_id"], told.data["status"]) == ("ai_job_error", "live", "cancelled")
    assert told.data["version"] == 5
    assert one.live_jobs() == []


def test_a_reader_that_is_too_slow_even_for_the_endings_has_to_go():
    one = Follower("ann")
    for number in range(MOST):
        one.put(event(str(number), 1, ended=True))
    assert not one.overrun
    one.put(event("last", 1, ended=True))
    assert one.overrun
    one.put(event("later", 1, ended=True))
    assert one.take() == []


def large(job: str, version: int, chars: int) -> Event:
    ended = event(job, version, ended=True)
    return replace(ended, message=ended.message._replace(result="x" * chars))


def test_a_reader_that_is_too_slow_for_what_its_jobs_have_made_has_to_go_and_nothing_more_is_kept(monkeypatch):
    monkeypatch.setattr(follower, "MOST_CHARS", 10)
    one = Follower("ann")
    for turn in range(3):  # what is taken, and what a newer event replaces, waits no more
        one.put(large("a", 2 * turn + 1, 10))
        one.put(large("a", 2 * turn + 2, 6))
        one.put(large(f"b {turn}", 1, 4))
        assert not one.overrun
        assert len(one.take(most=1) + one.take()) == 2
    one.put(event("an update", 1))
    one.put(large("c", 1, 11))
    assert one.overrun
    one.put(event("d", 1, ended=True))
    assert (one.take(), one.live_jobs()) == ([], [])


def test_what_is_remembered_of_ended_jobs_is_bounded(monkeypatch):
    monkeypatch.setattr(follower, "MOST", 3)
    one = Follower("ann")
    for number in range(10):
        one.put(event(str(number), 1, ended=True))
        one.take()
    assert list(one._ended) == ["7", "8", "9"]


def test_a_waiting_reader_is_woken_by_news_and_by_the_end():
    """It finds then what it was woken for."""
    found: list[tuple[list[str], bool]] = []
    one = Follower("ann", lambda: found.append((texts(one.take()), one.closed)))
    one.put(event("a", 1))
    one.close()
    assert found == [(["a 1"], False), ([], True)]


def test_a_drawing_is_told_part_by_part_and_nothing_twice():
    one = Follower("ann")
    heard = []
    for told in (event("a", 1), event("a", 2, part(1, "x")), event("a", 3, part(1, "x"), part(2, "y", "z"))):
        assert one.put(told)
        heard += drawn(one.take())
    assert heard == [("", False), ("x1", True), ("y2 z2", False)]


def test_what_a_slow_reader_has_not_taken_is_gathered():
    one = Follower("ann")
    one.put(event("a", 1, part(1, "x", "y")))
    one.put(event("a", 2, part(2, "y", "z")))
    assert drawn(one.take()) == [("x1 y2 z2", True)]


def test_a_second_answer_begins_anew_within_the_run():
    one = Follower("ann")
    one.put(event("a", 1, part(1, "x")))
    one.take()
    one.put(event("a", 2, part(2, "y"), part(3, "z", anew=True), part(4, "u")))
    assert drawn(one.take()) == [("z3 u4", True)]


def test_a_new_run_begins_anew_and_a_lost_one_is_not_heard():
    one = Follower("ann")
    one.put(event("a", 1, part(1, "x"), part(2, "y")))
    one.take()
    one.put(event("a", 3, part(1, "z"), claim_seq=2))
    assert one.put(event("a", 4, part(3, "stale"), claim_seq=1))  # nothing is missing
    heard = one.take()
    assert drawn(heard) == [("z1", True)]
    assert heard[0].data["claim_seq"] == 2


def test_a_follower_that_lacks_parts_says_so_and_is_then_told_the_whole():
    one = Follower("ann")
    assert not one.put(event("a", 5, part(3, "z")))
    assert one.take() == []
    assert one.put(event("a", 5, part(1, "x"), part(2, "y"), part(3, "z")))
    assert drawn(one.take()) == [("x1 y2 z3", True)]
    assert not one.put(event("a", 6, part(2, "u"), claim_seq=2))


def test_what_was_dropped_of_a_drawing_is_told_again_from_its_beginning():
    one = Follower("ann")
    one.put(event("slow", 1, part(1, "x")))
    for number in range(MOST):
        one.put(event(f"job {number}", 1, ended=True))
    one.take()
    assert not one.put(event("slow", 2, part(2, "y")))
    assert one.put(event("slow", 2, part(1, "x"), part(2, "y")))
    assert drawn(one.take()) == [("x1 y2", True)]


def test_an_ending_forgets_the_drawing():
    one = Follower("ann")
    one.put(event("a", 1, part(1, "x")))
    one.put(event("a", 2, ended=True))
    assert drawn(one.take()) == [("", False)]
    assert one._sketches == {}


def test_who_does_not_wait_is_woken_and_takes_as_much_as_it_has_room_for():
    woken: list[bool] = []
    one = Follower("ann", lambda: woken.append(True))
    for job in "abc":
        one.put(event(job, 1))
    assert len(woken) == 3
    assert texts(one.take(most=2)) == ["a 1", "b 1"]
    assert texts(one.take(most=2)) == ["c 1"]
    one.close()
    assert len(woken) == 4


def test_a_report_without_parts_is_none_for_whoever_lacks_those_before():
    """Else the version would be told, and the drawing that has it never."""
    one = Follower("ann")
    assert not one.put(event("a", 5, after=3))
    assert one.put(event("a", 5, part(1, "x"), part(2, "y"), part(3, "z")))
    assert one.put(event("a", 6, after=3))
    assert drawn(one.take()) == [("x1 y2 z3", True)]


def test_a_drawing_that_begins_again_with_nothing_is_told():
    one = Follower("ann")
    one.put(event("a", 1, part(1, "x")))
    one.take()
    one.put(event("a", 2, part(2, anew=True)))
    [message] = one.take()
    assert (message.data["objects"], message.data["anew"]) == ([], True)

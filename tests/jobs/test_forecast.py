"""How long until a job starts, from how many runs ended lately."""

import random

from jobs.forecast import start_in_s


def test_nine_starts_in_ten_come_within_the_range():
    chance, inside, rounds = random.Random(7), 0, 4000
    for _ in range(rounds):
        ahead, before = chance.randrange(30), chance.randrange(10, 200)
        window = sum(chance.expovariate(1) for _ in range(before))
        low, likely, high = start_in_s(ahead, ended=before, within_s=window)
        assert low < likely < high
        inside += low <= sum(chance.expovariate(1) for _ in range(ahead + 1)) <= high
    assert 0.85 < inside / rounds < 0.97


def test_too_few_ends_foretell_nothing():
    assert start_in_s(0, ended=4, within_s=60) is None
    assert start_in_s(0, ended=9, within_s=0) is None

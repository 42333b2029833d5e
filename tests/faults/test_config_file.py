"""A config.yaml that breaks while the fleet runs."""

from pathlib import Path

import pytest

from tests.faults.injection import NOT_TIMED
from tests.faults.place import Place
from tests.faults.table import judge
from tests.faults.world import world
from tests.processes import ROOT

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

GARBAGE = [b"jobs: [", b"jobs: \xff", b"jobs: {max_retries: many}", b"- a list"]


def refusal(place: Place) -> tuple[int, list[str]]:
    """The exit status of a new start, and what it says."""
    before = place.log.stat().st_size
    place.fill()
    return place.process.wait(timeout=60), place.log.read_bytes()[before:].decode().splitlines()


def test_a_broken_file_disturbs_nothing_that_runs_and_is_named_at_the_next_start(tmp_path: Path):
    file = tmp_path / "config.yaml"
    good = (ROOT / "config.yaml").read_bytes()
    file.write_bytes(good)
    with world(tmp_path, YARD_CONFIG=str(file)) as made:
        pids = [place.pids() for place in made.places]
        for garbage in GARBAGE:
            made.ask(60, seconds=0.3)
            made.wait_busy(12)
            file.write_bytes(garbage)
            made.settle()
            made.wait_well()
        assert [place.pids() for place in made.places] == pids
        for place in made.places[:2]:  # one of each kind
            place.stop()
            for garbage in GARBAGE:
                file.write_bytes(garbage)
                status, said = refusal(place)
                assert (status, len(said)) == (2, 1), said
                assert said[0].startswith(f"{file}: ")
        file.write_bytes(good)
        made.ask(60, seconds=0.3)
        made.wait_well()
        made.settle()
        judge("config.yaml broken while running", made, [NOT_TIMED] * len(GARBAGE))

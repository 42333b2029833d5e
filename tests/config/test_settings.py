"""The shipped config.yaml tells the whole truth about the settings."""

import re
from pathlib import Path

import pytest
import yaml

import config
from config.checking import places
from config.settings import Settings

SHIPPED = Path(__file__).parents[2] / "config.yaml"


def lookup(tree, place):
    for key in place:
        tree = tree[key]
    return tree


def test_the_defaults_are_those_of_the_design():
    loaded = config.load(SHIPPED, {})
    assert loaded.scheduler.poll_every_s == 5
    assert loaded.jobs.max_concurrent_jobs == loaded.seats == 3
    assert loaded.jobs.max_retries == 3
    backoff = loaded.jobs.backoff
    assert [backoff.base_s * backoff.factor**n / 60 for n in (1, 2, 3)] == [2, 4, 8]  # minutes
    assert loaded.jobs.retention_days == 7


@pytest.mark.parametrize("place", list(places()), ids=".".join)
def test_the_shipped_file_holds_every_setting_with_its_default(place):
    shipped = lookup(yaml.safe_load(SHIPPED.read_text()), place)
    assert shipped == lookup(Settings().model_dump(mode="json"), place)


def test_the_shipped_file_explains_every_setting():
    lines = SHIPPED.read_text().splitlines()
    for line, before in zip(lines[1:], lines, strict=False):
        if re.match(r"\s*[a-z_]+: \S", line):
            assert before.lstrip().startswith("#"), f"no comment above {line!r}"

"""A database that cannot be reached stops the start with a cure, and without a letter of the password."""

import pytest

import config
from cli.database import prepare
from jobs.errors import SetupError


@pytest.mark.parametrize("password", ["one/canary", "one@canary", "one%canary", "canary"])
def test_an_address_with_a_mistake_in_it_is_not_quoted(password: str):
    url = f"postgresql://me:{password}@127.0.0.1:1/x"
    with pytest.raises(SetupError, match=r"^database: cannot be reached: .*DATABASE_URL") as raised:
        prepare(config.load(environ={"DATABASE_URL": url}))
    assert "canary" not in str(raised.value)

"""The statements, one file each; jobs/store.py and jobs/queries.py are their only callers."""

from functools import cache
from importlib.resources import files

from sqlalchemy import TextClause, text


@cache
def statement(name: str) -> TextClause:
    """The statement in jobs/sql/<name>.sql.

    In a file write cast(:x as jsonb), never :x::jsonb; a word behind a colon is a parameter in comments too.
    """
    return text((files(__name__) / f"{name}.sql").read_text(encoding="utf-8"))

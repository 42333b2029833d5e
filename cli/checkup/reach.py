"""Can the database be reached, and if not, what is wrong with its address?

Nothing of the driver's message is shown: of an address with a mistake in it, libpq quotes what it took for the host or
the port, and that may be half of the password.
"""

import re

import psycopg2
from psycopg2.extensions import parse_dsn

from cli.checkup.ground import Finding, fault
from jobs.db.engine import connect_patiently

SPECIAL = "in a password write @ : / % # ? as %40 %3A %2F %25 %23 %3F"
CORRECT = "correct the user and the password in {variable}; " + SPECIAL
REASONS = (  # what libpq or the server says: what it means, what to do
    (r"authentication failed|no password supplied", "refuses the user or the password", CORRECT),
    (r'role ".*" does not exist|no such user', "knows no such user", CORRECT),
    (
        r'database ".*" does not exist|no such database',
        "has no database of that name",
        "create it (createdb), or correct the name behind the last / of {variable}",
    ),
    (
        r"too many (clients|connections)|remaining connection slots",
        "has no connection left",
        "end what holds them (pg_stat_activity), or raise max_connections",
    ),
    (
        r"pg_hba\.conf|SSL|certificate",
        "refuses a connection of this kind",
        "add ?sslmode=require to {variable}, or let this host in (pg_hba.conf)",
    ),
    (
        r"could not translate host name",
        "cannot be found: the host has no address",
        "correct the host in {variable}; " + SPECIAL,
    ),
    (
        r"timeout expired|timed out|No route|unreachable",
        "does not answer",
        "open the way to it (firewall, private network), or correct host and port in {variable}",
    ),
    (
        r"refused|No such file|closed the connection",
        "does not run there",
        "start PostgreSQL, or correct host and port in {variable}",
    ),
    (
        r"invalid|missing|unexpected|unsupported",
        "cannot be asked: the address is not one",
        "write {variable} as postgresql://user:password@host:5432/database; " + SPECIAL,
    ),
)
UNREADABLE = (psycopg2.Error, UnicodeDecodeError)  # %ca in a password is a letter's beginning, to psycopg2
USUAL = (("host", "localhost"), ("port", "5432"), ("dbname", "postgres"))
UNKNOWN = ("refuses the connection", "look into the log of PostgreSQL for the reason, and correct {variable}")


def unreachable(url: str, *, variable: str, connect_timeout_s: int) -> Finding | None:
    """None: it answers."""
    try:
        connect_patiently(url, connect_timeout_s, "yardmaster").close()
    except UNREADABLE as error:
        what, cure = _reason(str(error))
        return fault(f"the database {what}", where=place(url, variable), cure=cure.format(variable=variable))
    return None


def _reason(said: str) -> tuple[str, str]:
    return next(((what, cure) for words, what, cure in REASONS if re.search(words, said)), UNKNOWN)


def place(url: str, variable: str) -> str:
    """The variable, with host, port and database where these are certain to be no part of a password."""
    try:
        parts = parse_dsn(url)
    except UNREADABLE:
        return variable
    shown = "{}:{}/{}".format(*(parts.get(name, usual) for name, usual in USUAL))
    return f"{variable}: {shown}" if re.fullmatch(r"[\w.,/-]+:[\d,]+/[\w-]+", shown) else variable

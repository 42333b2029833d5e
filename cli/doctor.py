"""`doctor`: what is wrong with this set-up, where, and what to do about it."""

import json
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

import click

import config
from cli.checkup.examination import examine
from cli.checkup.ground import Finding
from jobs.db.patience import Watchdog

Lines = Sequence[tuple[str, Finding]]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines for people.")
@click.pass_context
def doctor(ctx: click.Context, *, as_json: bool) -> None:
    """Find faults of the set-up, and say the cure of each.

    Changes nothing.  Ends with status 0 when there is no fault, 1 with faults, 2 when the settings cannot be read.
    """
    settings = config.load()
    threading.Thread(target=Watchdog().loop, name="watchdog", daemon=True).start()  # a frozen server shall not hold us
    lines = list(examine(settings))
    click.echo(_json(lines) if as_json else _text(lines))
    ctx.exit(1 if _count(lines)["fault"] else 0)


def _count(lines: Lines) -> Counter[str]:
    return Counter(finding.level for _, finding in lines)


def _json(lines: Lines) -> str:
    counted = _count(lines)
    findings = [{"check": name, **asdict(finding)} for name, finding in lines]
    return json.dumps({"faults": counted["fault"], "notes": counted["note"], "findings": findings}, indent=2)


def _text(lines: Lines) -> str:
    width = max(len(name) for name, _ in lines)
    told = [line for name, finding in lines for line in _told(name.ljust(width), finding)]
    counted = _count(lines)
    summary = [f"{counted[level]} {level}{'' if counted[level] == 1 else 's'}" for level in ("fault", "note")]
    return "\n".join([*told, "", f"{', '.join(summary)}, {counted['ok']} ok"])


def _told(name: str, finding: Finding) -> list[str]:
    head = f"{finding.level:<5}  {name}  "
    where = f" [{finding.where}]" if finding.where else ""
    cure = [f"{' ' * len(head)}cure: {finding.cure}"] if finding.cure else []
    return [f"{head}{' '.join(finding.what.split())}{where}", *cure]

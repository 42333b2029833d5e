"""Level and form of the log change while it is written."""

import json
import subprocess
import sys
from pathlib import Path

from tests.hot.kit import shows

SCRIPT = """
import logging, sys
from pathlib import Path
from cli import logs
from tests.hot.kit import Tuned

tuned = Tuned(Path(sys.argv[1]))
tuned.current.subscribe(logs.set_up(tuned.settings))
web = logging.getLogger("gunicorn.error")  # the web server sets a level of its own
web.setLevel(logging.INFO)
for level, form in (("info", "console"), ("warning", "json"), ("debug", "json"), ("error", "console")):
    tuned.set(log={"level": level, "format": form})
    for name in ("debug", "info", "warning", "error"):
        getattr(logging.getLogger("ours"), name)(f"{level}: {name}")
        getattr(web, name)(f"{level}: {name} of the web server")
        getattr(logging.getLogger("apscheduler"), name)(f"{level}: {name} of a library")
"""
WEB, LIBRARY = " of the web server", " of a library"


@shows("log.level", "log.format")
def test_level_and_form(tmp_path: Path):
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=True)
    told = [line for line in done.stderr.splitlines() if "config.yaml" not in line]
    read = [json.loads(line)["message"] if line.startswith("{") else line.split(maxsplit=2)[2] for line in told]
    assert [line.startswith("{") for line in told] == [word.partition(":")[0] in ("warning", "debug") for word in read]
    assert read == [
        "info: info",
        "info: info" + WEB,
        *(f"info: {name}{who}" for name in ("warning", "error") for who in ("", WEB, LIBRARY)),
        *(f"warning: {name}{who}" for name in ("warning", "error") for who in ("", WEB, LIBRARY)),
        "debug: debug",
        "debug: info",
        "debug: info" + WEB,
        *(f"debug: {name}{who}" for name in ("warning", "error") for who in ("", WEB, LIBRARY)),
        *(f"error: error{who}" for who in ("", WEB, LIBRARY)),
    ]

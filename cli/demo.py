"""`demo`: the whole main job at once, as a front end would see it, over HTTP."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

import config
from api import auth

THREE = (
    "login flowchart: enter password, check, locked after 3 tries",
    "mind map of a healthy week: sleep, food (breakfast, lunch, dinner), sport, friends",
    "timeline: 2021 founded, 2022 first customer, 2024 profitable, 2026 ten thousand users",
)
USER = "demo-user"
OWN_TOKENS = {"YARD_API__AUTH__ALGORITHM": "HS256", "YARD_API__AUTH__JWKS_URL": "null"}  # whoever signs them otherwise
START_S = 60.0
JOB_S = 300.0
LOOK_EVERY_S = 0.1
HTTP_S = 10.0


@click.command()
@click.option("--instructions", multiple=True, help="Draw this instead of the three examples (may be repeated).")
@click.option("--keep", is_flag=True, help="Leave the server up afterwards, and print its address and a token.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("pictures"), show_default=True, help="Folder.")
def demo(*, instructions: tuple[str, ...], keep: bool, out: Path) -> None:
    """Start everything, draw three canvases, write them as SVG pictures, stop."""
    settings = config.load()
    base = f"http://127.0.0.1:{_free_port()}"
    token = auth.issue(_secret(settings), USER, operator=keep, ttl_s=86400, rules=settings.api.auth)
    with _server(base) as server:
        api = Client(base + "/api/ai-agent", token)
        _wait_until_ready(api, server)
        click.echo(f"The server is up at {base}; its scheduler runs inside.\n")
        job_ids = [api.post("/create-canvas", {"instructions": text})["job_id"] for text in instructions or THREE]
        click.echo(f"Enqueued {len(job_ids)} jobs over HTTP:")
        files = [_follow(api, job_id, out) for job_id in job_ids]
        click.echo("\nThe pictures:\n" + "\n".join(f"  {file}" for file in files))
        if keep:
            click.echo(f"\nThe server stays up until Ctrl-C. Try:\n  {api.curl('/jobs/stats')}")
            click.echo(f"\nThe dashboard is at {base}/; sign in with this token:\n  {token}")
            server.wait()


class Client:
    """The few calls that a front end makes."""

    def __init__(self, base: str, token: str) -> None:
        self._base = base
        self._token = token

    def get(self, path: str) -> Any:
        return json.loads(self.text(path))

    def post(self, path: str, body: object) -> Any:
        return json.loads(self.text(path, json.dumps(body).encode()))

    def text(self, path: str, body: bytes | None = None) -> str:
        """Raises click.ClickException with the server's own words when it refuses."""
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self._base + path, data=body, headers=headers)  # noqa: S310 - our own server
        try:
            with urllib.request.urlopen(request, timeout=HTTP_S) as answer:  # noqa: S310 - our own server
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            raise click.ClickException(f"{path} answered {error.code}: {error.read().decode()}") from None

    def curl(self, path: str) -> str:
        return f"curl -H 'Authorization: Bearer {self._token}' {self._base}{path}"


def _follow(api: Client, job_id: str, out: Path) -> Path:
    """Show the job's way, and write its picture."""
    end, told = time.monotonic() + JOB_S, ""
    while True:
        job = api.get(f"/job/{job_id}/status")["job"]
        line = f"  {job_id}  {job['status']:<10}  {job['progress']:>3} %  {job['progress_message'] or ''}".rstrip()
        if line != told:
            click.echo(line)
            told = line
        if job["status"] == "completed":
            return _write(out, job, api.text(f"/job/{job_id}/result.svg"))
        if job["status"] in ("failed", "cancelled") or time.monotonic() > end:
            raise click.ClickException(f"job {job_id} is {job['status']}: {job['error_message']}")
        time.sleep(LOOK_EVERY_S)


def _write(out: Path, job: dict[str, Any], svg: str) -> Path:
    words = "".join(c if c.isalnum() else " " for c in job["request_data"]["instructions"].lower()).split()
    out.mkdir(parents=True, exist_ok=True)
    file = (out / f"{'-'.join(words[:4])}-{job['id'][-6:]}.svg").resolve()
    file.write_text(svg, encoding="utf-8")
    return file


@contextmanager
def _server(base: str) -> Iterator[subprocess.Popen[bytes]]:
    """`serve` as a process of its own, stopped as a platform would stop it."""
    click.echo("Starting: database, migrations, web server, scheduler ...")
    address = {"YARD_API__BIND": "127.0.0.1", "YARD_API__PORT": base.rsplit(":", 1)[1], **OWN_TOKENS}
    environ = {name: value for name, value in os.environ.items() if name != "PORT"}
    main = Path(__file__).resolve().parents[1] / "main.py"
    quiet = {"YARD_LOG__LEVEL": "warning"} | {k: v for k, v in environ.items() if k == "YARD_LOG__LEVEL"}
    server = subprocess.Popen([sys.executable, str(main), "serve"], env=environ | address | quiet)  # noqa: S603
    try:
        yield server
    except KeyboardInterrupt:
        click.echo("")
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=60)
        click.echo("\nThe server has stopped.")


def _wait_until_ready(api: Client, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        if server.poll() is not None:
            raise click.ClickException("the server ended at its start; what is wrong stands above")
        try:
            api.get("/readyz")
        except (OSError, click.ClickException):
            time.sleep(LOOK_EVERY_S)
        else:
            return
    raise click.ClickException(f"the server was not ready within {START_S:g} s")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _secret(settings: config.Config) -> str:
    given = settings.environment.jwt_secret
    return given.get_secret_value() if given else auth.development_secret(settings.environment.data_dir)

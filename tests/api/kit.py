"""What the tests of the web application share: an application on a real database, and who calls it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine
from werkzeug.test import TestResponse

from api.app import create_app
from api.auth import issue
from api.live.audience import Audience
from api.live.hub import Hub
from api.waiting import Waiting
from config import Config, Current, Taken, load
from jobs.events import Hints
from jobs.job import Key
from jobs.telemetry import SchedulerStatus
from tests.api.described import DescribedClient

SECRET = "s" * 64
TOKEN = "metrics-" + "t" * 32
PREFIX = "/api/ai-agent"
HOSTILE = "<script>alert(1)</script>'; drop table ai_jobs; --"
STATUS_FIELDS = {
    "id",
    "user_id",
    "canvas_id",
    "job_type",
    "status",
    "priority",
    "request_data",
    "result_data",
    "error_message",
    "error_code",
    "retry_count",
    "max_retries",
    "progress",
    "progress_message",
    "version",
    "created_at",
    "started_at",
    "completed_at",
    "next_processing_at",
    "queue_position",
    "usage",
}


@dataclass
class Pump:
    """Stands where the pump of this process would: it writes down what it hears."""

    keys: list[Key] = field(default_factory=list)
    dues_s: list[float] = field(default_factory=list)

    def ready(self, keys: Iterable[Key]) -> bool:
        self.keys += keys
        return True

    def due(self, due_s: float) -> bool:
        self.dues_s.append(due_s)
        return True


@dataclass
class Scene:
    """`scheduler` is how the scheduler of this process is, None without one: tests change it."""

    client: FlaskClient
    conn: Connection
    pump: Pump
    config: Config
    waiting: Waiting
    scheduler: SchedulerStatus | None = None

    def get(self, path: str, user: str | None = "ann", **options: Any) -> TestResponse:
        return self.client.get(PREFIX + path, **with_token(user, options))

    def post(self, path: str, user: str | None = "ann", **options: Any) -> TestResponse:
        return self.client.post(PREFIX + path, **with_token(user, options))

    def delete(self, path: str, user: str | None = "ann", **options: Any) -> TestResponse:
        return self.client.delete(PREFIX + path, **with_token(user, options))

    def canvas(self, user: str = "ann", **body: Any) -> TestResponse:
        return self.post("/create-canvas", user, json={"instructions": "a login", **body})


def with_token(user: str | None, options: dict[str, Any]) -> dict[str, Any]:
    """None: without a token; a name that begins with "op-" is an operator's."""
    if user is None:
        return options
    token = issue(SECRET, user, operator=user.startswith("op-"))
    return {**options, "headers": {"Authorization": f"Bearer {token}", **options.get("headers", {})}}


@cache
def settings(**environ: str) -> Config:
    return load(environ={"JWT_SECRET": SECRET, **environ})


def scene(engine: Engine, conn: Connection, config: Config, current: Current | None = None) -> Scene:
    """`current` is the configuration as it may change; None: it stays as it is."""
    pump, read, taken = Pump(), current.read if current else lambda: config, current.taken if current else Taken
    hints = Hints(engine, near=pump, notify=False)
    waiting, job_types = Waiting(lambda: read().api.waiting_requests), {"t": None}
    audience = Audience(waiting, Hub(engine, read))
    app = create_app(read, engine, hints, lambda: made.scheduler, job_types=job_types, audience=audience, taken=taken)
    app.test_client_class = DescribedClient
    made = Scene(app.test_client(), conn, pump, config, waiting)
    return made


def assert_error(response: TestResponse, status: int, code: str | None = None) -> dict[str, Any]:
    """Every error has the same shape, and repeats nothing hostile."""
    assert response.status_code == status, response.text
    assert response.mimetype == "application/json"
    body = response.get_json()
    assert isinstance(body["error"], str)
    assert body["error"]
    assert body["request_id"] == response.headers["X-Request-ID"]
    assert isinstance(body["details"], list)
    assert "<script>" not in response.text
    assert "drop table" not in response.text
    assert code is None or body["code"] == code
    return body

"""What Prometheus waits for: /metrics of a process that leads, beside a table that is full."""

import time
from collections.abc import Iterator

from sqlalchemy import Connection, text

from bench.figures import Figures, quantile_ms
from bench.served import Served, served
from bench.sizes import Sizes
from jobs.db.engine import autocommit, open_engine

SCRAPES = 30
EVERY_S = 0.5  # four of five find what the last one looked up
QUEUED = 4  # one row in so many waits for its time, the others have ended
FULL = """
insert into ai_jobs (user_id, job_type, request_data, status, completed_at, next_processing_at)
select 'user-' || n % 1000, 'type-' || n % 20, '{}', case when n % :queued = 0 then 'queued' else 'completed' end,
       case when n % :queued = 0 then null else now() end,
       case when n % :queued = 0 then now() + interval '1 day' end
  from generate_series(1, :rows) n
"""


def scrape(url: str, sizes: Sizes) -> Figures:
    """With a table of so many rows, a quarter of them live, from the moment on in which the process is ready."""
    engine = open_engine(url, alone=True, statement_timeout_s=600)
    with autocommit(engine) as conn:
        _fill(conn, sizes.rows)
    engine.dispose()
    with served(url, SCHEDULER__EMBEDDED="true") as server:
        took_s = list(_scrapes(server))
    return {
        "scrape, the first": (took_s[0] * 1000, "ms"),
        "scrape, p50": (quantile_ms(took_s, 0.5), "ms"),
        "scrape, the longest": (max(took_s) * 1000, "ms"),
    }


def _fill(conn: Connection, rows: int) -> None:
    conn.execute(text(FULL), {"rows": rows, "queued": QUEUED})
    conn.execute(text("vacuum (analyze) ai_jobs"))


def _scrapes(server: Served) -> Iterator[float]:
    for _ in range(SCRAPES):
        began = time.monotonic()
        if server.answer("GET", "/metrics", {}) != 200:
            raise ConnectionError("/metrics is not answered")
        yield time.monotonic() - began
        time.sleep(EVERY_S)

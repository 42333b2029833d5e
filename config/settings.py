"""Every setting: its place, type, bounds and default, and the rules between settings.

What each one is for, and when to change it, stands in config.yaml; reading.py reads them.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, SecretStr, model_validator

MAX_SEATS = 1000
SECRETS = ("DATABASE_URL", "LISTEN_DATABASE_URL", "OPENAI_API_KEY", "JWT_SECRET", "METRICS_TOKEN")

Origin = Annotated[str, Field(pattern=r"^https?://[A-Za-z0-9.-]+(:\d{1,5})?$", max_length=300)]
Seconds = Annotated[float, Field(gt=0, le=366 * 86400)]
Text = Annotated[str, Field(min_length=1, max_length=500)]
HttpUrl = Annotated[str, Field(pattern=r"^https?://[^\s/@]+(/[^\s@]*)?$")]  # without a password in it
LOOPBACK = r"(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?"  # where nobody on the way can change what comes over http
KeySetUrl = Annotated[str, Field(pattern=rf"^(https://[^\s/@?#\\]+|http://{LOOPBACK})(/[^\s#]*)?$", max_length=500)]
ModuleName = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$")]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _all_lines_commented_out(cls, given: Any) -> Any:
        return {} if given is None else given


class Database(Section):
    pool_size: int = Field(default=5, ge=1, le=100)
    connect_timeout_s: int = Field(default=5, ge=1, le=600)  # libpq takes whole seconds only
    statement_timeout_s: Seconds = 10.0
    notify: bool = True


class Scheduler(Section):
    embedded: bool = True
    seats: int | None = Field(default=None, ge=1, le=MAX_SEATS)
    poll_every_s: Seconds = 5.0
    reschedule_every_s: Seconds = 15.0
    reap_every_s: Seconds = 5.0
    expire_every_s: Seconds = 15.0
    purge_every_s: Seconds = 3600.0
    tally_every_s: Seconds = 15.0
    heartbeat_every_s: Seconds = 5.0
    lease_s: Seconds = 30.0
    leader_ttl_s: Seconds = 15.0
    stop_budget_s: Seconds = 10.0
    metrics_port: int | None = Field(default=None, ge=1, le=65535)


class Backoff(Section):
    base_s: Seconds = 60.0
    factor: float = Field(default=2.0, ge=1, le=10)
    cap_s: Seconds = 3600.0
    jitter: float = Field(default=0.1, ge=0, le=1)


def _timeouts(given: Mapping[str, float]) -> Mapping[str, float]:
    return MappingProxyType({"default": 180.0, **given})


class Jobs(Section):
    max_concurrent_jobs: int | None = Field(default=3, ge=1, le=100_000)
    max_concurrent_per_user: int | None = Field(default=None, ge=1, le=10_000)
    max_retries: int = Field(default=3, ge=1, le=100)
    backoff: Backoff = Field(default_factory=Backoff)
    deadline_s: Seconds | None = None
    run_timeout_s: Annotated[Mapping[str, Seconds], AfterValidator(_timeouts), PlainSerializer(dict)] = Field(
        default_factory=lambda: _timeouts({"create_canvas": 180.0})
    )
    retention_days: float = Field(default=7.0, gt=0, le=36600)
    result_bytes: int = Field(default=1_000_000, ge=1000, le=100_000_000)


class Provider(Section):
    base_url: HttpUrl | None = None
    model: Text = "gpt-4.1-mini"
    connect_timeout_s: Seconds = 5.0
    read_timeout_s: Seconds = 60.0
    max_wait_s: Seconds = 240.0


class Auth(Section):
    algorithm: Literal["HS256", "RS256", "ES256"] = "HS256"
    jwks_url: KeySetUrl | None = None
    jwks_refresh_s: float = Field(default=300.0, ge=10, le=86400)
    jwks_keep_s: Seconds = 86400.0
    issuer: Text | None = None
    audience: Text | None = None
    user_claim: Text = "sub"
    operator_claim: tuple[Text, ...] = Field(default=("role",), strict=False)
    operator_value: Text = "operator"
    leeway_s: float = Field(default=5.0, ge=0, le=300)

    @property
    def has_key_set(self) -> bool:
        """Whether a provider's public keys check the tokens, and not the JWT_SECRET."""
        return self.algorithm != "HS256"


class Limits(Section):
    jobs_per_minute: float | None = Field(default=None, gt=0, le=1_000_000)
    burst: int = Field(default=20, ge=1, le=1_000_000)
    queued_jobs: int | None = Field(default=None, ge=1, le=10_000_000)
    reads_per_s: float | None = Field(default=50, gt=0, le=1_000_000)


class Sockets(Section):
    most: int = Field(default=200, ge=0, le=4096)
    per_user: int = Field(default=10, ge=1, le=4096)


class Api(Section):
    bind: Text | None = None
    port: int = Field(default=8000, ge=0, le=65535)
    threads: int = Field(default=64, ge=4, le=4096)
    connections: int = Field(default=1000, ge=16, le=65_536)
    headers: int = Field(default=100, ge=20, le=1000)
    header_bytes: int = Field(default=32_768, ge=4096, le=1_000_000)
    header_s: Seconds = 10.0
    body_s: Seconds = 60.0
    answer_s: Seconds = 60.0
    body_bytes: int = Field(default=65536, ge=1024, le=100_000_000)
    waiting_requests: int = Field(default=16, ge=0, le=4096)
    bulk_bytes: int = Field(default=8_000_000, ge=1024, le=200_000_000)
    body_depth: int = Field(default=32, ge=1, le=100)
    origins: tuple[Origin, ...] = Field(default=(), strict=False)
    proxy_hops: int = Field(default=0, ge=0, le=5)
    limits: Limits = Field(default_factory=Limits)
    sockets: Sockets = Field(default_factory=Sockets)
    auth: Auth = Field(default_factory=Auth)


class Log(Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["console", "json"] = "console"


class Settings(Section):
    """What config.yaml may hold."""

    database: Database = Field(default_factory=Database)
    scheduler: Scheduler = Field(default_factory=Scheduler)
    jobs: Jobs = Field(default_factory=Jobs)
    provider: Provider = Field(default_factory=Provider)
    api: Api = Field(default_factory=Api)
    log: Log = Field(default_factory=Log)
    handlers: tuple[ModuleName, ...] = Field(default=(), strict=False)


class Environment(Section):
    """What the environment alone may say; repr hides the secrets.  None: not set."""

    database_url: SecretStr | None = None
    listen_database_url: SecretStr | None = None
    openai_api_key: SecretStr | None = None
    jwt_secret: SecretStr | None = None
    metrics_token: SecretStr | None = None
    data_dir: Path = Path(".data")
    file: Path = Path("config.yaml")  # where the settings were read from
    has_port: bool = False  # PORT is set, so a platform's proxy on another host must reach us


class Config(Settings):
    environment: Environment = Field(default_factory=Environment)

    @property
    def bind(self) -> str:
        """The address to listen on."""
        usual = "0.0.0.0" if self.environment.has_port else "127.0.0.1"  # noqa: S104 - see has_port
        return self.api.bind or usual

    @property
    def seats(self) -> int:
        """Jobs that one process runs at the same time."""
        return self.scheduler.seats or self.jobs.max_concurrent_jobs or MAX_SEATS

    def run_timeout_s(self, job_type: str) -> float:
        return self.jobs.run_timeout_s.get(job_type, self.jobs.run_timeout_s["default"])


AT_LEAST = (  # setting, times, another setting, why
    (("scheduler", "lease_s"), 3, ("scheduler", "heartbeat_every_s"), "a run must survive two lost heartbeats"),
    (("scheduler", "leader_ttl_s"), 2, ("scheduler", "heartbeat_every_s"), "one heartbeat may get lost"),
    (("api", "auth", "jwks_keep_s"), 2, ("api", "auth", "jwks_refresh_s"), "one fetch of the keys may fail"),
    (("api", "connections"), 2, ("api", "threads"), "idle and slow clients need places beside those served"),
    (("jobs", "backoff", "cap_s"), 1, ("jobs", "backoff", "base_s"), "the cap would cut every wait"),
)

# A setting or a whole section, and why its change waits for a restart.  Every other one takes effect within 5 seconds.
RESTART: Mapping[tuple[str, ...], str] = MappingProxyType(
    {
        ("database",): "connections are made with it",
        ("scheduler", "embedded"): "it decides which threads the process has",
        # A lease and the beats that renew it must fit at every moment, in the process that holds the run and in the
        # leader, whose amnesty counts in heartbeats.  A process that slept through a long interval would find its new,
        # shorter leases over; and while some of a fleet have re-read the file and others have not, a leader that beats
        # quickly would not wait for the slow ones.  A restart begins with no runs and leads nothing.
        ("scheduler", "heartbeat_every_s"): "runs that are going hold leases by it",
        ("scheduler", "lease_s"): "runs that are going hold leases by it",
        ("scheduler", "leader_ttl_s"): "the present leader holds its lease by it",
        ("scheduler", "stop_budget_s"): "the web server's parent process waits by it",
        ("api", "bind"): "the socket is open",
        ("api", "port"): "the socket is open",
        ("scheduler", "metrics_port"): "the socket is open",
        ("api", "threads"): "the web server has started its threads",
        ("api", "connections"): "the system has granted file handles for them",
        ("api", "headers"): "the web server's parser is built with it",
        ("api", "sockets", "most"): "the web server has started a thread for each",
        ("api", "proxy_hops"): "the application is built around it",
        ("api", "auth"): "who may enter is decided at the start only",
        ("handlers",): "modules are imported once",
    }
)


def restart_reason(where: tuple[str, ...]) -> str | None:
    """Why a change of this setting waits for a restart; None: it takes effect at once."""
    return next((why for place, why in RESTART.items() if where[: len(place)] == place), None)

"""The handlers of this process, with the model that the settings name: another one is asked from the next run on."""

from config import Config, Current
from jobs import handlers
from jobs.handlers.asking import Endpoint
from jobs.handlers.llm import Llm, Loop
from jobs.job import Handler

OPENAI = "https://api.openai.com/v1"


def followed(current: Current) -> dict[str, Handler]:
    """A run that has begun keeps the handler, and with it the model, that it began with.  Raises SetupError."""
    loop, settings = Loop(), current.read()
    endpoint = _endpoint(settings)
    llm = _llm(endpoint, loop)
    built = handlers.build(llm, settings.handlers)

    def changed(settings: Config) -> None:
        nonlocal endpoint, llm
        wanted = _endpoint(settings)
        if wanted == endpoint:
            return
        old, endpoint, llm = llm, wanted, _llm(wanted, loop)
        built.update(handlers.build(llm, settings.handlers))
        if old:
            old.retire()

    current.subscribe(changed)
    return built


def _llm(endpoint: Endpoint | None, loop: Loop) -> Llm | None:
    return Llm(endpoint, loop) if endpoint else None


def _endpoint(settings: Config) -> Endpoint | None:
    """None: the built-in drawer, because neither a key nor a server of one's own is given."""
    key, about = settings.environment.openai_api_key, settings.provider
    if key is None and about.base_url is None:
        return None
    return Endpoint(
        api_key=key.get_secret_value() if key else "none",
        base_url=about.base_url or OPENAI,
        model=about.model,
        connect_timeout_s=about.connect_timeout_s,
        read_timeout_s=about.read_timeout_s,
        total_timeout_s=settings.run_timeout_s("create_canvas"),
    )

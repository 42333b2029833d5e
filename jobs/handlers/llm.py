"""Ask a language model from any thread, and give up at once when nobody wants the answer any more.

    handler's thread                      one event loop for all calls
    ask() ---- coroutine ---------------> openai_calls.ask ----> provider
      ^  looks at cancelled()  <--texts---'
      '------- cancels the call, which closes its connection

A thread that waits in a blocking read cannot be called back; a coroutine can, whatever the provider does.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from jobs.handlers.asking import Answer, Endpoint, Message
from jobs.outcomes import Fail, Retry

if TYPE_CHECKING:
    from concurrent.futures import Future

    from openai import AsyncOpenAI

LOOK_EVERY_S = 0.25  # how late a cancel may be noticed while the provider is silent


class Loop:
    """The event loop of all calls, in a thread that the first of them starts: never before a fork."""

    def __init__(self) -> None:
        self._starting = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def running(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="llm", daemon=True).start()
            return self._loop


class Llm:
    """One model of one provider.

    The first call imports the SDK, so that it is not in the way of a quick start.  Models that follow one another
    share a `loop`; None: one of its own.
    """

    provider = "openai"

    def __init__(self, endpoint: Endpoint, loop: Loop | None = None) -> None:
        self._endpoint = endpoint
        self._loop = loop or Loop()
        self._client: AsyncOpenAI | None = None  # this and the next two are of the loop's thread alone
        self._calls = 0
        self._retired = False

    @property
    def model(self) -> str:
        return self._endpoint.model

    def ask(
        self,
        messages: Sequence[Message],
        schema: Mapping[str, Any],
        *,
        timeout_s: float | None,
        on_text: Callable[[str], None],
        cancelled: Callable[[], bool],
    ) -> Answer | Retry | Fail:
        """Let the model answer in JSON of this schema; `timeout_s` None leaves the endpoint's own limit.

        `on_text` gets each piece as it comes, in the caller's thread.
        """
        texts: SimpleQueue[str | None] = SimpleQueue()
        call = asyncio.run_coroutine_threadsafe(
            self._call(messages, schema, timeout_s, texts.put), self._loop.running()
        )
        call.add_done_callback(lambda _: texts.put(None))
        try:
            return _follow(call, texts, on_text, cancelled)
        finally:
            call.cancel()

    async def _call(
        self,
        messages: Sequence[Message],
        schema: Mapping[str, Any],
        timeout_s: float | None,
        say: Callable[[str], None],
    ) -> Answer | Retry | Fail:
        from jobs.handlers import openai_calls  # noqa: PLC0415  the SDK takes most of a second to import

        self._calls += 1
        try:
            if self._client is None:
                self._client = openai_calls.connect(self._endpoint)
            limit_s = min(self._endpoint.total_timeout_s, float("inf") if timeout_s is None else timeout_s)
            request = openai_calls.make_request(self.model, messages, schema)
            return await openai_calls.ask(self._client, request, timeout_s=limit_s, say=say)
        finally:
            self._calls -= 1
            await self._close_when_unused()

    def retire(self) -> None:
        """Another one takes its place: its connections close once its calls are over, and runs under way may go on."""
        asyncio.run_coroutine_threadsafe(self._retire(), self._loop.running())

    async def _retire(self) -> None:
        self._retired = True
        await self._close_when_unused()

    async def _close_when_unused(self) -> None:
        """A run that asks once more after that makes a client again, and this is called after it."""
        if self._retired and not self._calls and self._client is not None:
            client, self._client = self._client, None
            await client.close()


def openai_llm(
    *,
    api_key: str,
    base_url: str,
    model: str,
    connect_timeout_s: float,
    read_timeout_s: float,
    total_timeout_s: float,
) -> Llm:
    """Any server that speaks OpenAI's chat completions with a JSON schema."""
    return Llm(Endpoint(api_key, base_url, model, connect_timeout_s, read_timeout_s, total_timeout_s))


def _follow(
    call: "Future[Answer | Retry | Fail]",
    texts: "SimpleQueue[str | None]",
    on_text: Callable[[str], None],
    cancelled: Callable[[], bool],
) -> Answer | Retry | Fail:
    while not cancelled():
        try:
            text = texts.get(timeout=LOOK_EVERY_S)
        except Empty:
            continue
        if text is None:
            return call.result()
        on_text(text)
    return Fail("Cancelled while the model was writing", code="cancelled")

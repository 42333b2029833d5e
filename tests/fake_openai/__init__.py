"""A stand-in for the OpenAI API on a real socket: it answers, fails and hangs on demand, and keeps a ledger.

In a test:       with fake_openai.running() as fake: ... fake.base_url, fake.script("429", "good"), fake.calls
In a shell:      python -m tests.fake_openai --port 8099
From outside:    POST /script ["429 retry_after=2", "good"]    GET /ledger
In a request:    "draw a cat [fake:good objects=5 chunk_delay_s=0.1]" chooses for that call alone

A scenario is its name and options, as in "good objects=5"; SCENARIOS in scenarios.py lists the names.  Those that
speak take objects, title, first_delay_s, chunk_delay_s and chunk_chars; those that refuse take retry_after.
"""

from tests.fake_openai.server import FakeOpenAI, running

__all__ = ["FakeOpenAI", "running"]

"""python -m tests.fake_openai --port 8099"""

import argparse
import signal
import threading

from tests.fake_openai.server import running


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fake_openai", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    with running(parser.parse_args().port) as fake:
        print(f"OPENAI_BASE_URL={fake.base_url}", flush=True)
        stop.wait()


if __name__ == "__main__":
    main()

"""Keeps the public keys of whoever signs the users' tokens: fetched in a thread of its own, never by a request.

every refresh_s          fetch; a key that the provider took away is gone
a kid that is not known  fetch, but at most once in PAUSE_S; whoever asked waits up to WAIT_S for it
a fetch fails            again every RETRY_S; the keys that are known serve on until they are keep_s old
no keys, or too old      AuthUnavailable: neither yes nor no can be said of a token; /health tells it
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping

from api.download import DownloadError, download
from api.jwks import Key, KeySetFault, usable_keys
from config.settings import Auth
from jobs.errors import YardError

PAUSE_S = 30.0
RETRY_S = 10.0
FETCH_S = 5.0
WAIT_S = 3.0
SET_BYTES = 256 * 1024

log = logging.getLogger(__name__)


class AuthUnavailable(YardError):
    """The keys that tokens are checked with cannot be had at the moment; try again soon"""

    code = "auth_unavailable"


class KeySet:
    """The keys of one address.

    PyJWT's PyJWKClient (2.15) is not used: it fetches under a lock that every request takes, so that a slow provider
    stops them all; it drops its keys when they are as old as its cache allows, although the provider is away; after a
    failed fetch the next request at once begins another; and it reads an answer of any size.
    """

    def __init__(
        self,
        fetch: Callable[[], Mapping[str, Key]],
        *,
        refresh_s: float,
        keep_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`fetch` returns the keys by their kid, or raises KeySetFault; `clock` tells seconds."""
        self._fetch = fetch
        self._refresh_s = refresh_s
        self._keep_s = keep_s
        self._clock = clock
        self._changed = threading.Condition()
        self._keys: Mapping[str, Key] = {}
        self._good_until_s = self._fetched_s = float("-inf")
        self._next_s = clock()
        self._pending_s: float | None = self._next_s  # since when a fetch is asked for or under way
        self._is_away = False  # whether the last fetch failed
        self._thread = threading.Thread(target=self._loop, name="key set", daemon=True)

    def begin(self) -> None:
        """Call it once, in the process that serves."""
        self._thread.start()

    def problem(self) -> str | None:
        """Why tokens cannot be checked, or soon will not be; None: all is well."""
        if not self._thread.is_alive():
            return "The thread that fetches the key set has ended; restart the process"
        with self._changed:
            if self._clock() < self._good_until_s:
                return None
        return "There is no key set to check tokens with, or it is too old: look at api.auth.jwks_url and the log"

    def find(self, kid: str) -> Key | None:
        """None: the provider has no such key.  Raises AuthUnavailable, after WAIT_S at the latest."""
        key = self._known(kid)
        if key is None:
            self._await_news()
            key = self._known(kid)
        return key

    def _loop(self) -> None:
        """Fetches when it is time."""
        while True:
            self._await_turn()
            try:
                keys = self._fetch()
            except KeySetFault as fault:
                self._failed(fault)
            except Exception as error:  # unforeseen: it must not end the thread, and with it all sign-ins
                log.exception("the key set cannot be read")
                self._failed(KeySetFault(f"unexpected {type(error).__name__}"))
            else:
                self._arrived(keys)

    def _known(self, kid: str) -> Key | None:
        with self._changed:
            return self._keys.get(kid) if self._clock() < self._good_until_s else None

    def _await_news(self) -> None:
        """Returns when the keys are as new as can be.  In an outage nobody waits: the loop tries again by itself."""
        with self._changed:
            if not self._is_away and self._pending_s is None and self._clock() >= self._fetched_s + PAUSE_S:
                self._pending_s = self._clock()
                self._changed.notify_all()
            if not self._is_away and self._pending_s is not None:
                self._changed.wait_for(lambda: self._pending_s is None, self._pending_s + WAIT_S - self._clock())
            if self._is_away or self._pending_s is not None:
                raise AuthUnavailable

    def _await_turn(self) -> None:
        with self._changed:
            while self._pending_s is None and (early_s := self._next_s - self._clock()) > 0:
                self._changed.wait(early_s)
            if self._pending_s is None:
                self._pending_s = self._clock()

    def _arrived(self, keys: Mapping[str, Key]) -> None:
        with self._changed:
            if self._is_away or keys.keys() != self._keys.keys():
                log.info("the key set is here, with the keys %s", ", ".join(sorted(keys)))
            self._keys, self._is_away = keys, False
            self._fetched_s = self._clock()
            self._good_until_s = self._fetched_s + self._keep_s
            self._rest(self._refresh_s)

    def _failed(self, fault: KeySetFault) -> None:
        with self._changed:
            if not self._is_away:
                kept_s = max(0.0, self._good_until_s - self._clock())
                log.warning("the key set of api.auth.jwks_url: %s; known keys serve for %.0f s more", fault, kept_s)
            self._is_away = True
            self._rest(RETRY_S)

    def _rest(self, pause_s: float) -> None:
        self._next_s, self._pending_s = self._clock() + pause_s, None
        self._changed.notify_all()


def followed(auth: Auth) -> KeySet:
    """The key set that the settings name, with its thread begun: call it in the process that serves."""
    keys = KeySet(lambda: fetched(auth), refresh_s=auth.jwks_refresh_s, keep_s=auth.jwks_keep_s)
    keys.begin()
    return keys


def fetched(auth: Auth) -> Mapping[str, Key]:
    """The provider's keys as they are now.  Raises KeySetFault."""
    try:
        document = download(str(auth.jwks_url), timeout_s=FETCH_S, max_bytes=SET_BYTES)
    except DownloadError as error:
        raise KeySetFault(str(error)) from None
    return usable_keys(document, auth.algorithm)

"""A team's job types that harm the scheduler of their own process, until they are cancelled: for tests of its health."""

import ctypes
import gc
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from jobs.job import Handler, Run
from jobs.outcomes import Done, Outcome
from scheduler.clock import THREADS
from scheduler.runtime import Runtime


@contextmanager
def _timetable(runtime: Runtime) -> Iterator[None]:
    """APScheduler's thread waits for its own lock."""
    with runtime.clock._scheduler._jobstores_lock:
        yield


@contextmanager
def _tasks(runtime: Runtime) -> Iterator[None]:
    """Every thread that could run a task is taken: the timetable goes on, and nothing comes of it."""
    over, taken = threading.Event(), threading.Semaphore(0)
    for _ in range(THREADS):
        runtime.clock._scheduler._executors["default"]._pool.submit(lambda: taken.release() or over.wait())
    for _ in range(THREADS):
        taken.acquire()
    yield
    over.set()


@contextmanager
def _pump(runtime: Runtime) -> Iterator[None]:
    """The pump waits in the middle of a step."""
    with runtime.pump._single_flight:
        yield


@contextmanager
def _death(runtime: Runtime) -> Iterator[None]:
    """The pump's thread ends, as by a fault that nothing catches."""
    [pump] = [thread for thread in runtime._threads if thread.name == "pump"]
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(pump.ident), ctypes.py_object(SystemExit))
    yield


def _until_cancelled(harm: Callable[[Runtime], ExitStack]) -> Handler:
    def handler(run: Run) -> Outcome:
        [runtime] = [one for one in gc.get_objects() if isinstance(one, Runtime)]
        with harm(runtime):
            while not run.cancelled():
                time.sleep(0.01)
        return Done({})

    return handler


HANDLERS: dict[str, Handler] = {
    "nothing": lambda _run: Done({}),
    "timetable": _until_cancelled(_timetable),
    "tasks": _until_cancelled(_tasks),
    "pump": _until_cancelled(_pump),
    "death": _until_cancelled(_death),
}

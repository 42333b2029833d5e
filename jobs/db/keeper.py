"""Keeps the embedded PostgreSQL running for as long as it has clients, in a process of its own.

    client ──holds──▶ clients.lock (shared)        keeper ──holds──▶ keeper.lock
                           ▲                         │
                           └─ tries it exclusively ──┤ got it: nobody is left, stop and go
                                                     └─ starts ──▶ postgres (started again when it crashes)

Locks vanish with the process that holds them, so a kill -9 of anybody leaves nothing behind that must be
believed or cleaned.  The kernel stops PostgreSQL when the keeper dies.

Run as a file, with the standard library alone, so that it starts in milliseconds whatever the application
imports: `python -I -S keeper.py HOME SOCKET_DIR BIN_DIR durable|scratch`.
"""

import ctypes
import fcntl
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

LOOK_EVERY_S = 0.2
QUICK_END_S = 10.0
PAUSES_S = (0.1, 0.2, 0.4, 0.8)  # between quick ends in a row; after them it gives up
STOP_S = 30.0
PR_SET_PDEATHSIG = 1
PORT = 5432  # names the socket, there is no TCP; said aloud, or a PGPORT in the environment would be believed
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",  # without a password, so for its own user (and root) alone
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
}


def main(home: Path, socket_dir: Path, bin_dir: Path, *, durable: bool) -> None:
    """Returns as soon as a keeper is in charge: this one, going on in the background, or an older one."""
    keeper_lock = (home / "keeper.lock").open("a")
    try:
        fcntl.flock(keeper_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    cluster = home / "data"
    for pid_file in (cluster / "postmaster.pid", socket_dir / f".s.PGSQL.{PORT}.lock"):
        clear(pid_file, cluster)
    if os.fork():  # a child of init, so that no client has a dead keeper to bury
        os._exit(0)
    with (home / "clients.lock").open("a") as clients:
        keep(clients, cluster, postgres_command(cluster, socket_dir, bin_dir, durable=durable))
        if not durable and nobody_holds(clients):
            discard(cluster)
        keeper_lock.close()  # before `clients` is: whoever comes next finds the keeper's place free


def postgres_command(cluster: Path, socket_dir: Path, bin_dir: Path, *, durable: bool) -> list[str]:
    command = [str(bin_dir / "postgres"), "-D", str(cluster), "-k", str(socket_dir), "-p", str(PORT)]
    fsync = "on" if durable else "off"
    settings = SETTINGS | {"fsync": fsync, "full_page_writes": fsync}
    return command + [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]


def keep(clients: IO[str], cluster: Path, command: list[str]) -> None:
    """Runs PostgreSQL until its last client is gone, or until it ends quickly time and again."""
    pauses_s = iter(PAUSES_S)
    while True:
        began = time.monotonic()
        server = launch(command, cluster)
        if outlives_clients(server, clients):
            stop(server)
            return
        if time.monotonic() - began > QUICK_END_S:
            pauses_s = iter(PAUSES_S)
        pause_s = next(pauses_s, None)
        if pause_s is None:
            return
        time.sleep(pause_s)


def launch(command: list[str], cluster: Path) -> subprocess.Popen[bytes]:
    """Starts PostgreSQL as the owner of its cluster; root cannot run it."""
    owner = cluster.stat() if os.geteuid() == 0 else None
    keeper_pid = os.getpid()
    return subprocess.Popen(  # noqa: S603 - no shell, and the words are ours
        command,
        user=owner and owner.st_uid,
        group=owner and owner.st_gid,
        extra_groups=[] if owner else None,
        cwd="/",
        env={"PATH": os.defpath, "LC_ALL": "C"},  # not the application's secrets
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,  # it writes nothing there; see ended()
        preexec_fn=lambda: die_with(keeper_pid),  # noqa: PLW1509 - safe here: this process has one thread
    )


def die_with(keeper_pid: int) -> None:
    """Asks Linux to stop this process (fast shutdown) when the keeper dies; other systems cannot."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != keeper_pid:  # it died before we had asked
            os._exit(1)


def outlives_clients(server: subprocess.Popen[bytes], clients: IO[str]) -> bool:
    """Waits; True when the last client has gone, False when PostgreSQL has ended first."""
    while not ended(server):
        if nobody_holds(clients):
            return True
    return False


def ended(server: subprocess.Popen[bytes]) -> bool:
    """Waits a moment; True when PostgreSQL's processes are all gone, which its pipe's end tells.

    Backends outlive a server that was killed for a while, and until then no other can open their cluster.
    """
    assert server.stdout
    readable, _, _ = select.select([server.stdout], [], [], LOOK_EVERY_S)
    if not readable or os.read(server.stdout.fileno(), 4096):
        return False
    server.wait()
    return True


def nobody_holds(clients: IO[str]) -> bool:
    """Whether the last client is gone; the lock that tells it also makes newcomers wait."""
    try:
        fcntl.flock(clients, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def stop(server: subprocess.Popen[bytes]) -> None:
    server.send_signal(signal.SIGINT)
    try:
        server.wait(STOP_S)
    except subprocess.TimeoutExpired:
        server.send_signal(signal.SIGQUIT)
        server.wait()


def discard(cluster: Path) -> None:
    """Deletes it under another name, so that half of it never counts; what remains goes with the next start."""
    shutil.rmtree(cluster.rename(cluster.with_name(f"draft-{os.getpid()}")), ignore_errors=True)


def clear(pid_file: Path, cluster: Path) -> None:
    """Removes a pid file that PostgreSQL would wrongly believe, and stops a server that lost its keeper.

    A number in it that belongs to a zombie or, after a reboot, to some other process makes PostgreSQL refuse
    to start, and so does an empty file.  It still finds backends that outlived a crash, by shared memory.
    """
    try:
        pid = int(pid_file.read_text().split()[0])
    except FileNotFoundError:
        return
    except (ValueError, IndexError):
        pid = 0
    deadline = time.monotonic() + STOP_S
    while serves(pid, cluster) and time.monotonic() < deadline:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)
        time.sleep(0.1)
    if not serves(pid, cluster):
        pid_file.unlink(missing_ok=True)


def serves(pid: int, cluster: Path) -> bool:
    """Whether process `pid` is a server of this cluster: a zombie has no command line any more."""
    return f" -D {cluster} " in command_line(pid)


def command_line(pid: int) -> str:
    """The words of a process's command line, between spaces; empty for a zombie or an unknown pid."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
    if sys.platform == "linux":
        return ""
    listing = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    return subprocess.run(listing, capture_output=True, text=True, check=False).stdout  # noqa: S603 - as above


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), durable=sys.argv[4] == "durable")

"""Clients that send without pause, in a process of their own so that they take no time from the test's."""

import multiprocessing
import pathlib
import select
import selectors
import signal
import socket
import time

from .sockets import reset_when_closed
from .timing import ms

OPENED_AT_ONCE = 64


def _drive(peer, payload, connections, reset_after, started, stop):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    selector = selectors.DefaultSelector()

    def open_one():
        try:
            made = socket.create_connection(peer, timeout=5)
        except OSError:
            return
        made.setblocking(False)
        selector.register(made, selectors.EVENT_READ | selectors.EVENT_WRITE, [0, 0])

    def close_one(made):
        selector.unregister(made)
        reset_when_closed(made)
        made.close()

    for _ in range(connections):
        open_one()
    started.set()
    while not stop.is_set():
        for _ in range(min(connections - len(selector.get_map()), OPENED_AT_ONCE)):
            open_one()
        for key, events in selector.select(0.05):
            at = key.data
            try:
                if events & selectors.EVENT_READ and not key.fileobj.recv(1 << 18):
                    raise ConnectionResetError
                if events & selectors.EVENT_WRITE:
                    sent = key.fileobj.send(payload[at[0]:at[0] + (1 << 17)])
                    at[0] = (at[0] + sent) % len(payload)
                    at[1] += sent
                if reset_after and at[1] >= reset_after:
                    raise ConnectionResetError
            except BlockingIOError:
                continue
            except OSError:
                close_one(key.fileobj)


def flood_unread(link, data, bytes_max):
    """Sends `data` again and again without ever reading until the peer takes no more; the bytes that it took."""
    link.setblocking(False)
    sent = 0
    while sent < bytes_max and select.select([], [link], [], ms(300) / 1000)[1]:
        try:
            sent += link.send(data[sent % len(data):])
        except BlockingIOError:
            pass
        except (ConnectionResetError, BrokenPipeError):
            break
    return sent


class Flood:
    """`payload` again and again on each of the connections, whose replies are read. With `reset_after` each is
    reset after so many bytes, and another is opened."""

    def __init__(self, peer, payload, connections=64, reset_after=None):
        context = multiprocessing.get_context("fork")
        self._started, self._stop = context.Event(), context.Event()
        self._process = context.Process(target=_drive, daemon=True, args=(peer, payload, connections, reset_after,
                                                                           self._started, self._stop))

    def __enter__(self):
        self._process.start()
        assert self._started.wait(30), "the flood does not begin"
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._process.join(10)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def io_thread_time(daemon):
    """Nanoseconds of processor time that the only I/O thread has used. Beside it, how long a call takes tells more
    about the machine than about the daemon."""
    tasks = pathlib.Path(f"/proc/{daemon.process.pid}/task")
    thread = next(each for each in tasks.iterdir() if (each / "comm").read_text().strip() == "io-0")
    return int((thread / "schedstat").read_text().split()[0])


def work_before_replies(daemon, connection, seconds, method="demo.echo_inline"):
    """The I/O thread's processor time, in ms, between a quick call and its reply, for calls that one
    client makes one after another."""
    taken = []
    end = time.monotonic() + seconds
    while time.monotonic() < end or len(taken) < 3:
        begin = io_thread_time(daemon)
        connection.request(method, ["quick"], within=60)
        taken.append((io_thread_time(daemon) - begin) / 1e6)
        time.sleep(0.001)
    return sorted(taken)


def quantile(sorted_values, share):
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * share))]

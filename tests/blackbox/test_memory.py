"""Allocation failures: they cost calls and connections, never the daemon."""

import json
import pathlib
import resource
import threading
import unittest

from support.daemon import DaemonTest, code, main
from support.program import has_sanitizer

REQUEST_BYTES = 10 << 20


@unittest.skipIf(has_sanitizer(), "a sanitizer's allocator does not survive it")
class OutOfMemory(DaemonTest):
    def start_with_spare(self, spare_bytes):
        """A daemon whose address space may grow by so much."""
        daemon = self.start(server={"workers": 2, "io_threads": 1, "max_message": "16MiB", "max_response": "64MiB",
                                    "max_output_buffer": "64MiB"})
        self.connect(daemon).fence()
        status = pathlib.Path(f"/proc/{daemon.process.pid}/statm").read_text()
        size = int(status.split()[0]) * resource.getpagesize() + spare_bytes
        resource.prlimit(daemon.process.pid, resource.RLIMIT_AS, (size, size))
        return daemon

    def outcome(self, connection):
        """The outcome of one big call: its code, or "closed"."""
        try:
            connection.call("demo.echo", ["x" * REQUEST_BYTES])
            text = connection.receive_text()
        except (ConnectionResetError, BrokenPipeError):
            return "closed"
        return code(json.loads(text)) if text else "closed"

    def outcomes(self, daemon, count):
        """The outcomes of simultaneous big calls, each on a separate connection."""
        found = []
        connections = [self.connect(daemon, ("tcp", "unix")[number % 2]) for number in range(count)]
        threads = [threading.Thread(target=lambda each=each: found.append(self.outcome(each))) for each in connections]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for connection in connections:
            connection.close()
        self.assertEqual(len(found), count)
        return found

    def check(self, spares, rounds, calls):
        """Some big calls are too much; small ones are served after each round of them."""
        refused = 0
        for spare in spares:
            with self.subTest(spare=spare):
                daemon = self.start_with_spare(int(spare * REQUEST_BYTES))
                for _ in range(rounds):
                    found = self.outcomes(daemon, calls)
                    self.assertLessEqual(set(found), {-32603, "closed", "ok"})
                    refused += len(found) - found.count("ok")
                    self.connect(daemon).fence()
                daemon.wait_in_flight(0)
                self.assertEqual(daemon.stop(), 0)
        self.assertGreater(refused, 0, "no allocation failed")

    # Spare memory in sizes of a request: from too little for its text to enough for that, a copy and the
    # reply, so that it runs out at every step on the way.

    def test_a_call_that_is_too_big_for_the_memory_is_refused_or_cut_off(self):
        self.check((0.25, 1, 1.5, 2, 2.5, 3, 3.5, 4, 5), 1, 1)

    def test_several_that_are_too_big_together_are_refused_or_cut_off(self):
        self.check((0.25, 1.5, 3.5), 4, 3)


if __name__ == "__main__":
    main()

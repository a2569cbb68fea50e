"""Tests of a daemon in front of upstreams."""

from .daemon import DaemonTest


class UpstreamTest(DaemonTest):
    """`self.front(...)` gives a daemon in front of upstreams; at the end of a test nothing may be left of its calls."""

    def front(self, *urls, methods=("demo.*",), server=None, log=None, **settings):
        backend = {"name": "up", "url": list(urls), "methods": list(methods), "dialect": "sluice", **settings}
        daemon = self.start(arguments=(), backends=[backend], server=server, log=log or {"level": "debug"})
        self.addCleanup(self.nothing_is_left, daemon)
        return daemon

    def nothing_is_left(self, daemon):
        if daemon.process.poll() is not None:
            return
        daemon.wait_value(0, "sluice_backend_in_flight")
        daemon.wait_in_flight(0)

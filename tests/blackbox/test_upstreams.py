"""Upstreams: methods that other JSON-RPC servers answer, good ones and bad ones."""

import functools
import json

from daemon import DaemonTest, main, message


def url_of(daemon, scheme="tcp"):
    if scheme == "unix":
        return f"unix://{daemon.unix()}"
    host, port = daemon.tcp()
    return f"{scheme}://{host}:{port}"


class UpstreamTest(DaemonTest):
    """`self.front(...)` gives a daemon in front of upstreams; at the end of a test nothing may be left of its calls."""

    def front(self, *urls, methods=("demo.*",), server=None, log=None, **settings):
        backend = {"name": "up", "url": list(urls), "methods": list(methods), **settings}
        daemon = self.start(arguments=(), backends=[backend], server=server, log=log or {"level": "debug"})
        self.addCleanup(self.nothing_is_left, daemon)
        return daemon

    def nothing_is_left(self, daemon):
        if daemon.process.poll() is not None:
            return
        daemon.wait_value(0, "sluice_backend_in_flight")
        daemon.wait_in_flight(0)


class ForwardingTest(UpstreamTest):
    """Another sluiced, by each way that leads to it."""

    schemes = ("tcp", "unix", "http", "ws")

    def each_scheme(self):
        for scheme in self.schemes:
            with self.subTest(scheme=scheme):
                yield self.front(url_of(self.daemon, scheme))

    def test_results_and_errors_come_back_as_they_are(self):
        for front in self.each_scheme():
            client = self.connect(front)
            self.assertEqual(client.result("demo.sum", [1, 2, 3]), 6)
            failure = {"code": 5, "message": "five", "data": {"why": "asked"}}
            self.assertEqual(client.request("demo.fail", failure)["error"], failure)
            self.assert_error(client.request("demo.throw"), -32603, "internal")
            self.assert_error(client.request("demo.none"), -32601, "unknown_method")

    def test_every_byte_of_ids_params_and_results_is_kept(self):
        params = r'{"z":1.0,"a":1e3,"n":123456789012345678901234567890,"m":-0.10E+2,"s":"\u00e9\n\ud83d\ude00\/","a2":[{},[],null]}'
        for front in self.each_scheme():
            client = self.connect(front)
            for id in ("1.0", "1e3", "9007199254740993", r'"\u0041\n"'):
                client.send(f'{{"jsonrpc":"2.0","id":{id},"method":"demo.echo","params":{params}}}\n')
                self.assertEqual(client.receive_text(), f'{{"jsonrpc":"2.0","id":{id},"result":{params}}}')

    def test_many_calls_at_once(self):
        for front in self.each_scheme():
            client = self.connect(front)
            calls = {client.call("demo.echo", [n]): [n] for n in range(100)}
            replies = client.receive_by_id(100)
            self.assertEqual({id: reply.get("result") for id, reply in replies.items()}, calls)

    def test_big_messages(self):
        params = ["x" * 1_000_000]
        for front in self.each_scheme():
            self.assertEqual(self.connect(front).result("demo.echo", params, within=20), params)


if __name__ == "__main__":
    main()

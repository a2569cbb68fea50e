"""Where calls wait, clients alternate, unless [admission] fair says otherwise."""

import time

from support.children import child
from support.configuration import digest
from support.daemon import SLOW, DaemonTest, Stopwatch, main, message, ms
from support.json_rpc import batch
from support.upstream_servers import Misbehaving

WINDOW = 128


class WaitingForAWorker(DaemonTest):
    def occupy(self, connection, count, milliseconds):
        for number in range(count):
            connection.call("demo.sleep", {"ms": ms(milliseconds)}, id=f"long {number}")

    def longest_wait(self, client, calls):
        longest = 0
        for _ in range(calls):
            watch = Stopwatch()
            client.result("demo.echo", [1], within=30)
            longest = max(longest, watch.ms())
        return longest

    def test_a_quick_call_waits_for_at_most_one_of_a_client_that_fills_the_queue(self):
        daemon = self.start(server={"workers": 4})
        greedy, modest = self.connect(daemon), self.connect(daemon)
        self.occupy(greedy, WINDOW, 100)
        daemon.wait_in_flight(WINDOW)
        # All of them would be 3,200 ms; two of them 200 ms.
        self.assertLess(self.longest_wait(modest, 15), ms(700))
        greedy.reset()

    def test_the_framing_of_the_connections_makes_no_difference(self):
        daemon = self.start(server={"workers": 1})
        greedy = self.connect(daemon)
        greedy.headers = True
        for number in range(40):
            text = '{"jsonrpc":"2.0","method":"demo.sleep","params":{"ms":%d},"id":%d}' % (ms(100), number)
            greedy.send(f"Content-Length: {len(text)}\r\n\r\n{text}")
        daemon.wait_in_flight(40)
        self.assertLess(self.longest_wait(self.connect(daemon), 3), ms(700))
        greedy.reset()

    def test_each_entry_of_a_batch_is_a_call_of_its_client(self):
        daemon = self.start(server={"workers": 1, "batch_width": 100})
        greedy = self.connect(daemon)
        calls = ['{"jsonrpc":"2.0","method":"demo.sleep","params":{"ms":%d},"id":%d}' % (ms(100), n) for n in range(60)]
        greedy.send_message(batch(calls))
        daemon.wait_in_flight(60)
        self.assertLess(self.longest_wait(self.connect(daemon), 3), ms(700))
        greedy.reset()

    def test_connections_alternate_call_by_call(self):
        daemon = self.start(server={"workers": 1})
        greedy, modest = self.connect(daemon), self.connect(daemon)
        self.occupy(greedy, 40, 50)
        daemon.wait_in_flight(40)
        for number in range(5):
            modest.call("demo.sleep", {"ms": ms(50)}, id=number)
        watch = Stopwatch()
        modest.receive_many(5, 20)
        # Its own five and at most six of the other's; in the order of arrival it would be 45.
        self.assertLess(watch.ms(), ms(1150))
        greedy.reset()

    def test_a_client_does_not_wait_behind_calls_of_clients_that_are_gone(self):
        daemon = self.start(server={"workers": 1, "drain_timeout": "0ms"})
        for _ in range(4):
            with self.connect(daemon) as greedy:
                greedy.send((message("demo.sleep", {"ms": ms(50)}) + "\n") * 30)
                greedy.result("demo.echo_inline")
                greedy.reset()
            daemon.wait_connections(0)
        # One of them may be where one of those was in memory: it is another client all the same.
        watch = Stopwatch()
        clients = [self.connect(daemon) for _ in range(12)]
        for client in clients:
            client.call("demo.echo", [1])
        for client in clients:
            client.receive(within=30)
        # All orphaned calls would be 6,000 ms; one of each client 200 ms.
        self.assertLess(watch.ms(), ms(2500))

    def test_all_connections_of_a_client_share_one_queue(self):
        tokens = {"greedy": "g" * 32, "modest": "m" * 32}
        clients = [{"name": name, "token_sha256": digest(token)} for name, token in tokens.items()]
        daemon = self.start(server={"workers": 1}, clients=clients)
        many = [self.connect(daemon) for _ in range(20)]
        modest = self.connect(daemon)
        for connection in many:
            connection.result("rpc.authenticate", [tokens["greedy"]])
        modest.result("rpc.authenticate", [tokens["modest"]])
        for connection in many:
            self.occupy(connection, 4, 100)
        daemon.wait_in_flight(80)
        # One of each of 20 connections would be 2,000 ms.
        self.assertLess(self.longest_wait(modest, 3), ms(700))
        for connection in many:
            connection.reset()

    def test_without_it_the_order_of_arrival_counts_from_a_reload_on(self):
        daemon = self.start(server={"workers": 1})
        daemon.reload(text=daemon.config.read_text() + "\n[admission]\nfair = false\n")
        daemon.wait_log("configuration read again")
        first, second = self.connect(daemon), self.connect(daemon)
        self.occupy(first, 10, 50)
        daemon.wait_in_flight(10)
        watch = Stopwatch()
        second.result("demo.echo", [1])
        self.assertGreater(watch.ms(), 6 * ms(50))
        first.receive_many(10)


class WaitingForABackend(DaemonTest):
    def test_a_client_does_not_wait_behind_all_of_another_for_a_child(self):
        daemon = self.start(backends=[child()])
        greedy, modest = self.connect(daemon), self.connect(daemon)
        for _ in range(40):
            greedy.call("faulty.sleep", [0.1 * SLOW])
        daemon.wait_in_flight(40)
        for _ in range(3):
            watch = Stopwatch()
            modest.result("faulty.echo", [1], within=20)
            self.assertLess(watch.ms(), ms(1100))
        greedy.reset()

    def test_clients_alternate_at_an_upstream(self):
        server = Misbehaving()
        self.addCleanup(server.close)
        upstream = {"name": "up", "url": server.url(), "methods": ["bad.*"], "connections": 1, "concurrency": 1}
        daemon = self.start(backends=[upstream])
        first, second, third = (self.connect(daemon) for _ in range(3))
        first.call("bad.wait", ["held"])
        server.wait_seen("bad.wait")
        for number in range(4):
            first.call("bad.ok", [f"first {number}"])
        daemon.wait_value(5, "sluice_backend_in_flight")
        for number in range(2):
            second.call("bad.ok", [f"second {number}"])
        daemon.wait_value(7, "sluice_backend_in_flight")
        third.call("bad.ok", ["third 0"])
        daemon.wait_value(8, "sluice_backend_in_flight")
        time.sleep(0.002)  # calls that have waited for less than 1 ms leave in the order of their arrival
        server.released.set()
        for client, count in ((first, 5), (second, 2), (third, 1)):
            client.receive_many(count)
        order = [call["params"][0] for call in server.seen[1:]]
        self.assertEqual(order, ["second 0", "third 0", "first 0", "second 1", "first 1", "first 2", "first 3"])


if __name__ == "__main__":
    main()

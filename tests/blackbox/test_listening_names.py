"""Listening on a name: on all addresses that it has, whatever the hosts file gives it."""

import pathlib
import socket
import subprocess
import sys
import tempfile

from support.daemon import Connection, DaemonTest, eventually, free_port, main

HOSTS = """127.0.0.1 localhost two.test mixed.test twice.test
::1 localhost
127.0.0.2 two.test
192.0.2.1 mixed.test foreign.test
127.0.0.1 twice.test
"""


def takes_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
            return True
    except OSError:
        return False


def port_of_both():
    """A port that was free a moment ago on 127.0.0.1 and 127.0.0.2."""
    while True:
        port = free_port()
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.2", port))
                return port
            except OSError:
                pass


class NamesTest(DaemonTest):
    def setUp(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        hosts = pathlib.Path(folder) / "hosts"
        hosts.write_text(HOSTS)
        self.inside = ["unshare", "-rm", "sh", "-c", f'mount --bind {hosts} /etc/hosts && exec "$@"', "sh"]
        found = subprocess.run([*self.inside, "getent", "ahostsv4", "two.test"], capture_output=True, text=True)
        if "127.0.0.1" not in found.stdout or "127.0.0.2" not in found.stdout:
            self.skipTest(f"no names of its own: {found.stderr}")

    def start(self, ready=True, **options):
        return super().start(ready, prefix=self.inside, **options)

    def serves(self, peer):
        with Connection(peer) as connection:
            return connection.result("demo.echo", [1]) == [1]

    def assert_refused(self, host, port):
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection((host, port), 5).close()


class Start(NamesTest):
    def test_all_addresses_are_listened_on_with_the_same_free_port(self):
        names = {"two.test": {"127.0.0.1", "127.0.0.2"}}
        if takes_ipv6():
            names["localhost"] = {"127.0.0.1", "::1"}
        for name, hosts in names.items():
            with self.subTest(name):
                daemon = self.start(listen=[{"address": f"tcp://{name}:0"}])
                peers = [daemon.tcp(index) for index in range(2)]
                self.assertEqual({host for host, _ in peers}, hosts)
                self.assertEqual(len({port for _, port in peers}), 1)
                for peer in peers:
                    self.assertTrue(self.serves(peer), peer)
                self.assertEqual(daemon.log_text().count("listening on"), 2)

    def test_all_addresses_are_listened_on_at_the_port_that_was_asked_for(self):
        port = port_of_both()
        self.start(listen=[f"tcp://two.test:{port}"])
        for host in ("127.0.0.1", "127.0.0.2"):
            self.assertTrue(self.serves((host, port)))

    def test_an_address_that_the_resolver_gives_twice_is_listened_on_once(self):
        daemon = self.start(listen=["tcp://twice.test:0"])
        self.assertTrue(self.serves(daemon.tcp()))
        self.assertEqual(daemon.log_text().count("listening on"), 1)

    def test_an_address_that_this_machine_has_not_is_left_out(self):
        daemon = self.start(listen=[{"address": "tcp://mixed.test:0", "insecure": True}])
        self.assertEqual(daemon.tcp()[0], "127.0.0.1")
        self.assertTrue(self.serves(daemon.tcp()))
        daemon.wait_log(r"warn.*can't listen on tcp://mixed\.test:\d+: tcp://192\.0\.2\.1:\d+")

    def test_a_name_without_an_address_of_this_machine_is_refused(self):
        daemon = self.start(False, listen=[{"address": "tcp://foreign.test:0", "insecure": True}])
        self.assertEqual(daemon.wait_exit(), 1)
        self.assertIn("can't listen on tcp://foreign.test:0", daemon.log_text())

    def test_a_port_that_is_taken_on_one_address_is_refused_by_its_name(self):
        port = port_of_both()
        with socket.socket() as taken:
            taken.bind(("127.0.0.2", port))
            taken.listen()
            daemon = self.start(False, listen=[f"tcp://two.test:{port}"])
            self.assertEqual(daemon.wait_exit(), 1)
            self.assertRegex(daemon.log_text(), rf"can't listen on tcp://two\.test:{port}: tcp://127\.0\.0\.2:{port}.* in use")

    def test_the_admin_server_answers_on_all_addresses(self):
        daemon = self.start(admin="tcp://two.test:0")
        self.assertEqual({daemon.admin(index)[0] for index in range(2)}, {"127.0.0.1", "127.0.0.2"})
        self.assertEqual(daemon.admin(0)[1], daemon.admin(1)[1])
        for index in range(2):
            for path in ("/readyz", "/healthz", "/metrics"):
                self.assertEqual(daemon.http(path, index=index)[0], 200)


class FewPorts(NamesTest):
    """A network with eight ports to be chosen from, of which half are taken on the second address."""

    TAKE = """
import os, socket, sys
for port in (40000, 40001, 40004, 40005):
    taken = socket.socket()
    taken.bind(("127.0.0.2", port))
    taken.listen()
    os.set_inheritable(taken.detach(), True)
os.execv(sys.argv[1], sys.argv[1:])
"""

    def setUp(self):
        super().setUp()
        few = 'ip link set lo up && echo 40000 40007 > /proc/sys/net/ipv4/ip_local_port_range && exec "$@"'
        self.inside = [*self.inside, "unshare", "-n", "sh", "-c", few, "sh"]
        found = subprocess.run([*self.inside, "true"], capture_output=True, text=True)
        if found.returncode:
            self.skipTest(f"no network of its own: {found.stderr}")
        self.inside += [sys.executable, "-c", self.TAKE]

    def test_a_free_port_is_one_that_is_free_on_all_addresses(self):
        for _ in range(3):
            daemon = self.start(False, listen=["tcp://two.test:0"], admin="")
            ports = {daemon.wait_log(rf"listening on tcp://127\.0\.0\.{host}:(\d+)").group(1) for host in (1, 2)}
            self.assertEqual(len(ports), 1)
            self.assertEqual(daemon.stop(), 0)


class Reload(NamesTest):
    def reload(self, daemon, **parts):
        begin = len(daemon.log)
        daemon.reload(**parts)
        daemon.wait_log("configuration read again", 10, begin)
        return daemon.log[begin:]

    def test_an_address_becomes_a_name_and_a_name_another_of_its_addresses(self):
        port = port_of_both()
        daemon = self.start(listen=[f"tcp://127.0.0.1:{port}"])
        self.assert_refused("127.0.0.2", port)
        self.assertFalse([line for line in self.reload(daemon, listen=[f"tcp://two.test:{port}"]) if "no longer" in line])
        eventually(5, lambda: self.serves(("127.0.0.2", port)), "the second address is opened")
        self.assertTrue(self.serves(("127.0.0.1", port)))
        self.reload(daemon, listen=[f"tcp://127.0.0.2:{port}"])
        eventually(5, lambda: any(f"no longer listening on tcp://127.0.0.1:{port}" in line for line in daemon.log), "the first is closed")
        self.assert_refused("127.0.0.1", port)
        self.assertTrue(self.serves(("127.0.0.2", port)))

    def test_addresses_become_their_name_and_nothing_is_opened_or_closed(self):
        port = port_of_both()
        daemon = self.start(listen=[f"tcp://127.0.0.2:{port}", f"tcp://127.0.0.1:{port}"])
        for listen in ([f"tcp://two.test:{port}"], [f"tcp://127.0.0.1:{port}", f"tcp://127.0.0.2:{port}"]):
            lines = self.reload(daemon, listen=listen)
            self.assertFalse([line for line in lines if "listening on" in line], listen)
            for host in ("127.0.0.1", "127.0.0.2"):
                self.assertTrue(self.serves((host, port)))

    def test_the_same_name_keeps_the_port_that_was_free(self):
        daemon = self.start(listen=["tcp://two.test:0"])
        peers = [daemon.tcp(index) for index in range(2)]
        self.assertFalse([line for line in self.reload(daemon, server={"max_batch": 7}) if "listening on" in line])
        for peer in peers:
            self.assertTrue(self.serves(peer))

    def test_the_admin_address_is_compared_by_what_it_stands_for(self):
        port = port_of_both()
        daemon = self.start(admin=f"tcp://127.0.0.1:{port}")
        self.reload(daemon, admin=f"tcp://two.test:{port}")
        self.assertEqual(daemon.admin(1), ("127.0.0.2", port))
        for index in range(2):
            self.assertEqual(daemon.http("/readyz", index=index)[0], 200)
        self.reload(daemon, admin=f"tcp://127.0.0.2:{port}")
        eventually(5, lambda: self.assert_refused("127.0.0.1", port) is None, "the first is closed")
        self.assertEqual(daemon.http("/readyz", index=1)[0], 200)


if __name__ == "__main__":
    main()

"""The daemon under systemd, with a stand-in notify socket and with systemd-socket-activate: contract 6."""

import os
import shutil
import signal
import socket
import stat
import tempfile
import time
import unittest

from support.daemon import Connection, Daemon, DaemonTest, code, duration, eventually, free_port, limit, main, ms
from support.notify_socket import NotifySocket
from support.tls import TlsConnection, authority


class SystemdTest(DaemonTest):
    def notify(self):
        directory = tempfile.TemporaryDirectory(prefix="sluice-")
        self.addCleanup(directory.cleanup)
        notify = NotifySocket(directory.name)
        self.addCleanup(notify.close)
        return notify

    def notified(self, notify, environment=None, **options):
        return self.start(environment={"NOTIFY_SOCKET": notify.path, **(environment or {})}, **options)


class Notify(SystemdTest):
    def test_ready_is_sent_once_connections_are_served(self):
        notify = self.notify()
        daemon = Daemon(environment={"NOTIFY_SOCKET": notify.path})
        self.addCleanup(daemon.close)
        daemon.start(ready=False)
        notify.wait("READY", "1")
        daemon.wait_log("admin on")
        daemon.connect().fence()
        self.assertEqual(daemon.http("/readyz")[0], 200)
        self.assertEqual(len(notify.find("READY")), 1)

    def test_ready_is_never_sent_by_a_start_that_fails(self):
        notify = self.notify()
        daemon = Daemon(listen=["unix:///nonexistent/folder/x.sock"], environment={"NOTIFY_SOCKET": notify.path})
        self.addCleanup(daemon.close)
        daemon.start(ready=False)
        self.assertEqual(daemon.wait_exit(), 1)
        self.assertEqual(notify.find("READY"), [])

    def test_the_status_shows_calls_in_flight_and_limits(self):
        notify = self.notify()
        daemon = self.notified(notify, server={"workers": 2, "worker_queue": 50})
        at = notify.wait("STATUS")
        with daemon.connect() as connection:
            for id in range(7):
                connection.call("demo.sleep", {"ms": ms(20000)}, id=id)
            eventually(10, lambda: [1 for found in notify.find("STATUS", None, at) if "7" in notify.fields(found)["STATUS"]
                                    and "102" in notify.fields(found)["STATUS"]], "STATUS names 7 in flight of 102")
            connection.reset()

    def test_stopping_is_sent_from_the_first_moment_of_draining(self):
        notify = self.notify()
        daemon = self.notified(notify)
        with daemon.connect() as connection:
            connection.call("demo.sleep", {"ms": ms(500)})
            daemon.wait_in_flight(1)
            daemon.signal(signal.SIGTERM)
            notify.wait("STOPPING", "1")
            self.assertEqual(code(connection.receive()), "ok")
        self.assertEqual(daemon.wait_exit(), 0)

    def test_more_time_is_asked_for_while_draining(self):
        notify = self.notify()
        daemon = self.notified(notify, server={"drain_timeout": duration(30000)})
        with daemon.connect() as connection:
            connection.call("demo.sleep", {"ms": ms(2500)})
            daemon.wait_in_flight(1)
            daemon.signal(signal.SIGTERM)
            at = notify.wait("EXTEND_TIMEOUT_USEC")
            self.assertGreater(int(notify.fields(at)["EXTEND_TIMEOUT_USEC"]), 1_000_000)
            self.assertEqual(code(connection.receive()), "ok")
        self.assertEqual(daemon.wait_exit(), 0)

    def test_a_reload_is_announced_and_its_end_too(self):
        notify = self.notify()
        daemon = self.notified(notify)
        first = notify.wait("READY", "1")
        for text in (None, "[server\n"):  # a good file, a broken one: either way it is over
            begin = len(notify.received)
            daemon.reload(text=text, server={"max_batch": 5})
            at = notify.wait("RELOADING", "1", begin)
            self.assertGreater(int(notify.fields(at)["MONOTONIC_USEC"]), 0)
            self.assertGreater(notify.wait("READY", "1", at), first)

    def test_a_manager_that_creates_its_socket_again_receives_what_follows(self):
        first = self.notify()
        daemon = self.notified(first)
        first.wait("READY", "1")
        os.unlink(first.path)
        second = NotifySocket(os.path.dirname(first.path))
        self.addCleanup(second.close)
        daemon.reload(server={"max_batch": 5})
        second.wait("RELOADING", "1")
        second.wait("READY", "1")
        daemon.stop()
        second.wait("STOPPING", "1")

    def test_an_abstract_notify_socket_is_sent_to(self):
        name = f"sluice-test-{os.getpid()}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind("\0" + name)
            manager.settimeout(limit(10))
            self.start(environment={"NOTIFY_SOCKET": "@" + name})
            self.assertEqual(manager.recv(1024), b"READY=1")

    def test_without_systemd_nothing_is_missed(self):
        daemon = self.start(environment={"NOTIFY_SOCKET": "/nonexistent/notify"})
        daemon.connect().fence()


class Watchdog(SystemdTest):
    PERIOD_MS = 600

    def options(self, **server):
        return {"environment": {"WATCHDOG_USEC": str(ms(self.PERIOD_MS) * 1000)}, "server": server}

    def longest_gap_ms(self, notify, begin, end):
        times = [begin] + [when for when, fields in notify.received if fields.get("WATCHDOG") == "1" and begin <= when <= end] + [end]
        return max(after - before for before, after in zip(times, times[1:])) * 1000

    def test_keep_alives_are_sent_within_the_period(self):
        notify = self.notify()
        daemon = self.notified(notify, **self.options())
        at = notify.wait("WATCHDOG", "1")
        begin = notify.received[at][0]
        eventually(10, lambda: len(notify.find("WATCHDOG", "1")) >= 6, "keep-alives come again and again")
        self.assert_below(self.longest_gap_ms(notify, begin, notify.received[-1][0]), ms(self.PERIOD_MS))

    def test_without_a_request_no_keep_alives_are_sent(self):
        notify = self.notify()
        daemon = self.notified(notify)
        daemon.connect().result("demo.sleep", {"ms": ms(600)})
        self.assertEqual(notify.find("WATCHDOG"), [])

    def test_keep_alives_are_sent_while_every_worker_runs_a_long_call_within_its_limit(self):
        notify = self.notify()
        daemon = self.notified(notify, **self.options(workers=2))
        notify.wait("WATCHDOG", "1")
        begin = time.monotonic()
        with daemon.connect() as connection:
            for id in range(2):
                connection.call("demo.hang", {"ms": ms(1800)}, id=id)
            connection.receive_many(2)
        self.assert_below(self.longest_gap_ms(notify, begin, time.monotonic()), ms(self.PERIOD_MS))

    def test_keep_alives_pause_while_every_worker_is_stuck_past_its_limit(self):
        notify = self.notify()
        daemon = self.notified(notify, **self.options(workers=2, call_timeout=duration(100)))
        notify.wait("WATCHDOG", "1")
        with daemon.connect() as connection:
            for id in range(2):
                connection.call("demo.hang", {"ms": ms(2500)}, id=id)
            connection.receive_many(2)
            begin = time.monotonic()
            daemon.wait_in_flight(0, 10)
            stuck = self.longest_gap_ms(notify, begin, time.monotonic())
            self.assertGreater(stuck, ms(self.PERIOD_MS), "systemd would not have noticed")
        notify.wait("WATCHDOG", "1", len(notify.received))

    def test_keep_alives_are_sent_while_draining(self):
        notify = self.notify()
        daemon = self.notified(notify, **self.options(drain_timeout=duration(20000)))
        notify.wait("WATCHDOG", "1")
        with daemon.connect() as connection:
            connection.call("demo.sleep", {"ms": ms(2000)})
            daemon.wait_in_flight(1)
            begin = time.monotonic()
            daemon.signal(signal.SIGTERM)
            connection.receive()
            self.assert_below(self.longest_gap_ms(notify, begin, time.monotonic()), ms(self.PERIOD_MS))
        self.assertEqual(daemon.wait_exit(), 0)


class Inherited(SystemdTest):
    """Sockets handed over by hand: LISTEN_PID must be the daemon's own, so a shell sets it."""

    def activated(self, sockets, names=None, ready=True, **options):
        descriptors = [listening.fileno() for listening in sockets]
        # The shell puts them where systemd would: 3, 4, ...
        moves = "".join(f" {60 + at}<&{descriptor}" for at, descriptor in enumerate(descriptors))
        final = "".join(f" {3 + at}<&{60 + at} {60 + at}<&-" for at in range(len(descriptors)))
        script = f"exec{moves}; exec{final}; LISTEN_PID=$$ exec \"$@\"" if sockets else 'exec "$@"'
        environment = {"LISTEN_FDS": str(len(sockets))}
        if names:
            environment["LISTEN_FDNAMES"] = ":".join(names)
        daemon = Daemon(prefix=("bash", "-c", script, "activate"), environment=environment, pass_fds=descriptors, **options)
        self.addCleanup(daemon.close)
        return daemon.start(ready)

    def tcp_socket(self):
        listening = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listening.close)
        return listening, f"tcp://127.0.0.1:{listening.getsockname()[1]}"

    def unix_socket(self, mode=0o600):
        directory = tempfile.TemporaryDirectory(prefix="sluice-")
        self.addCleanup(directory.cleanup)
        listening = socket.socket(socket.AF_UNIX)
        self.addCleanup(listening.close)
        path = os.path.join(directory.name, "s.sock")
        listening.bind(path)
        os.chmod(path, mode)
        listening.listen(64)
        return listening, path

    def test_sockets_are_used_in_place_of_listeners_of_the_same_address(self):
        tcp, address = self.tcp_socket()
        unix, path = self.unix_socket()
        inode = os.stat(path).st_ino
        daemon = self.activated([tcp, unix], ["sluice", "sluice"], listen=[address, f"unix://{path}"])
        for peer in (tcp.getsockname(), path):
            with Connection(peer) as connection:
                connection.fence()
        self.assertEqual(os.stat(path).st_ino, inode)
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)

    def test_the_listener_s_tls_is_spoken_on_a_socket_of_its_address(self):
        tcp, address = self.tcp_socket()
        settings = authority().settings("server")
        self.activated([tcp], listen=[{"address": address, "tls": settings}])
        with TlsConnection(tcp.getsockname(), authority().client()) as connection:
            connection.fence()
        with Connection(tcp.getsockname()) as connection:
            self.assert_error(connection.request_text('{"jsonrpc":"2.0","method":"demo.echo","id":1}'), -32016)

    def test_other_listeners_are_opened_as_configured(self):
        tcp, address = self.tcp_socket()
        daemon = self.activated([tcp], listen=[address, "tcp://127.0.0.1:0"])
        with Connection(tcp.getsockname()) as connection:
            connection.fence()
        others = [daemon.tcp(index) for index in range(2) if daemon.tcp(index) != tcp.getsockname()]
        with Connection(others[0]) as connection:
            connection.fence()

    def test_a_connection_that_came_before_the_start_is_served(self):
        tcp, address = self.tcp_socket()
        with Connection(tcp.getsockname()) as early:
            id = early.call("demo.echo", ["early"])
            daemon = self.activated([tcp], listen=[address])
            self.assertEqual(early.receive()["result"], ["early"])
            self.assertEqual(daemon.stop(), 0)

    def test_a_stop_leaves_the_sockets_to_their_backlog(self):
        tcp, address = self.tcp_socket()
        unix, path = self.unix_socket()
        daemon = self.activated([tcp, unix], listen=[address, f"unix://{path}"])
        with Connection(path) as connection:
            connection.fence()
        self.assertEqual(daemon.stop(), 0)
        self.assertTrue(os.path.exists(path), "the path belongs to who made it")
        waiting = [self.connect_to(peer) for peer in (tcp.getsockname(), path)]
        for connection in waiting:
            connection.call("demo.echo", ["waited"])
        self.activated([tcp, unix], listen=[address, f"unix://{path}"])  # a restart refuses no client
        for connection in waiting:
            self.assertEqual(connection.receive()["result"], ["waited"])

    def connect_to(self, peer):
        connection = Connection(peer)
        self.addCleanup(connection.close)
        return connection

    def test_while_draining_new_connections_wait_for_the_next_daemon(self):
        tcp, address = self.tcp_socket()
        daemon = self.activated([tcp], listen=[address])
        with Connection(tcp.getsockname()) as busy:
            busy.call("demo.sleep", {"ms": ms(600)}, id=1)
            daemon.wait_in_flight(1)
            daemon.signal(signal.SIGTERM)
            eventually(5, lambda: daemon.http("/readyz")[0] == 503)
            late = self.connect_to(tcp.getsockname())
            late.call("demo.echo", ["late"])
            self.assertEqual(code(busy.receive()), "ok")
        self.assertEqual(daemon.wait_exit(), 0)
        self.activated([tcp], listen=[address])
        self.assertEqual(late.receive()["result"], ["late"])

    def refused(self, sockets, why, **options):
        """Expects a refused start: no setting says how to serve these sockets."""
        daemon = self.activated(sockets, ready=False, **options)
        self.assertEqual(daemon.wait_exit(), 2)
        self.assertRegex(daemon.log_text(), why)

    def test_a_socket_that_no_listener_names_is_not_opened_to_other_machines(self):
        for address in ("0.0.0.0", "::"):
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            with socket.create_server((address, 0), family=family) as open_to_all:
                self.refused([open_to_all], "can be reached from other machines", listen=["tcp://127.0.0.1:0"])
                port = open_to_all.getsockname()[1]
                self.refused([open_to_all], "can be reached from other machines", listen=[f"tcp://127.0.0.1:{port}"])

    def test_a_socket_that_no_listener_names_is_refused_where_clients_or_tls_are_asked_for(self):
        tcp, _ = self.tcp_socket()
        unix, _ = self.unix_socket()
        abstract = socket.socket(socket.AF_UNIX)
        self.addCleanup(abstract.close)
        abstract.bind(f"\0sluice-test-{os.getpid()}")
        abstract.listen()
        tls = {"address": "tcp://127.0.0.1:0", "tls": authority().settings("server")}
        for each in (tcp, unix, abstract):
            self.refused([each], "speaks no TLS, although a listener does", listen=[tls])
            self.refused([each], "needs no credentials, although clients are configured", listen=["tcp://127.0.0.1:0"],
                         clients=[{"name": "known", "token_sha256": "a" * 64}])

    def test_a_local_socket_that_no_listener_names_is_served_where_nothing_is_asked_for(self):
        tcp, _ = self.tcp_socket()
        unix, path = self.unix_socket()
        self.activated([tcp, unix], listen=["tcp://127.0.0.1:0"])
        for peer in (tcp.getsockname(), path):
            with Connection(peer) as connection:
                connection.fence()

    def test_a_socket_is_the_listener_s_however_its_address_is_spelled(self):
        tls = authority().settings("server")
        port = free_port()
        unix, path = self.unix_socket()
        link = os.path.dirname(path) + "-link"
        os.symlink(os.path.dirname(path), link)
        self.addCleanup(os.unlink, link)
        spellings = [("127.0.0.1", "tcp://localhost:{}"), ("::1", "tcp://[0:0:0:0:0:0:0:1]:{}"),
                     ("::ffff:127.0.0.1", "tcp://127.0.0.1:{}"), ("127.0.0.1", "tcp://[::ffff:127.0.0.1]:{}")]
        for host, spelling in spellings:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            with socket.socket(family) as tcp:
                if family == socket.AF_INET6:
                    tcp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
                tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                tcp.bind((host, 0))
                tcp.listen()
                port = tcp.getsockname()[1]
                address = spelling.format(port)
                daemon = self.activated([tcp, unix], listen=[{"address": address, "tls": tls},
                                                             f"unix://{link}/.//s.sock"])
                with Connection((host, port)) as connection:
                    reply = connection.request_text('{"jsonrpc":"2.0","method":"demo.echo","id":1}')
                    self.assert_error(reply, -32016)  # TLS is asked for
                with Connection(path) as connection:
                    connection.fence()
                daemon.stop()

    def test_a_reload_does_not_leave_a_socket_without_what_is_asked_for(self):
        tcp, address = self.tcp_socket()
        daemon = self.activated([tcp], listen=["tcp://127.0.0.1:0"])
        begin = len(daemon.log)
        daemon.reload(clients=[{"name": "known", "token_sha256": "a" * 64}])
        daemon.wait_log("reload refused.*needs no credentials, although clients are configured", 5, begin)
        daemon.reload(listen=["tcp://127.0.0.1:0", address])
        daemon.wait_log("configuration read again", 5, begin)
        with Connection(tcp.getsockname()) as connection:
            self.assert_error(connection.request("demo.echo", [1]), -32016)

    def test_a_socket_that_is_not_a_stream_is_refused_by_name(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as packets:
            packets.bind("")
            packets.listen()
            daemon = self.activated([packets], ready=False)
            self.assertEqual(daemon.wait_exit(), 1)
            self.assertIn("is not a stream socket", daemon.log_text())

    def test_a_reload_keeps_an_inherited_socket(self):
        tcp, address = self.tcp_socket()
        daemon = self.activated([tcp], listen=[address], server={"max_batch": 10})
        daemon.reload(server={"max_batch": 1})
        with Connection(tcp.getsockname()) as connection:
            eventually(5, lambda: isinstance(connection.request_text('[1,2]'), dict), "max_batch is 1")
        with Connection(tcp.getsockname()) as connection:
            connection.fence()

    def test_descriptors_meant_for_another_process_are_not_touched(self):
        daemon = self.start(environment={"LISTEN_FDS": "1", "LISTEN_PID": "1"})
        daemon.connect().fence()


@unittest.skipUnless(shutil.which("systemd-socket-activate"), "systemd-socket-activate is not installed")
class SocketActivate(SystemdTest):
    def activate(self, addresses, names, listen):
        """The activator listens and starts the daemon, in its own process, at the first connection."""
        arguments = [part for address in addresses for part in ("-l", address)] + [f"--fdname={names}"]
        passed = [f"-E{name}" for name in os.environ if name.endswith("SAN_OPTIONS")]
        daemon = Daemon(listen=listen, prefix=("systemd-socket-activate", *arguments, *passed))
        self.addCleanup(daemon.close)
        return daemon.start(ready=False)

    def first_connection(self, daemon, peer):
        def connected():
            connection = Connection(peer)
            self.addCleanup(connection.close)
            return connection
        return eventually(10, connected, "the activator listens")

    def test_the_first_connection_starts_the_daemon_and_is_served(self):
        port = free_port()
        daemon = self.activate([f"127.0.0.1:{port}"], "sluice", [f"tcp://127.0.0.1:{port}"])
        connection = self.first_connection(daemon, ("127.0.0.1", port))
        self.assertEqual(connection.result("demo.echo", ["first"]), ["first"])
        daemon.wait_ready()

    def test_several_named_sockets_are_taken_over(self):
        port = free_port()
        with tempfile.TemporaryDirectory(prefix="sluice-") as directory:
            path = os.path.join(directory, "s.sock")
            daemon = self.activate([f"127.0.0.1:{port}", path], "rpc:local", [f"tcp://127.0.0.1:{port}", f"unix://{path}"])
            connection = self.first_connection(daemon, path)
            connection.fence()
            with Connection(("127.0.0.1", port)) as other:
                other.fence()
            daemon.wait_ready()
            self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    main()

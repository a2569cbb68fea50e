"""The daemon in a container: control groups, user namespaces, a hidden /proc."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import textwrap
import unittest

from support.daemon import Connection, Daemon, DaemonTest, eventually, limit, main, ms, sluiced


@unittest.skipUnless(os.geteuid() == 0, "takes root")
class Container(DaemonTest):
    def control_group(self, quota):
        """The path of a group's list of processes with that share of a processor; skips where there can be none."""
        v1 = pathlib.Path("/sys/fs/cgroup/cpu")
        v2 = pathlib.Path("/sys/fs/cgroup")
        name = f"sluice-test-{os.getpid()}"
        period = 100_000
        try:
            if (v1 / "cpu.cfs_period_us").exists() or (v1 / "cgroup.procs").exists():
                group = v1 / name
                group.mkdir()
                self.addCleanup(group.rmdir)
                (group / "cpu.cfs_quota_us").write_text(str(int(quota * period)))
            else:
                group = v2 / name
                group.mkdir()
                self.addCleanup(group.rmdir)
                (group / "cpu.max").write_text(f"{int(quota * period)} {period}")
        except OSError as error:
            self.skipTest(f"no control group with a quota: {error}")
        return group / "cgroup.procs"

    def threads_of(self, daemon, name):
        tasks = pathlib.Path(f"/proc/{daemon.process.pid}/task")
        return sum((task / "comm").read_text().startswith(name) for task in tasks.iterdir())

    def test_a_quota_of_half_a_processor_counts_as_one_processor(self):
        processes = self.control_group(0.5)
        limited = Daemon(prefix=("sh", "-c", f'echo $$ > {processes}; exec "$0" "$@"'))
        self.addCleanup(limited.close)
        limited.start()
        # A thread names itself once it runs, which takes its time within the quota.
        eventually(10, lambda: self.threads_of(limited, "worker-") == 4, "four workers")
        self.assertEqual(self.threads_of(limited, "io-"), int(os.environ.get("SLUICE_IO_THREADS", 1)))
        free = self.start()
        workers = len(free.metrics().label_values("sluice_worker_busy", "worker"))
        self.assertEqual(workers, max(4, 2 * len(os.sched_getaffinity(0))))
        limited.stop()

    def test_workers_that_cannot_be_added_are_logged_once_and_then_rarely(self):
        group = pathlib.Path("/sys/fs/cgroup/pids", f"sluice-test-{os.getpid()}")
        if not group.parent.exists():
            group = pathlib.Path("/sys/fs/cgroup", f"sluice-test-{os.getpid()}")
        try:
            group.mkdir()
            self.addCleanup(group.rmdir)
            processes, most = group / "cgroup.procs", group / "pids.max"
            most.write_text("max")
        except OSError as error:
            self.skipTest(f"no control group with a limit of processes: {error}")
        daemon = Daemon(prefix=("sh", "-c", f'echo $$ > {processes}; exec "$0" "$@"'),
                        server={"workers": 1, "max_workers": 4, "io_threads": 1})
        self.addCleanup(daemon.close)
        daemon.start()
        most.write_text((group / "pids.current").read_text())
        with daemon.connect() as connection:
            for id in range(8):
                connection.call("demo.sleep", {"ms": ms(250)}, id=id)
            connection.receive_many(8, within=20)
        self.assertEqual(sum("no worker could be added" in line for line in daemon.log), 1, daemon.log_text())
        most.write_text("max")
        daemon.stop()

    def test_a_user_that_a_namespace_does_not_map_matches_no_client(self):
        with tempfile.TemporaryDirectory(prefix="sluice-") as directory:
            os.chmod(directory, 0o755)
            path = os.path.join(directory, "s.sock")
            config = pathlib.Path(directory, "sluiced.toml")
            config.write_text(textwrap.dedent(f"""
                [[listen]]
                address = "unix://{path}"
                mode = "0666"
                [admin]
                address = "tcp://127.0.0.1:0"
                [[client]]
                name = "root"
                user = 0
                """))
            process = subprocess.Popen(["unshare", "--user", "--map-root-user", sluiced(), "--demo", "--config", str(config)],
                                       stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.addCleanup(process.kill)
            with eventually(10, lambda: Connection(path)) as mapped:
                self.assertEqual(mapped.result("demo.echo", [1]), [1])
            ask = ("import os, socket; os.setgroups([]); os.setgid(1); os.setuid(1); s = socket.socket(socket.AF_UNIX); "
                   f"s.connect({path!r}); s.sendall(b'{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"demo.echo\"}}\\n'); "
                   "print(s.makefile().readline())")
            unmapped = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, timeout=limit(10))
            self.assertEqual(json.loads(unmapped.stdout)["error"]["code"], -32016, unmapped.stderr)
            process.terminate()
            process.wait(limit(10))

    def test_the_start_time_is_true_where_only_processes_are_seen_of_proc(self):
        shown = self.start().value("process_start_time_seconds")
        script = 'mount -t proc -o subset=pid proc /proc && exec "$0" "$@"'
        probe = subprocess.run(["unshare", "--mount", "sh", "-c", script, "true"], capture_output=True)
        if probe.returncode != 0:
            self.skipTest("no proc with subset=pid")
        daemon = Daemon(prefix=("unshare", "--mount", "sh", "-c", script))
        self.addCleanup(daemon.close)
        daemon.start()
        self.assertLess(abs(daemon.value("process_start_time_seconds") - shown), limit(30))


if __name__ == "__main__":
    main()

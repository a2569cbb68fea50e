"""Files of Unix sockets: their mode, stale and live sockets, and paths of other files."""

import os
import pathlib
import signal
import socket
import stat
import tempfile

from support.daemon import Connection, Daemon, DaemonTest, config_text, eventually, main, run_to_end


class Files(DaemonTest):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="sluice-")
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        self.path = self.directory / "s.sock"

    def options(self, **more):
        return {"listen": [{"address": f"unix://{self.path}", **more}]}

    def exit_with(self, **more):
        config = self.directory / "other.toml"
        config.write_text(config_text(**self.options(**more)))
        return run_to_end("--config", config)

    def fence(self):
        with Connection(str(self.path)) as connection:
            connection.fence()

    def test_the_file_has_the_configured_mode_whatever_the_umask(self):
        for umask in (0o022, 0o077, 0o000):
            old = os.umask(umask)
            try:
                for mode in ("0660", "0600", "0666", "0777"):
                    with self.subTest(mode, umask=umask):
                        daemon = self.start(**self.options(mode=mode))
                        found = os.stat(self.path)
                        self.assertTrue(stat.S_ISSOCK(found.st_mode))
                        self.assertEqual(oct(stat.S_IMODE(found.st_mode)), oct(int(mode, 8)))
                        self.fence()
                        self.assertEqual(daemon.stop(), 0)
            finally:
                os.umask(old)

    def test_the_mode_is_0660_by_default(self):
        self.start(**self.options())
        self.assertEqual(oct(stat.S_IMODE(os.stat(self.path).st_mode)), oct(0o660))

    def test_a_folder_that_is_missing_or_closed_is_named(self):
        for folder, problem in ((self.directory / "missing", "the folder {} has to exist"),
                                (pathlib.Path("/sys"), "files can't be made in the folder {}")):
            with self.subTest(folder):
                self.path = folder / "s.sock"
                status, _, errors = self.exit_with()
                self.assertEqual(status, 1)
                self.assertIn(f"can't listen on unix://{self.path}: {problem.format(folder)}: ", errors)

    def test_a_stale_socket_is_replaced(self):
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(self.path))
        self.start(**self.options())
        self.fence()

    def test_a_daemon_starts_again_after_it_was_killed(self):
        for _ in range(2):
            daemon = Daemon(**self.options()).start()
            self.fence()
            daemon.kill()
            self.assertTrue(self.path.exists())
        self.start(**self.options())
        self.fence()

    def test_a_live_daemons_socket_is_never_stolen(self):
        self.start(**self.options())
        for _ in range(3):
            status, _, errors = self.exit_with()
            self.assertEqual(status, 1, errors)
            self.assertIn(str(self.path), errors)
            self.fence()

    def test_a_foreign_programs_live_socket_is_never_stolen(self):
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(self.path))
            other.listen()
            before = os.stat(self.path).st_ino
            status, _, errors = self.exit_with()
            self.assertEqual(status, 1, errors)
            self.assertEqual(os.stat(self.path).st_ino, before)

    def test_of_many_that_start_at_once_one_gets_the_socket(self):
        daemons = [Daemon(**self.options()).start(ready=False) for _ in range(5)]
        try:
            eventually(10, lambda: sum(daemon.process.poll() is not None for daemon in daemons) == 4, "4 of 5 gave up")
            alive = [daemon for daemon in daemons if daemon.process.poll() is None]
            self.assertEqual(len(alive), 1)
            alive[0].wait_ready()
            self.fence()
            self.assertEqual({daemon.process.returncode for daemon in daemons if daemon not in alive}, {1})
        finally:
            for daemon in daemons:
                daemon.close()

    def test_a_file_that_is_not_a_socket_is_left_alone(self):
        self.path.write_text("precious")
        status, _, errors = self.exit_with()
        self.assertEqual(status, 1, errors)
        self.assertIn(str(self.path), errors)
        self.assertEqual(self.path.read_text(), "precious")
        self.path.unlink()
        self.path.mkdir()
        self.assertEqual(self.exit_with()[0], 1)
        self.assertTrue(self.path.is_dir())

    def test_a_link_to_something_else_is_left_alone(self):
        target = self.directory / "target"
        target.write_text("precious")
        self.path.symlink_to(target)
        self.assertEqual(self.exit_with()[0], 1)
        self.assertEqual(target.read_text(), "precious")
        self.assertTrue(self.path.is_symlink())

    def test_what_another_program_put_at_the_path_meanwhile_is_left_alone_at_the_end(self):
        for kind in ("socket", "file"):
            with self.subTest(kind), socket.socket(socket.AF_UNIX) as other:
                daemon = self.start(**self.options())
                self.fence()
                new = self.directory / "new"
                if kind == "socket":
                    other.bind(str(new))
                    other.listen()
                else:
                    new.write_text("precious")
                new.replace(self.path)  # there is a file at the path all the time
                before = os.stat(self.path).st_ino
                self.assertEqual(daemon.stop(), 0)
                self.assertEqual(os.stat(self.path).st_ino, before)
                self.path.unlink()

    def test_a_reload_changes_the_mode_of_its_own_file_and_of_no_other(self):
        daemon = self.start(**self.options(mode="0660"))
        begin = len(daemon.log)
        daemon.reload(**self.options(mode="0600"))
        daemon.wait_log("configuration read again", 5, begin)
        self.assertEqual(oct(stat.S_IMODE(os.stat(self.path).st_mode)), oct(0o600))
        new = self.directory / "new"
        new.write_text("precious")
        new.chmod(0o640)
        new.replace(self.path)
        begin = len(daemon.log)
        daemon.reload(**self.options(mode="0666"))
        daemon.wait_log("not this server's socket any more", 5, begin)
        self.assertEqual(oct(stat.S_IMODE(os.stat(self.path).st_mode)), oct(0o640))
        self.assertEqual(daemon.stop(), 0)

    def test_after_a_stop_the_path_can_be_used_again(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            daemon = self.start(**self.options())
            self.fence()
            daemon.signal(number)
            self.assertEqual(daemon.wait_exit(), 0)


if __name__ == "__main__":
    main()

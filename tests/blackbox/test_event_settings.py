"""What --check says of [events], [topic] entries and rights to topics."""

import pathlib
import tempfile

from support.daemon import DaemonTest, config_text, main, run_to_end

ME = {"name": "me", "token_sha256": "a" * 64}


class CheckOfEvents(DaemonTest):
    def check(self, **parts):
        """(exit code, stderr) of `sluiced --check` on these tables."""
        with tempfile.TemporaryDirectory(prefix="sluice-") as directory:
            path = pathlib.Path(directory, "c.toml")
            path.write_text(config_text(listen=[{"address": "tcp://127.0.0.1:0"}], **parts))
            status, _, errors = run_to_end("--check", "--config", path)
            return status, errors

    def refused(self, words, **parts):
        status, errors = self.check(**parts)
        self.assertEqual((status, len(errors.splitlines())), (2, 1), errors)
        self.assertRegex(errors, r"c\.toml:\d+:\d+: ")
        self.assertIn(words, errors)

    def test_limits_topics_and_rights_are_valid(self):
        orders = {"history": 1000, "history_bytes": "8MiB", "history_age": "10m", "key": "/id", "slow": "conflate"}
        topics = {"orders.*": orders, "jobs": {}, "*": {"slow": "close"}}
        events = {"max_subscriptions": 10, "max_subscriptions_total": 100, "queue": 16, "queue_bytes": "1MiB",
                  "slow": "drop_oldest", "slow_grace": "0s", "max_event": "64KiB", "heartbeat": "1s",
                  "http_path": "/stream", "first_event_delay": "0ms"}
        clients = [{**ME, "subscribe": ["orders.*", "jobs"], "publish": ["*"]}]
        self.assertEqual(self.check(events=events, topics=topics, clients=clients), (0, ""))

    def test_a_path_of_a_listener_is_refused(self):
        self.refused("listen.http_path", events={"http_path": "/"})
        self.refused("listen.health_path", events={"http_path": "/readyz"})

    def test_patterns_that_are_not_of_topics_are_refused(self):
        for pattern in ("orders*", "!orders", "a..b", "", "x" * 256):
            with self.subTest(pattern):
                self.refused("client.subscribe = an array with ", clients=[{**ME, "subscribe": [pattern]}])
                self.refused("client.publish = an array with ", clients=[{**ME, "publish": ["a", pattern]}])
                self.refused("is not a topic pattern", topics={pattern: {}})

    def test_a_reload_takes_other_limits_and_refuses_invalid_ones(self):
        daemon = self.start(events={"queue": 16})
        begin = len(daemon.log)
        daemon.reload(events={"queue": 32}, topics={"orders.*": {"history": 1}})
        daemon.wait_log("configuration read again", begin=begin)
        begin = len(daemon.log)
        daemon.reload(events={"http_path": "/"})
        daemon.wait_log(r"events\.http_path", begin=begin)
        self.connect(daemon).fence()


if __name__ == "__main__":
    main()

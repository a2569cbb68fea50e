"""Java's java.net.http, with its HttpClient and its WebSocket."""

import shutil
import unittest

from interop_test import HERE, CompiledClientTest
from support.daemon import main, ms


@unittest.skipUnless(shutil.which("javac"), "a JDK is not installed")
class Java(CompiledClientTest):
    @classmethod
    def compile(cls):
        cls.run_compiler(["javac", "-J-XX:TieredStopAtLevel=1", "-encoding", "UTF-8", "-d", cls.folder,
                          HERE / "JavaClient.java"])

    def test_calls_errors_long_calls_and_cancels(self):
        command = ["java", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", f"-Djava.io.tmpdir={self.folder}", "-cp", self.folder, "JavaClient"]
        self.run_client(command, self.url("http"), self.url("ws"), ms(500))


if __name__ == "__main__":
    main()

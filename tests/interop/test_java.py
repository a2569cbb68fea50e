"""Java's java.net.http, with its HttpClient and its WebSocket."""

import shutil
import tempfile
import unittest

from interop_test import HERE, CompiledClientTest
from daemon import SLOW, main, ms


@unittest.skipUnless(shutil.which("javac"), "a JDK is not installed")
@unittest.skipIf(SLOW > 1, "the compiler takes too long beside slow builds, and the peer is the same there")
class Java(CompiledClientTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = tempfile.TemporaryDirectory(prefix="sluice-java-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        cls.compile(["javac", "-J-XX:TieredStopAtLevel=1", "-encoding", "UTF-8", "-d", cls.folder, HERE / "JavaClient.java"])

    def test_calls_errors_long_calls_and_cancels(self):
        command = ["java", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", f"-Djava.io.tmpdir={self.folder}", "-cp", self.folder, "JavaClient"]
        self.run_client(command, self.url("http"), self.url("ws"), ms(500))


if __name__ == "__main__":
    main()

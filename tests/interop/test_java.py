"""Java's java.net.http, with its HttpClient and its WebSocket."""

import shutil
import tempfile
import unittest

from interop_test import HERE, ClientTest
from daemon import SLOW, main, ms


@unittest.skipUnless(shutil.which("javac"), "a JDK is not installed")
@unittest.skipIf(SLOW > 1, "the compiler takes too long beside slow builds, and the peer is the same there")
class Java(ClientTest):
    def test_calls_errors_long_calls_and_cancels(self):
        with tempfile.TemporaryDirectory(prefix="sluice-java-") as folder:
            command = ["java", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", f"-Djava.io.tmpdir={folder}", HERE / "JavaClient.java"]
            self.run_client(command, self.url("http"), self.url("ws"), ms(500), seconds=55)


if __name__ == "__main__":
    main()

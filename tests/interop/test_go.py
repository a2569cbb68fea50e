"""Go's net/http and gorilla/websocket."""

import os
import pathlib
import shutil
import tempfile
import unittest

from interop_test import HERE, CompiledClientTest
from daemon import SLOW, main, ms

CODE = pathlib.Path("/usr/share/gocode")  # where Debian's packages are


@unittest.skipUnless(shutil.which("go"), "go is not installed")
@unittest.skipUnless((CODE / "src/github.com/gorilla/websocket").exists(), "golang-github-gorilla-websocket-dev is not installed")
@unittest.skipIf(SLOW > 1, "the compiler takes too long beside slow builds, and the peer is the same there")
class Go(CompiledClientTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = tempfile.TemporaryDirectory(prefix="sluice-go-")
        cls.addClassCleanup(folder.cleanup)
        cls.program = pathlib.Path(folder.name) / "client"
        environment = {**os.environ, "GO111MODULE": "off", "GOPATH": str(CODE), "GOCACHE": f"{folder.name}/cache", "GOTMPDIR": folder.name, "GOFLAGS": "",
                       "GOENV": "off", "HOME": folder.name}
        cls.compile(["go", "build", "-o", cls.program, HERE / "go_client.go"], env=environment)

    def test_calls_errors_long_calls_and_cancels(self):
        self.run_client([self.program], self.url("http"), self.url("ws"), ms(500))


if __name__ == "__main__":
    main()

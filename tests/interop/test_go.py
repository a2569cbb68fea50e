"""Go's net/http and gorilla/websocket."""

import os
import pathlib
import shutil
import tempfile
import unittest

from interop_test import HERE, ClientTest
from daemon import SLOW, main, ms

CODE = pathlib.Path("/usr/share/gocode")  # where Debian's packages are


@unittest.skipUnless(shutil.which("go"), "go is not installed")
@unittest.skipUnless((CODE / "src/github.com/gorilla/websocket").exists(), "golang-github-gorilla-websocket-dev is not installed")
@unittest.skipIf(SLOW > 1, "the compiler takes too long beside slow builds, and the peer is the same there")
class Go(ClientTest):
    def test_calls_errors_long_calls_and_cancels(self):
        with tempfile.TemporaryDirectory(prefix="sluice-go-") as folder:
            environment = {**os.environ, "GO111MODULE": "off", "GOPATH": str(CODE), "GOCACHE": f"{folder}/cache", "GOTMPDIR": folder, "GOFLAGS": "",
                           "GOENV": "off", "HOME": folder}
            self.run_client(["go", "run", HERE / "go_client.go"], self.url("http"), self.url("ws"), ms(500), seconds=55, env=environment)


if __name__ == "__main__":
    main()

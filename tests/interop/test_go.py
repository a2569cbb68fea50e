"""Go's net/http and gorilla/websocket."""

import os
import pathlib
import shutil
import unittest

from interop_test import HERE, CompiledClientTest
from support.daemon import main, ms

CODE = pathlib.Path("/usr/share/gocode")  # where Debian's packages are


@unittest.skipUnless(shutil.which("go"), "go is not installed")
@unittest.skipUnless((CODE / "src/github.com/gorilla/websocket").exists(), "golang-github-gorilla-websocket-dev is not installed")
class Go(CompiledClientTest):
    @classmethod
    def compile(cls):
        folder = str(cls.folder)
        environment = {**os.environ, "GO111MODULE": "off", "GOPATH": str(CODE), "GOCACHE": f"{folder}/cache",
                       "GOTMPDIR": folder, "GOFLAGS": "", "GOENV": "off", "HOME": folder}
        cls.run_compiler(["go", "build", "-o", cls.folder / "client", HERE / "go_client.go"], env=environment)

    def test_calls_errors_long_calls_and_cancels(self):
        self.run_client([self.folder / "client"], self.url("http"), self.url("ws"), ms(500))


if __name__ == "__main__":
    main()

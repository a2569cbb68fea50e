"""A real browser (Debian's chromium, headless), servers of pages for it, and a name whose address changes while a page
is open."""

import http.server
import json
import os
import pathlib
import queue
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "blackbox"))
from support.daemon import limit  # noqa: E402

# A name that leads to this machine, as the owner of any name can arrange.
REBOUND = "rebound.example"

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run", "--no-proxy-server",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
         f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1")
PAGE_SECONDS = 30


class Chromium:
    """One browser with one page, a new one each time. Ended, with all its processes, at the end of the block."""

    def __init__(self, *arguments):
        self.arguments = arguments

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="sluice-chromium-", ignore_cleanup_errors=True)
        self.errors = open(f"{self.directory.name}/errors", "wb+")
        environment = {**os.environ, "HOME": self.directory.name, "XDG_CONFIG_HOME": self.directory.name, "XDG_CACHE_HOME": self.directory.name}
        self.process = subprocess.Popen(["chromium", *FLAGS, f"--user-data-dir={self.directory.name}/profile", *self.arguments],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.errors, env=environment,
                                        start_new_session=True)
        return self

    def messages(self):
        self.errors.seek(0)
        return self.errors.read().decode("utf-8", "replace").strip()

    def __exit__(self, *_):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()
        self.directory.cleanup()


def why_not():
    """Why no browser can be run here; None where one can."""
    if not shutil.which("chromium"):
        return "chromium is not installed"
    with Chromium("--dump-dom", "data:text/html,<p>drawn") as browser:
        try:
            out, _ = browser.process.communicate(timeout=limit(PAGE_SECONDS))
        except subprocess.TimeoutExpired:
            return "chromium does not end"
        if b"<p>drawn" not in out:
            return f"chromium does not run here: {(browser.messages().splitlines() or ['it says nothing'])[-1]}"
    return None


class PageServer:
    """Serves page.html at an origin of its own, and takes what the page reports.

    /page is the page; /sandboxed the same without an origin. /ready says that the page is loaded; `when_ready`
    is called then, before the page continues. POST /report ends a visit."""

    def __init__(self):
        self.reports = queue.Queue()
        self.when_ready = None
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.port = self.server.server_address[1]
        self.origin = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def handler(pages):
        class Handler(http.server.BaseHTTPRequestHandler):
            timeout = limit(PAGE_SECONDS)

            def do_GET(self):
                path = self.path.partition("?")[0]
                if path in ("/page", "/sandboxed"):
                    sandbox = {"Content-Security-Policy": "sandbox allow-scripts"} if path == "/sandboxed" else {}
                    return self.answer(200, (HERE / "page.html").read_bytes(), {"Content-Type": "text/html; charset=utf-8", **sandbox})
                if path == "/ready":
                    if pages.when_ready:
                        pages.when_ready()
                    return self.answer(200, b"", {"Access-Control-Allow-Origin": "*"})
                self.answer(404, b"", {})

            def do_POST(self):
                pages.reports.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.answer(200, b"", {})

            def answer(self, status, body, headers):
                self.send_response(status)
                for name, value in {**headers, "Cache-Control": "no-store", "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        return Handler

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def visit(self, url):
        """The report of the page at `url`, which has to be page.html."""
        with Chromium(url) as browser:
            try:
                return self.reports.get(timeout=limit(PAGE_SECONDS))
            except queue.Empty:
                raise AssertionError(f"no report from {url}; chromium says:\n{browser.messages()}")


class Rebinding:
    """A port that leads to `first`, and after rebind() to `second`. A name does the same if its owner moves it from his
    own server to this machine while his page is open. A connection's first bytes decide where it leads."""

    def __init__(self, first, second):
        self.target, self.second = first, second
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def rebind(self):
        self.target = self.second

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with client:
            client.settimeout(limit(PAGE_SECONDS))
            try:
                data = client.recv(1 << 16)
                if data:
                    self.join(client, data)
            except OSError:
                pass  # one of the two has gone

    def join(self, client, data):
        with socket.create_connection(self.target, timeout=limit(PAGE_SECONDS)) as server:
            back = threading.Thread(target=self.copy, args=(server, client), daemon=True)
            back.start()
            server.sendall(data)
            self.copy(client, server)
            back.join(limit(PAGE_SECONDS))

    @staticmethod
    def copy(source, sink):
        try:
            while data := source.recv(1 << 16):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

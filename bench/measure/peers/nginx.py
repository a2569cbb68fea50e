"""nginx answering every request with the same bytes: the yardstick for HTTP."""

import contextlib

from measure.peers import accepts, free_port, installed, wrk

NAME = "nginx, constant (HTTP)"
LOADS = ("W1", "W2")  # wrk has one request in flight on each connection
CONFIG = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location / {{ default_type application/json; return 200 '{body}'; }}
  }}
}}
"""


def usable(bench):
    return installed(bench, "nginx", "nginx", "wrk")


@contextlib.contextmanager
def running(bench, load):
    """The server, and what gives its rate under the load."""
    port, config = free_port(), bench.path("conf")
    body = wrk.request(load).replace('"method":"echo","params"', '"result"')
    config.write_text(CONFIG.format(folder=bench.folder, port=port, body=body), encoding="utf-8")
    with bench.start("nginx", "-c", config) as server:
        server.until(lambda: accepts(port), "nginx does not listen")
        yield server, lambda: wrk.rate_of(bench, port, load)


@contextlib.contextmanager
def echo(bench, load):
    with running(bench, load) as (_, rate):
        yield rate

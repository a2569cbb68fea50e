"""nginx in front of the daemon: HTTP/1.0 to the server as it does by default, HTTP/1.1, and WebSocket."""

import unittest

from proxy_test import READ_TIMEOUT, OverHttp, OverWebSocket, ProxyTest, documented, program
from support.daemon import main, message

UPGRADE = "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;"


@unittest.skipUnless(program("nginx"), "nginx is not installed")
class Nginx(OverHttp, OverWebSocket, ProxyTest):
    http_paths = ("/plain", "/kept", "/unbuffered")
    reused_path = "/kept"
    websocket_path = "/websocket"

    @classmethod
    def proxy_command(cls, folder, port, targets):
        temporary = "".join(f"  {kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        url = f"http://127.0.0.1:{targets['one']}/"
        (folder / "nginx.conf").write_text(f"""
daemon off;
master_process off;
pid {folder}/pid;
error_log stderr;
events {{ worker_connections 64; }}
http {{
{temporary}
  access_log off;
  client_max_body_size 8m;
  proxy_read_timeout {READ_TIMEOUT};
  upstream sluiced {{ server 127.0.0.1:{targets['one']}; keepalive 4; }}
  server {{
    listen 127.0.0.1:{port};
    location = /plain {{ proxy_pass {url}; }}
    location = /kept {{ proxy_pass http://sluiced/; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host; }}
    location = /unbuffered {{ proxy_pass {url}; proxy_http_version 1.1; proxy_buffering off; proxy_request_buffering off; }}
    location = /websocket {{ proxy_pass {url}; proxy_http_version 1.1; {UPGRADE} }}
    location = /websocket_1_0 {{ proxy_pass {url}; {UPGRADE} }}
    location = /websocket_without_headers {{ proxy_pass {url}; proxy_http_version 1.1; }}
    location = /named {{ proxy_pass http://sluiced/; }}
    location = /readyz {{ proxy_pass {url}readyz; }}
  }}
}}
""")
        return [program("nginx"), "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]

    def test_a_handshake_over_http_1_0_is_refused_by_the_version(self):
        answer = self.unshaken().refused("/websocket_1_0")
        self.assertEqual(answer.status, 400)
        self.assertIn("HTTP/1.1", answer.body.decode())

    def test_a_handshake_without_its_headers_is_refused(self):
        self.assertIn(self.unshaken().refused("/websocket_without_headers").status, (400, 405, 426))

    def test_the_name_of_an_upstream_as_host_has_to_be_allowed(self):
        status, reply = self.ask("/named", message("demo.sum", [1, 2], 1))
        self.assertEqual(status, 403)
        self.assertIn("sluiced", str(reply))
        allowing = self.start(listen=[{"address": "tcp://127.0.0.1:0", "allowed_hosts": ["sluiced"]}])
        self.port = self.start_proxy(self.addCleanup, one=allowing)
        self.assertEqual(self.ask("/named", message("demo.sum", [1, 2], 1))[1]["result"], 3)

    def test_readiness_is_asked_through_it(self):
        client = self.client()
        client.request("GET", "/readyz")
        self.assertEqual(client.getresponse().status, 200)


@unittest.skipUnless(program("nginx"), "nginx is not installed")
class Documented(OverWebSocket, ProxyTest):
    """The configuration of deploy/README.md with other ports and times."""

    websocket_path = "/rpc"

    @classmethod
    def proxy_command(cls, folder, port, targets):
        block = documented("nginx").replace("127.0.0.1:8080", f"127.0.0.1:{port}").replace("60s", READ_TIMEOUT)
        block = block.replace("127.0.0.1:7070", f"127.0.0.1:{targets['one']}")
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        paths = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
        (folder / "nginx.conf").write_text(f"daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log stderr;\n"
                                           f"events {{}}\nhttp {{\n{paths}access_log off;\n{block}}}\n")
        return [program("nginx"), "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]

    def test_calls_over_http(self):
        for params in ([1, 2], [3_000_000, 4]):
            status, reply = self.ask("/rpc", message("demo.sum", params, 1))
            self.assertEqual((status, reply.get("result")), (200, sum(params)))
        self.assertEqual(self.ask("/rpc", message("demo.echo", ["x" * 3_000_000], 1))[0], 200)


if __name__ == "__main__":
    main()

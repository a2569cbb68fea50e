"""TLS for tests: certificates made by the openssl program, and a client whose every byte is in the test's hands."""

import atexit
import functools
import pathlib
import socket
import ssl
import subprocess
import tempfile
import warnings

from .daemon import Connection


def openssl(*arguments, **more):
    return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=60, **more)


class Authority:
    """Issues certificates, as files in a folder of its own: NAME.pem and NAME.key."""

    def __init__(self, name="authority"):
        folder = tempfile.TemporaryDirectory(prefix="sluice-tls-")
        atexit.register(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.name = name
        openssl("req", "-x509", *self._new_key(name), "-out", self.certificate(name), "-days", 2,
                "-subj", f"/CN={name}")

    def _new_key(self, name):
        return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", self.key(name))

    def certificate(self, name=None):
        return self.folder / f"{name or self.name}.pem"

    def key(self, name):
        return self.folder / f"{name}.key"

    def issue(self, name, subject=None, names="DNS:localhost, IP:127.0.0.1"):
        request, extensions = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        openssl("req", "-new", "-utf8", *self._new_key(name), "-out", request, "-subj", subject or f"/CN={name}")
        extensions.write_text(f"subjectAltName = {names}\n")
        openssl("x509", "-req", "-in", request, "-CA", self.certificate(), "-CAkey", self.key(self.name), "-days", 2,
                "-CAcreateserial", "-extfile", extensions, "-out", self.certificate(name))
        return name

    def settings(self, name, **more):
        return {"certificate": str(self.certificate(name)), "key": str(self.key(name)), **more}

    def client(self, certificate=None, version=None, issuer=None):
        """A context that trusts this authority alone."""
        context = ssl.create_default_context(cafile=str(self.certificate()))
        if version:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # old versions have to be refused
                context.minimum_version = context.maximum_version = version
        if certificate:
            issuer = issuer or self
            context.load_cert_chain(str(issuer.certificate(certificate)), str(issuer.key(certificate)))
        return context


@functools.cache
def authority():
    """The authority that tests trust."""
    made = Authority()
    for name in ("server", "other"):
        made.issue(name)
    made.issue("client", "/O=Example/CN=deploy")
    return made


@functools.cache
def stranger():
    """An authority that no test trusts."""
    made = Authority("stranger")
    for name in ("server", "client"):
        made.issue(name)
    return made


class TlsSocket:
    """The part of a socket's interface that Connection uses, over a TCP socket. An end of the stream without a
    close_notify raises ssl.SSLEOFError. `piece`: at most so many bytes are sent at a time."""

    family = socket.AF_INET

    def __init__(self, raw, context, piece=None):
        self.raw = raw
        self.piece = piece
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._in, self._out, server_hostname="localhost")

    def handshake(self):
        self._pump(self.tls.do_handshake)

    def _flush(self):
        data = self._out.read()
        for at in range(0, len(data), self.piece or max(len(data), 1)):
            self.raw.sendall(data[at:at + (self.piece or len(data))])

    def _pump(self, step):
        while True:
            try:
                done = step()
                self._flush()
                return done
            except ssl.SSLWantReadError:
                self._flush()
            except ssl.SSLError:
                self._flush()
                raise
            data = self.raw.recv(1 << 16)
            self._in.write(data) if data else self._in.write_eof()

    def settimeout(self, seconds):
        self.raw.settimeout(seconds)

    def setsockopt(self, *option):
        self.raw.setsockopt(*option)

    def sendall(self, data):
        self.tls.write(data)
        self._flush()

    def sealed(self, text):
        """The bytes that sendall() would put on the wire."""
        self.tls.write(text.encode())
        return self._out.read()

    def recv(self, size):
        try:
            return self._pump(lambda: self.tls.read(size))
        except ssl.SSLZeroReturnError:
            return b""

    def shutdown(self, _):
        """Says that nothing more comes, as TLS says it; what is still to come can be received."""
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        self._flush()

    def close(self):
        self.raw.close()


class TlsConnection(Connection):
    def __init__(self, peer, context, piece=None, **options):
        super().__init__(peer, **options)
        self.socket = TlsSocket(self.socket, context, piece)
        try:
            self.socket.handshake()
        except BaseException:
            self.socket.close()
            raise

    @property
    def tls(self):
        return self.socket.tls

    def truncate(self):
        """Ends the sending side of TCP without a word."""
        self.socket.raw.shutdown(socket.SHUT_WR)

"""A company's network on the loopback: its own CA, a web server with the CA's certificates, a proxy that leads to it."""

from __future__ import annotations

import base64
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseRequestHandler, TCPServer, ThreadingTCPServer

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Authority:
    """A CA in a folder: `ca.pem`, and per host a file with certificate and key."""

    folder: Path
    _key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.bundle = self.folder / "ca.pem"
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A company's own CA")])
        authority = self._builder(self._name, self._key).add_extension(x509.BasicConstraints(True, None), True)
        signed = authority.sign(self._key, hashes.SHA256())
        self.bundle.write_bytes(signed.public_bytes(serialization.Encoding.PEM))

    def certificate(self, *hosts: str) -> Path:
        """Issue a certificate for the hosts; the file holds its key too."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
        signed = self._builder(subject, key).add_extension(names, False).sign(self._key, hashes.SHA256())
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path = self.folder / f"{hosts[0]}.pem"
        path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
        return path

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return x509.CertificateBuilder(
            issuer_name=self._name,
            subject_name=subject,
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=now - timedelta(days=1),
            not_valid_after=now + timedelta(days=2),
        )


@dataclass
class Site:
    """A running web server: its port, and the paths that were asked for."""

    port: int
    asked: list[str] = field(default_factory=list)


@contextmanager
def site(served: Mapping[str, bytes | Path], certificate: Path) -> Iterator[Site]:
    """Serve the pages over HTTPS on a free port of the loopback."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            asked.append(self.path)
            content = served.get(self.path)
            if content is None:
                self.send_error(404)
                return
            size = len(content) if isinstance(content, bytes) else content.stat().st_size
            self.send_response(200)
            self.send_header("Content-Length", str(size))
            self.send_header("Content-Type", "text/html" if self.path.endswith("/") else "application/octet-stream")
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content if isinstance(content, bytes) else content.read_bytes())

        def log_message(self, format: str, *args: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def finish_request(self, request: object, client_address: object) -> None:
            # The handshake belongs to the connection's thread; a client that refuses the certificate ends only that.
            assert isinstance(request, socket.socket)
            try:
                with context.wrap_socket(request, server_side=True) as wrapped:
                    Handler(wrapped, client_address, self)
            except (ssl.SSLError, OSError):
                return

    with _running(Server(("127.0.0.1", 0), Handler)) as port:
        yield Site(port, asked)


@dataclass
class Proxy:
    """A running proxy: its port, and the hosts that clients asked it to reach."""

    port: int
    reached: list[str] = field(default_factory=list)


@contextmanager
def proxy(target: int, login: str = "") -> Iterator[Proxy]:
    """A company's proxy: whatever host a client asks for (CONNECT), it gets the server on port `target`.

    login: `user:password` that it demands, if any.
    """
    reached: list[str] = []
    wanted = "Basic " + base64.b64encode(login.encode()).decode()

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            reader = self.request.makefile("rb")
            method, host, _ = reader.readline().decode().split()
            headers = {}
            while line := reader.readline().decode().strip():
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
            if login and headers.get("proxy-authorization") != wanted:
                self.request.sendall(
                    b'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="company"\r\n'
                    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
                )
                return
            assert method == "CONNECT"
            reached.append(host)
            with socket.create_connection(("127.0.0.1", target)) as upstream:
                self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                back = threading.Thread(target=_copy, args=(upstream, self.request), daemon=True)
                back.start()
                _copy(self.request, upstream)
                back.join()

    class Server(ThreadingTCPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that hangs up ends its own connection and no more."""

    with _running(Server(("127.0.0.1", 0), Handler)) as port:
        yield Proxy(port, reached)


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return


@contextmanager
def _running(server: TCPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield int(server.socket.getsockname()[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""A server on this machine that can be told to fail; tests of acquire have it as the fixture ``loopback``.

    loopback.serve("/a.tif", data)                      # GET and HEAD, with ranges, ETag and length
    loopback.serve("/search", lambda request: {"features": []}, method="POST")   # a dict or list goes out as JSON
    loopback.fail(status=429, headers={"Retry-After": "1"})                      # the next request, whatever it asks
    loopback.fail(path="/a.tif", truncate=100)          # the next request for this path
    loopback.requests                                   # what was asked: method, path, query, headers, body
    loopback.url, loopback.other_url                    # the same server by two host names

Faults are used up one a request, those of the path first: ``status`` (with ``headers``, ``body``), ``stall`` (never
answers; ``stall="body"``: stands still in the middle of the body), ``truncate`` (so many bytes, then the end),
``reset`` (so many bytes, then the connection is torn), ``html`` (a page with status 200 and this title), ``wrong``
(other content with status 200), ``ignore_range`` (the whole body where a part was asked for), ``redirect`` (to).
"""

from __future__ import annotations

import contextlib
import fnmatch
import hashlib
import json
import re
import socket
import struct
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Request:
    """What a client asked."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]  # names in lower case
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Reply:
    """What the server answers when nothing is to fail."""

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    ranges: bool = True
    length: bool = True


class Loopback:
    """The scripted server."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._replies: list[tuple[str, str, Any]] = []
        self._faults: list[tuple[str | None, dict[str, Any]]] = []
        self._lock, self._closing = threading.Lock(), threading.Event()
        handler = type("Handler", (_Handler,), {"loopback": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def other_url(self) -> str:
        """Another host to a client, the same server."""
        return f"http://localhost:{self._server.server_port}"

    def serve(
        self,
        path: str,
        body: Any = b"",
        *,
        method: str = "GET",
        status: int = 200,
        headers: dict[str, str] | None = None,
        ranges: bool = True,
        length: bool = True,
    ) -> str:
        """Answer ``method path`` (``*`` and ``?`` as in a shell; the latest that fits counts); gives the address.

        Args:
            path: without query.
            body: bytes, text, a dict or list (JSON), a Path (its bytes), or a function of the Request that gives one of
                these or a tuple (status, body) or (status, body, headers).
            method: GET stands for HEAD too.
            status: of the reply.
            headers: more headers; one set to None is left out.
            ranges: whether Range is understood and announced, with an ETag of the body.
            length: whether Content-Length is sent.
        """
        with self._lock:
            self._replies.append((method, path, Reply(body, status, dict(headers or {}), ranges, length)))
        return self.url + path

    def fail(self, *, path: str | None = None, times: int = 1, **fault: Any) -> None:
        """Let the next ``times`` requests (for ``path``, if given) fail as ``fault`` says."""
        unknown = set(fault) - {
            "status", "headers", "body", "stall", "truncate", "reset", "html", "wrong", "ignore_range", "redirect",
        }  # fmt: skip
        if unknown:
            raise TypeError(f"unknown fault {unknown}")
        with self._lock:
            self._faults += [(path, fault)] * times

    def asked(self, path: str, method: str | None = None) -> list[Request]:
        """The requests for ``path`` (``*`` and ``?`` as in a shell)."""
        with self._lock:
            return [
                item for item in self.requests if fnmatch.fnmatchcase(item.path, path) and method in (None, item.method)
            ]

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _next(self, request: Request) -> tuple[dict[str, Any], Reply | None]:
        with self._lock:
            self.requests.append(request)
            fault = next((item for item in self._faults if item[0] == request.path), None)
            fault = fault or next((item for item in self._faults if item[0] is None), None)
            if fault:
                self._faults.remove(fault)
            method = "GET" if request.method == "HEAD" else request.method
            replies = [
                reply
                for wanted, path, reply in self._replies
                if wanted == method and fnmatch.fnmatchcase(request.path, path)
            ]
        return (fault[1] if fault else {}), (replies[-1] if replies else None)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is what the tests are about."""


class _Handler(BaseHTTPRequestHandler):
    loopback: Loopback
    protocol_version = "HTTP/1.1"
    timeout = 5

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:  # noqa: N802
        self._answer()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, parts.path, parse_qs(parts.query), headers, body)
        fault, reply = self.loopback._next(request)
        if fault.get("stall") is True:
            self.loopback._closing.wait(5)
            self.close_connection = True
        elif "status" in fault:
            self._send(fault["status"], _bytes(fault.get("body", {"error": {"message": "injected"}})), fault)
        elif "redirect" in fault:
            self._send(302, b"", {"headers": {"Location": fault["redirect"]}})
        elif "html" in fault:
            page = f"<!DOCTYPE html>\n<html><head><title>{fault['html']}</title></head><body>...</body></html>"
            self._send(200, page.encode(), {"headers": {"Content-Type": "text/html"}})
        elif "wrong" in fault:
            self._send(200, _bytes(fault["wrong"]), fault)
        elif reply is None:
            self._send(404, b'{"error": {"message": "no such path"}}', {})
        else:
            self._reply(request, reply, fault)

    def _reply(self, request: Request, reply: Reply, fault: dict[str, Any]) -> None:
        status, headers, given = reply.status, dict(reply.headers), reply.body
        if callable(given):
            given = given(request)
        if isinstance(given, tuple):
            status, given, *more = given
            headers |= more[0] if more else {}
        if isinstance(given, dict | list) and "Content-Type" not in headers:
            headers["Content-Type"] = "application/json"
        body = _bytes(given)
        if reply.ranges and status == 200:
            headers = {"Accept-Ranges": "bytes", "ETag": f'"{hashlib.md5(body).hexdigest()}"', **headers}
            asked = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
            same = request.headers.get("if-range", headers["ETag"]) in (headers["ETag"], headers.get("Last-Modified"))
            if asked and same and not fault.get("ignore_range"):
                first, last = int(asked[1]), min(int(asked[2] or len(body)), len(body) - 1)
                if first >= len(body):
                    self._send(416, b"", {"headers": {"Content-Range": f"bytes */{len(body)}"}})
                    return
                headers["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
                status, body = 206, body[first : last + 1]
        self._send(status, body, {**fault, "headers": headers}, length=reply.length)

    def _send(self, status: int, body: bytes, fault: dict[str, Any], *, length: bool = True) -> None:
        self.send_response(status)
        headers = {"Content-Type": "application/octet-stream", **fault.get("headers", {})}
        if length:
            headers.setdefault("Content-Length", str(len(body)))
        else:
            headers["Connection"] = "close"
        for name, value in headers.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        cut = fault.get("truncate", fault.get("reset"))
        if fault.get("stall") == "body":
            cut = len(body) // 2
        self.wfile.write(body if cut is None else body[:cut])
        self.wfile.flush()
        if fault.get("stall") == "body":
            self.loopback._closing.wait(5)
        if "reset" in fault:
            with contextlib.suppress(OSError):  # the client may be gone already
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
        if cut is not None:
            self.close_connection = True


def _bytes(body: Any) -> bytes:
    if isinstance(body, Path):
        return body.read_bytes()
    if isinstance(body, dict | list):
        body = json.dumps(body)
    return body.encode() if isinstance(body, str) else body

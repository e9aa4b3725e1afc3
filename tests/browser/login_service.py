"""A small OpenID Connect service on this machine: it lets in whoever says a name."""

from __future__ import annotations

import json
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT_ID = "loss-lab"
CLIENT_SECRET = "a secret of the test"
_KEY = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})


class _Service(ThreadingHTTPServer):
    """Keeps for each code that it gave what the app is to hear for it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.address = f"http://127.0.0.1:{self.server_port}"
        self.granted: dict[str, dict[str, str]] = {}


class _Answers(BaseHTTPRequestHandler):
    server: _Service

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(address.query).items()}
        if address.path == "/.well-known/openid-configuration":
            self._send(self._metadata())
        elif address.path == "/keys":
            self._send({"keys": [_KEY.as_dict(private=False)]})
        elif address.path == "/authorize" and "name" not in asked:
            self._ask_for_name(asked)
        elif address.path == "/authorize":
            self._grant(asked)
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        """The app, and not the browser, turns a code into a token, once."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        asked = {name: values[0] for name, values in parse_qs(body).items()}
        granted = self.server.granted.pop(asked.get("code", ""), None)
        if granted is None or granted["redirect_uri"] != asked.get("redirect_uri"):
            self.send_error(400)
            return
        now = int(time.time())
        claims = {
            "iss": self.server.address,
            "aud": CLIENT_ID,
            "sub": sha256(granted["name"].encode()).hexdigest(),
            "name": granted["name"],
            "nonce": granted["nonce"],
            "iat": now,
            "exp": now + 600,
        }
        token = jwt.encode({"alg": "RS256", "kid": "one"}, claims, _KEY)
        access = urlsafe_b64encode(secrets.token_bytes(8)).decode()
        self._send({"id_token": token, "access_token": access, "token_type": "Bearer"})

    def _metadata(self) -> dict[str, object]:
        here = self.server.address
        return {
            "issuer": here,
            "authorization_endpoint": f"{here}/authorize",
            "token_endpoint": f"{here}/token",
            "jwks_uri": f"{here}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def _ask_for_name(self, asked: dict[str, str]) -> None:
        if asked.get("client_id") != CLIENT_ID or asked.get("response_type") != "code":
            self.send_error(400)
            return
        hidden = "".join(f'<input type="hidden" name="{k}" value="{v}">' for k, v in asked.items())
        field = '<input name="name" aria-label="Who are you?"><button>Go on</button>'
        page = f"<form>{hidden}{field}</form>"
        self._answer(page.encode(), "text/html")

    def _grant(self, asked: dict[str, str]) -> None:
        code = secrets.token_hex(8)
        self.server.granted[code] = asked
        query = urlencode({"code": code, "state": asked["state"]})
        self.send_response(302)
        self.send_header("Location", f"{asked['redirect_uri']}?{query}")
        self.end_headers()

    def _send(self, plain: object) -> None:
        self._answer(json.dumps(plain).encode(), "application/json")

    def _answer(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """The tests' output is for the tests."""


@contextmanager
def login_service() -> Iterator[str]:
    """Serve it on a free port; yields its address."""
    service = _Service()
    thread = Thread(target=service.serve_forever, daemon=True)
    thread.start()
    try:
        yield service.address
    finally:
        service.shutdown()
        service.server_close()
        thread.join()


def secrets_of(service: str, app: str) -> str:
    """The file with which the app at an address logs people in there."""
    return f"""[auth]
redirect_uri = "{app}/oauth2callback"
cookie_secret = "{secrets.token_hex(32)}"
client_id = "{CLIENT_ID}"
client_secret = "{CLIENT_SECRET}"
server_metadata_url = "{service}/.well-known/openid-configuration"
"""

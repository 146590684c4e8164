"""How a client proves who it is, and learns who the server is: TLS and a token."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import grpc

# Addresses whose packets never leave the machine.
_LOOPBACK = re.compile(r"(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?|unix:.*")


@dataclasses.dataclass(frozen=True)
class ClientSecurity:
    """TLS and token of a client; the names are those of the server's options.

    Attributes:
        tls: Whether to encrypt, and to check the server's certificate.
        tls_ca: PEM file with the authorities that the server's certificate must come from; empty
            takes those that gRPC brings.
        tls_certificate: PEM file with the client's own certificates, for servers that ask for one.
        tls_key: PEM file with the key of the first of them.
        token_file: File with the token that the server asks for; it is read once.
    """

    tls: bool = False
    tls_ca: str = ""
    tls_certificate: str = ""
    tls_key: str = ""
    token_file: str = ""

    def __post_init__(self) -> None:
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise ValueError("tls_certificate and tls_key belong together; one of them is empty")
        if not self.tls:
            for name in ("tls_ca", "tls_certificate"):
                if getattr(self, name):
                    raise ValueError(f"{name} is set, but tls is false; set it to true")

    def channel_credentials(self) -> grpc.ChannelCredentials | None:
        """Returns the TLS side of a channel; None for one without.

        Raises:
            OSError: A file cannot be read.
        """
        if not self.tls:
            return None
        return grpc.ssl_channel_credentials(
            root_certificates=_read(self.tls_ca),
            private_key=_read(self.tls_key),
            certificate_chain=_read(self.tls_certificate),
        )

    def call_metadata(self, address: str) -> tuple[tuple[str, str], ...]:
        """Returns what each call carries.

        Args:
            address: Of the server.

        Raises:
            OSError: The token's file cannot be read.
            ValueError: It is empty, or the token would travel unencrypted over a network.
        """
        if not self.token_file:
            return ()
        if not self.tls and not _LOOPBACK.fullmatch(address):
            raise ValueError(
                f"token_file is set, but tls is false: everyone between here and {address} could "
                "read the token; set tls to true"
            )
        return (("authorization", f"Bearer {read_token(self.token_file)}"),)


def read_token(path: str) -> str:
    """Reads a token; white space around it does not belong to it.

    Raises:
        OSError: The file cannot be read.
        ValueError: The file is empty.
    """
    token = Path(path).read_text(encoding="utf-8").strip()
    if not token:
        raise ValueError(f"{path} is empty; a token was expected")
    return token


def _read(path: str) -> bytes | None:
    return Path(path).read_bytes() if path else None

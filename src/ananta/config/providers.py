"""Where configuration text comes from: files, the environment, the command line, the web.

A URI is `scheme:rest`; a bare path is a file. The same schemes serve `--config` and `${...}`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_URI = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+):(?P<rest>.*)", re.DOTALL)
_ENVIRONMENT_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_FETCH_TIMEOUT_SECONDS = 10
SCHEMES = ("env", "file", "http", "https", "yaml")


class ProviderError(ValueError):
    """A URI can't be read; the message names it and what is wrong."""


class Providers:
    """Reads URIs, and notes the environment variables that were not set."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.unset_variables: list[str] = []

    def read(self, uri: str) -> str:
        """The text a URI stands for; empty for a variable that is unset and has no default.

        Raises:
            ProviderError: the scheme is unknown, or the text can't be had.
        """
        match = _URI.fullmatch(uri)
        scheme, rest = (match["scheme"], match["rest"]) if match else ("", uri)
        if scheme in ("http", "https"):
            return _fetch(uri)
        readers: dict[str, Callable[[str], str]] = {
            "env": self._read_variable,
            "file": _read_file,
            "yaml": str,
        }
        if scheme not in readers:
            _refuse(f'scheme "{scheme}" is not supported for uri "{uri}"; {_KNOWN_SCHEMES}')
        return readers[scheme](rest)

    def _read_variable(self, text: str) -> str:
        name, has_default, default = text.partition(":-")
        if not _ENVIRONMENT_NAME.fullmatch(name):
            _refuse(
                f'environment variable "{name}" has invalid name: write letters, digits and _,'
                " not beginning with a digit; for a literal $ write $$"
            )
        value = self._environ.get(name)
        if value is None:
            if not has_default:
                self.unset_variables.append(name)
            return default
        return value


def is_uri(text: str) -> bool:
    """Whether a text begins with one of the schemes, or with what looks like one."""
    return _URI.fullmatch(text) is not None


def _read_file(path: str) -> str:
    """The file's text without the newline at its end, which secrets in files come with."""
    try:
        return Path(path).read_text(encoding="utf-8").removesuffix("\n")
    except OSError as error:
        message = f"unable to read the file {path}: {error.strerror or error}"
        raise ProviderError(message) from error
    except UnicodeDecodeError as error:
        message = f"unable to read the file {path}: it is not UTF-8 text"
        raise ProviderError(message) from error


def _fetch(url: str) -> str:
    import urllib.request  # here, because it takes as long to import as everything else together

    try:
        with urllib.request.urlopen(url, timeout=_FETCH_TIMEOUT_SECONDS) as response:
            body: bytes = response.read()
    except (OSError, ValueError) as error:
        message = f"unable to fetch {url}: {error}"
        raise ProviderError(message) from error
    return body.decode("utf-8", errors="replace").removesuffix("\n")


_KNOWN_SCHEMES = f"known schemes are {', '.join(SCHEMES)}"


def _refuse(message: str) -> None:
    raise ProviderError(message)

"""`${...}` in values, as the Collector expands it."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from ananta.config.expand import Expander
from ananta.config.model import Expanded
from ananta.config.providers import Providers

NESTED_LIST = '["${TEXT}", "${NUMBER}"]'


def expand(value, **environ):
    expander = Expander(Providers(environ))
    return expander.expand(value), expander


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${env:TEXT}", "hello"),
        ("${TEXT}", "hello"),
        ("$TEXT", "$TEXT"),
        ("x-${env:TEXT}-${NUMBER}-y", "x-hello-0123-y"),
        ("${env:NUMBER}", Expanded(83, "0123")),
        ("${env:TRUE}", Expanded(True, "true")),
        ("${env:YES}", "yes"),
        ("${env:FLOAT}", Expanded(1000.0, "1e3")),
        ("${env:DATE}", "2024-01-01"),
        ("${env:QUOTED}", '"0123"'),
        ("${env:LIST}", Expanded(["a", 1], "[a, 1]")),
        ("${env:EMPTY}", Expanded(None, "")),
        ("${env:NOT_YAML}", "[oops"),
        ("${env:EMPTY:-default}", Expanded(None, "")),
        ("${env:UNSET:-default}", "default"),
        ("${UNSET:-5}", Expanded(5, "5")),
        ("${env:UNSET:-}", Expanded(None, "")),
        ("${env:UNSET:-${env:TEXT}}", "hello"),
        ("${env:${env:NAME}}", "hello"),
        ("${env:NESTED}", "<hello>"),
        ("${env:NESTED_LIST}", Expanded(["hello", Expanded(83, "0123")], NESTED_LIST)),
        ("${yaml:[1, ${NUMBER}]}", Expanded([1, 83], "[1, 0123]")),
        ("$${TEXT}", "${TEXT}"),
        ("$$${TEXT}", "$hello"),
        ("$$$${TEXT}", "$${TEXT}"),
        ("${TEXT} $${TEXT}", "hello ${TEXT}"),
        ("a$$b", "a$b"),
        ("${env:DOLLARS}", "a$b"),
        ("no reference }", "no reference }"),
        ("${unclosed", "${unclosed"),
    ],
)
def test_references_are_replaced(text, value):
    environ = {
        "TEXT": "hello",
        "NUMBER": "0123",
        "TRUE": "true",
        "YES": "yes",
        "FLOAT": "1e3",
        "DATE": "2024-01-01",
        "QUOTED": '"0123"',
        "LIST": "[a, 1]",
        "EMPTY": "",
        "NOT_YAML": "[oops",
        "NAME": "TEXT",
        "NESTED": "<${env:TEXT}>",
        "NESTED_LIST": NESTED_LIST,
        "DOLLARS": "a$$b",
    }
    expanded, expander = expand(text, **environ)
    assert expanded == value
    assert expander.problems == []


def test_maps_and_lists_are_expanded_all_through():
    assert expand({"a": ["${X}", {"b": "${X}"}], "c": 1}, X="x")[0] == {
        "a": ["x", {"b": "x"}],
        "c": 1,
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("${env:1X}", 'environment variable "1X" has invalid name'),
        ("${}", 'environment variable "" has invalid name'),
        ("${vault:secret}", 'scheme "vault" is not supported for uri "vault:secret"'),
        ("${env:A$B}", "the uri \"env:A$B\" contains unsupported characters ('$')"),
        ("a ${MAP}", "${MAP} is a map; only a scalar can stand inside text"),
        ("a ${LIST}", "${LIST} is a list; only a scalar can stand inside text"),
        ("${SELF}", "too many recursive expansions"),
        ("${DOUBLE}", "too many recursive expansions"),
        ("${SELF_IN_LIST}", "too many recursive expansions"),
        ("${file:/nowhere/at/all}", "unable to read the file /nowhere/at/all"),
        ("${http://127.0.0.1:1/}", "unable to fetch http://127.0.0.1:1/"),
    ],
)
def test_a_reference_that_cannot_be_expanded_is_a_problem_at_its_path(text, problem):
    environ = {
        "MAP": "{a: 1}",
        "LIST": "[1]",
        "SELF": "${SELF}",
        "DOUBLE": "${DOUBLE}x${DOUBLE}",
        "SELF_IN_LIST": "[${SELF_IN_LIST}]",
    }
    _, expander = expand({"exporters": {"otlp": text}}, **environ)
    [(path, message)] = expander.problems
    assert path == ("exporters", "otlp")
    assert problem in message


def test_an_unset_variable_is_empty_and_warned_of():
    value, expander = expand({"a": "${env:UNSET}", "b": "x${UNSET}y", "c": "${env:SET}"}, SET="")
    assert value == {"a": Expanded(None, ""), "b": "xy", "c": Expanded(None, "")}
    assert [warning.split(";")[0] for warning in expander.warnings] == [
        "a: environment variable UNSET is not set, so the value is empty",
        "b: environment variable UNSET is not set, so the value is empty",
    ]


def test_a_file_brings_its_text_without_the_last_newline(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("hunter2\n")
    assert expand(f"Bearer ${{file:{secret}}}")[0] == "Bearer hunter2"


def test_a_web_page_brings_its_text():
    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"[1, 2]")

        def log_message(self, *args):
            pass

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        assert expand(f"${{http://127.0.0.1:{server.server_port}/}}")[0].value == [1, 2]
        thread.join()

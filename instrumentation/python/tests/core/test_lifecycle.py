"""No span is lost when a process ends, however it ends, and an absent collector holds nobody up."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING

import pytest

from ananta_tracing.testing_platform import free_ports

from .conftest import SOURCE, start_python
from .sink import Answer, Sink, attributes, grpc_sink, http_sink

if TYPE_CHECKING:
    from .conftest import Run

INIT = """
import os, signal, sys, threading, time
from ananta_tracing.setup import init_tracing, flush_tracing, shutdown_tracing, statistics
tracer = init_tracing("life", sys.argv[1], instrument="none")
"""

UNREACHABLE = "http://127.0.0.1:9"


def pids(sink: Sink) -> set[object]:
    return {resource["process.pid"] for resource in sink.resources}


def instance_ids(sink: Sink) -> set[object]:
    return {resource["service.instance.id"] for resource in sink.resources}


def check_processes(sink: Sink) -> set[object]:
    """The processes that sent spans: each under an instance id of its own, and its own spans only.

    A span says by its attribute `pid` in which process it was made.
    """
    sent = {(each["process.pid"], each["service.instance.id"]) for each in sink.resources}
    assert len(sent) == len(pids(sink)) == len(instance_ids(sink))
    for request in sink.requests:
        for group in request.resource_spans:
            made_in = {
                attributes(span.attributes)["pid"]
                for scope in group.scope_spans
                for span in scope.spans
            }
            assert made_in == {attributes(group.resource.attributes)["process.pid"]}
    return pids(sink)


@pytest.mark.parametrize("open_sink", [http_sink, grpc_sink])
def test_a_normal_exit_delivers_everything(open_sink, run_python: Run) -> None:
    with open_sink() as sink:
        done = run_python(
            INIT + "for number in range(2500): tracer.start_span(f'span {number}').end()",
            sink.endpoint,
            OTEL_EXPORTER_OTLP_PROTOCOL="grpc" if open_sink is grpc_sink else "http/protobuf",
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert {span.name for span in sink.spans} == {f"span {number}" for number in range(2500)}


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_an_absent_collector_costs_one_warning_and_no_long_wait(protocol, run_python: Run) -> None:
    done = run_python(
        INIT
        + """
for _ in range(3000): tracer.start_span("s").end()
begin = time.monotonic()
flushed = flush_tracing()
print(flushed, time.monotonic() - begin)
""",
        UNREACHABLE,
        OTEL_EXPORTER_OTLP_PROTOCOL=protocol,
    )
    flushed, seconds = done.stdout.split()
    assert done.returncode == 0
    assert flushed == "False"
    assert float(seconds) < 5
    assert done.stderr.count("Spans cannot be delivered now") == 1
    assert "start the collector" in done.stderr
    assert "3000 undelivered" in done.stderr
    assert done.stderr.count("\n") == 2


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_a_collector_that_cannot_be_reached_is_given_up_on(protocol, run_python: Run) -> None:
    """A port whose queue of connections is full neither accepts nor refuses."""
    with socket.socket() as full, contextlib.ExitStack() as stack:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        done = run_python(
            INIT
            + """
tracer.start_span("s").end()
begin = time.monotonic()
flushed = flush_tracing()
print(flushed, time.monotonic() - begin)
""",
            f"http://127.0.0.1:{full.getsockname()[1]}",
            OTEL_EXPORTER_OTLP_PROTOCOL=protocol,
            OTEL_BSP_SCHEDULE_DELAY="60000",
        )
    flushed, seconds = done.stdout.split()
    assert flushed == "False"
    assert float(seconds) < 4
    assert "no answer within" in done.stderr


def test_a_collector_that_never_answers_is_waited_for_until_the_deadline(
    http: Sink, run_python: Run
) -> None:
    http.answers = [Answer(delay_seconds=30)]
    begin = time.monotonic()
    done = run_python(
        INIT + "tracer.start_span('s').end(); print(flush_tracing(1.0)); shutdown_tracing(0.5)",
        http.endpoint,
    )
    assert done.stdout == "False\n"
    assert time.monotonic() - begin < 15


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_sigterm_without_a_handler_delivers_and_ends_as_sigterm_does(protocol) -> None:
    open_sink = grpc_sink if protocol == "grpc" else http_sink
    with open_sink() as sink:
        process = start_python(
            INIT
            + """
for number in range(500): tracer.start_span("s").end()
print("ready", flush=True)
time.sleep(60)
""",
            sink.endpoint,
            OTEL_EXPORTER_OTLP_PROTOCOL=protocol,
            OTEL_BSP_SCHEDULE_DELAY="60000",
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=30)
        assert (process.returncode, err) == (-signal.SIGTERM, "")
        assert len(sink.spans) == 500


def test_sigterm_under_load_loses_no_span_that_had_ended(http: Sink) -> None:
    process = start_python(
        INIT
        + """
os.set_blocking(1, True)
number = 0
print("ready", flush=True)
while True:
    tracer.start_span(str(number)).end()
    os.write(1, b".")
    number += 1
    if number % 50 == 0: time.sleep(0.01)
""",
        http.endpoint,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGTERM
    assert out.count(".") > 100
    assert out.count(".") <= len(http.spans)


def test_the_handler_of_the_application_stays(http: Sink) -> None:
    for installs in ("before", "after"):
        handler = (
            "signal.signal(signal.SIGTERM, lambda *_: (print('mine', flush=True), sys.exit(3)))\n"
        )
        code = "import signal, sys\n" + (handler if installs == "before" else "") + INIT
        code += handler if installs == "after" else ""
        code += "tracer.start_span('s').end(); print('ready', flush=True); time.sleep(60)"
        process = start_python(code, http.endpoint)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
        assert (process.returncode, out, err) == (3, "mine\n", "")
    assert len(http.spans) == 2


def test_an_ignored_sigterm_stays_ignored(http: Sink, run_python: Run) -> None:
    done = run_python(
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        + INIT
        + "os.kill(os.getpid(), signal.SIGTERM); print('alive')",
        http.endpoint,
    )
    assert (done.returncode, done.stdout) == (0, "alive\n")


def test_init_on_another_thread_leaves_signals_alone(http: Sink, run_python: Run) -> None:
    done = run_python(
        """
import signal, sys, threading
from ananta_tracing.setup import init_tracing
thread = threading.Thread(target=lambda: init_tracing("x", sys.argv[1], instrument="none"))
thread.start(); thread.join()
print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
""",
        http.endpoint,
    )
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_a_signal_while_the_thread_is_started_starts_no_other(http: Sink, run_python: Run) -> None:
    done = run_python(
        INIT
        + """
class Thread(threading.Thread):
    def __init__(self, *arguments, **options):
        threading.Thread = threading._RealThread
        super().__init__(*arguments, **options)
        signal.raise_signal(signal.SIGALRM)
threading._RealThread, threading.Thread = threading.Thread, Thread
signal.signal(signal.SIGALRM, lambda *_: tracer.start_span("in handler").end())
tracer.start_span("s").end()
print([thread.name for thread in threading.enumerate()].count("ananta-tracing"))
""",
        http.endpoint,
    )
    assert (done.stdout, done.stderr) == ("1\n", "")
    assert len(http.spans) == 2


def test_a_signal_in_the_middle_of_a_span_does_not_deadlock(http: Sink, run_python: Run) -> None:
    done = run_python(
        INIT
        + """
count = 0
def handler(*_):
    global count
    count += 1
    tracer.start_span("in handler").end()
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.0005)
for _ in range(4000): tracer.start_span("s").end()
signal.setitimer(signal.ITIMER_REAL, 0)
flushed = flush_tracing(30)
print(flushed, sum(statistics().dropped.values()), count + 4000 - statistics().exported)
""",
        http.endpoint,
        OTEL_BSP_MAX_QUEUE_SIZE="20000",
    )
    assert done.stdout == "True 0 0\n"


@pytest.mark.parametrize("open_sink", [http_sink, grpc_sink])
@pytest.mark.parametrize("is_used_before", [False, True])
def test_forked_children_send_their_own_spans(open_sink, is_used_before, run_python: Run) -> None:
    with open_sink() as sink:
        done = run_python(
            INIT
            + ("tracer.start_span('before').end(); flush_tracing()\n" if is_used_before else "")
            + """
tracer.start_span("parent").end()
children = []
for _ in range(3):
    pid = os.fork()
    if pid == 0:
        tracer.start_span("child").end()
        sys.exit(0)
    children.append(pid)
codes = [os.waitpid(pid, 0)[1] for pid in children]
print(codes)
""",
            sink.endpoint,
            OTEL_EXPORTER_OTLP_PROTOCOL="grpc" if open_sink is grpc_sink else "http/protobuf",
        )
        assert (done.returncode, done.stdout) == (0, "[0, 0, 0]\n")
        assert "Traceback" not in done.stderr
        names = [span.name for span in sink.spans]
        assert sorted(names) == ["before"] * is_used_before + ["child"] * 3 + ["parent"]
        assert len(pids(sink)) == 4
        assert len(instance_ids(sink)) == 4


def test_a_fork_does_not_happen_amid_an_import(grpc_server: Sink, run_python: Run) -> None:
    """Otherwise the child would wait for ever for a module its parent's thread was importing."""
    done = run_python(
        """
import sys, time
from importlib.abc import MetaPathFinder
class Slow(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "h2.connection":
            time.sleep(1)
sys.meta_path.insert(0, Slow())
"""
        + INIT
        + """
tracer.start_span("parent").end()
while "h2" not in sys.modules: time.sleep(0.01)
if os.fork() == 0:
    tracer.start_span("child").end()
    sys.exit(0)
os.wait()
""",
        grpc_server.endpoint,
        OTEL_EXPORTER_OTLP_PROTOCOL="grpc",
        OTEL_BSP_SCHEDULE_DELAY="10",
    )
    assert done.returncode == 0, done.stderr
    assert sorted(span.name for span in grpc_server.spans) == ["child", "parent"]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing_children_deliver(method, http: Sink, run_python: Run, tmp_path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        f"""
import multiprocessing, os, sys
from ananta_tracing.setup import init_tracing
tracer = init_tracing("many", sys.argv[1], instrument="none")
def make_span(name):
    tracer.start_span(name, attributes={{"pid": os.getpid()}}).end()
def work(number):
    make_span(f"child {{number}}")
if __name__ == "__main__":
    context = multiprocessing.get_context("{method}")
    make_span("parent")
    processes = [context.Process(target=work, args=(number,)) for number in range(3)]
    for process in processes: process.start()
    for process in processes: process.join()
    with context.Pool(2) as pool:
        pool.map(work, range(3, 9))
        pool.close()
        pool.join()
"""
    )
    done = run_python(
        "import subprocess, sys; sys.exit(subprocess.call([sys.executable, *sys.argv[1:]]))",
        str(program),
        http.endpoint,
    )
    assert (done.returncode, done.stderr) == (0, "")
    names = sorted(span.name for span in http.spans)
    assert names == sorted([f"child {number}" for number in range(9)] + ["parent"])
    # The parent, three processes, and one or both of the pool.
    assert len(check_processes(http)) in (5, 6)


def test_a_terminated_child_delivers(http: Sink, run_python: Run) -> None:
    done = run_python(
        INIT
        + """
import multiprocessing
def work(ready):
    tracer.start_span("child").end()
    ready.set()
    time.sleep(60)
context = multiprocessing.get_context("fork")
ready = context.Event()
process = context.Process(target=work, args=(ready,))
process.start()
ready.wait(); process.terminate(); process.join()
print(process.exitcode)
""",
        http.endpoint,
    )
    assert (done.stdout, done.stderr) == ("-15\n", "")
    assert [span.name for span in http.spans] == ["child"]


def test_gunicorn_workers_with_preload_deliver(http: Sink, tmp_path) -> None:
    (tmp_path / "application.py").write_text(
        f"""
import os
from ananta_tracing.setup import init_tracing
tracer = init_tracing("web", {http.endpoint!r}, instrument="none")
def app(environ, start_response):
    tracer.start_span(environ["PATH_INFO"], attributes={{"pid": os.getpid()}}).end()
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "--preload", "--workers", "2", "--bind", "127.0.0.1:0",
         "--max-requests", "5", "--no-control-socket", "application:app"],
        cwd=tmp_path, env={"PYTHONPATH": str(SOURCE), "PATH": "/usr/bin:/bin",
                           "OTEL_PYTHON_LOG_CORRELATION": "false"},
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    lines = []
    try:
        assert process.stderr is not None
        for line in process.stderr:
            lines.append(line)
            if "Listening at" in line:
                url = line.split("Listening at: ")[1].split()[0]
                break
        else:
            raise AssertionError("".join(lines))
        for number in range(40):
            for _attempt in range(20):  # a worker that is being recycled may hang up
                try:
                    urllib.request.urlopen(f"{url}/{number}", timeout=10).read()
                    break
                except OSError:
                    time.sleep(0.1)
    finally:
        process.send_signal(signal.SIGTERM)
        _, rest = process.communicate(timeout=30)
    assert "Traceback" not in rest
    names = {span.name for span in http.spans}
    assert names == {f"/{number}" for number in range(40)}, "".join(lines) + rest
    assert len(check_processes(http)) > 2


UVICORN = ["uvicorn", "--lifespan", "off", "--log-level", "warning", "--port"]
UVICORN_IN_GUNICORN = ["gunicorn", "-k", "uvicorn_worker.UvicornWorker", "--preload", "-w", "2",
                       "--no-control-socket", "--log-level", "warning", "-b"]  # fmt: skip


def test_a_signal_that_raises_while_spans_leave_waits_until_they_have(
    http: Sink, run_python: Run
) -> None:
    http.answers = [Answer(503, delay_seconds=1)]
    run_python(
        "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
        + INIT
        + """
timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM))
timer.daemon = True
timer.start()
tracer.start_span("s").end()
""",
        http.endpoint,
        OTEL_BSP_SCHEDULE_DELAY="600000",
    )
    assert len(http.spans) == 1


@pytest.mark.parametrize(
    ("command", "workers"),
    [(UVICORN, 1), ([*UVICORN[:-1], "--workers", "2", "--port"], 2), (UVICORN_IN_GUNICORN, 2)],
    ids=["uvicorn", "uvicorn workers", "gunicorn preload"],
)
def test_uvicorn_delivers_what_it_served_before_sigterm(
    command, workers, http: Sink, tmp_path
) -> None:
    if command is UVICORN_IN_GUNICORN:
        pytest.importorskip("uvicorn_worker")
    pytest.importorskip("uvicorn")
    (tmp_path / "application.py").write_text(
        f"""
import os
from ananta_tracing.setup import init_tracing
tracer = init_tracing("web", {http.endpoint!r}, instrument="none")
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    tracer.start_span(scope["path"], attributes={{"pid": os.getpid()}}).end()
    await send({{"type": "http.response.start", "status": 200, "headers": []}})
    await send({{"type": "http.response.body", "body": str(os.getpid()).encode()}})
"""
    )
    (port,) = free_ports(1)
    process = subprocess.Popen(
        [sys.executable, "-m", *command, f"127.0.0.1:{port}" if command[-1] == "-b" else str(port),
         "application:app"],
        cwd=tmp_path, stderr=subprocess.PIPE, text=True,
        env={"PYTHONPATH": str(SOURCE), "PATH": "/usr/bin:/bin",
             "OTEL_PYTHON_LOG_CORRELATION": "false", "OTEL_BSP_SCHEDULE_DELAY": "600000"},
    )  # fmt: skip
    served = set()
    answering = set()
    deadline = time.monotonic() + 60
    while (len(served) < 30 or len(answering) < workers) and time.monotonic() < deadline:
        path = f"/{len(served)}"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                answering.add(int(answer.read()))
            served.add(path)
        except OSError:
            time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    assert len(served) >= 30
    assert {span.name for span in http.spans} == served
    assert check_processes(http) == answering
    assert len(answering) == workers


def test_celery_workers_deliver_when_recycled_and_when_stopped(http: Sink, tmp_path) -> None:
    for folder in ("queue", "processed"):
        (tmp_path / folder).mkdir()
    (tmp_path / "tasks.py").write_text(
        f"""
import os
from celery import Celery
from ananta_tracing.setup import init_tracing
tracer = init_tracing("worker", {http.endpoint!r}, instrument="none")
app = Celery("tasks", broker="filesystem://")
app.conf.update(
    broker_transport_options=dict(data_folder_in="queue", data_folder_out="queue",
                                  processed_folder="processed"),
    worker_max_tasks_per_child=2, worker_hijack_root_logger=False,
)
@app.task
def work(number):
    tracer.start_span(f"task {{number}}", attributes={{"pid": os.getpid()}}).end()
"""
    )
    environ = {
        "PYTHONPATH": f"{SOURCE}:{tmp_path}",
        "PATH": "/usr/bin:/bin",
        "OTEL_PYTHON_LOG_CORRELATION": "false",
        "OTEL_BSP_SCHEDULE_DELAY": "600000",
        "HOME": str(tmp_path),
    }
    send = "import tasks\nfor number in range(5): tasks.work.delay(number)"
    subprocess.run([sys.executable, "-c", send], cwd=tmp_path, env=environ, check=True)
    worker = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "tasks", "worker", "--concurrency", "1",
         "--without-gossip", "--without-mingle", "--loglevel", "INFO"],
        cwd=tmp_path, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    lines: list[str] = []
    assert worker.stdout is not None
    for line in worker.stdout:
        lines.append(line)
        if sum("succeeded" in line for line in lines) == 5:
            break
    worker.send_signal(signal.SIGTERM)
    try:
        rest, _ = worker.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        # On a busy machine Celery may wait for ever here, with tracing and without.
        worker.kill()
        rest, _ = worker.communicate()
    assert "Traceback" not in "".join(lines) + rest
    names = sorted(span.name for span in http.spans)
    assert names == [f"task {number}" for number in range(5)], "".join(lines) + rest
    assert len(check_processes(http)) == 3  # each takes two tasks and is replaced


def test_shutdown_is_final_and_may_be_repeated(http: Sink, run_python: Run) -> None:
    done = run_python(
        INIT
        + """
tracer.start_span("s").end()
print(shutdown_tracing(), shutdown_tracing(), flush_tracing())
tracer.start_span("late").end()
print(statistics())
print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
""",
        http.endpoint,
    )
    assert done.stdout.splitlines() == [
        "True True True",
        "Statistics(exported=1, dropped={'shutdown': 1})",
        "True",
    ]
    assert "after tracing was shut down" in done.stderr
    assert [span.name for span in http.spans] == ["s"]


def test_resources_of_children_keep_what_is_common(http: Sink, run_python: Run) -> None:
    run_python(
        INIT
        + """
tracer.start_span("parent").end()
if os.fork() == 0:
    tracer.start_span("child").end(); sys.exit(0)
os.wait()
""",
        http.endpoint,
    )
    first, second = (
        attributes(request.resource_spans[0].resource.attributes) for request in http.requests
    )
    differing = {key for key in first if first[key] != second[key]}
    assert differing == {"process.pid", "service.instance.id"}

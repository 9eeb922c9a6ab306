"""`OTEL_CONFIG_FILE`: the SDK sets itself up as a file says, and this package joins what is there.

The file, read by the experimental package `opentelemetry-configuration`, decides on resource,
sampler, propagators and exporters, whatever arguments and other variables say. Instrumented
libraries, correlated logs and delivery at the end of the process stay this package's.
"""

from __future__ import annotations

# What is said about these holds beside a file.
_STILL_READ = ("OTEL_PYTHON_", "OTEL_INSTRUMENTATION_", "OTEL_LOG_LEVEL")


def configure_from_file(path: str) -> None:
    """Set up the SDK of this process as the file says.

    Raises:
        ValueError: the file cannot be used; says why and what to do.
    """
    try:
        from opentelemetry.configuration import configure_sdk, load_config_file
    except ImportError:
        message = "reading it needs a package more: pip install 'ananta-tracing[config-file]'"
        raise ValueError(message) from None
    try:
        configure_sdk(load_config_file(path))
    except Exception as error:
        message = f"{path!r} cannot be used ({error})"
        raise ValueError(message) from error


def drop_overruled(problems: list[str]) -> None:
    """Forget what was wrong with settings that do not hold beside a file."""
    problems[:] = [problem for problem in problems if problem.startswith(_STILL_READ)]

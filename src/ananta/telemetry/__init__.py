"""The process's own telemetry: metrics on 8888, logs, operations for zpages, small HTTP servers."""

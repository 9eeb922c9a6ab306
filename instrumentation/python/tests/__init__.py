"""Tests of the Python instrumentation."""

"""Tests of settings, export, sampling and the life cycle."""

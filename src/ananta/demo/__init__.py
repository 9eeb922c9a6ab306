"""A believable Ananta platform, telling what it does through the OpenTelemetry SDK.

`services` are the programs of the platform, `story` lets one trace happen in a time of its own,
`scenarios` are what the platform does, `run` plays them: hours of the past first, then live.
"""

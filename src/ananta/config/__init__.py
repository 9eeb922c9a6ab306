"""Reading configuration: Collector YAML in, validated settings out.

`model` is the base of every component's settings, `shared` the sections many of them have,
`load` the way from files to a `CollectorConfig`.
"""

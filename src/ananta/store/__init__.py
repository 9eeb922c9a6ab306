"""Where spans are kept and found again: ClickHouse, in this process or a server.

- `connection`: `Database`, the tables' home; the same SQL wherever it runs
- `embedded`, `server`: the two ways to reach an engine
- `schema`: numbered migrations
- `writer`: batches in, each once
- `reader`, `search`: traces out
- `retention`: what is too old or too much goes

docs/adr tells why the tables look as they do; `native/src/clickhouse` makes and reads their blocks.
"""

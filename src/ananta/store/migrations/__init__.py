"""The schema's history: numbered SQL files, applied in order and never changed afterwards.

They begin at 3: what 1 and 2 made was never released.

A file holds statements separated by lines with nothing but `;`. In them stand for each other

- `{spans}` and so on: the table as it is created: on a cluster, `spans_local ON CLUSTER …`;
- `{MergeTree}` and so on: the engine: on a cluster, its replicated form;
- a line `-- shard by EXPRESSION` above a statement: on a cluster, the table is also created as a
  Distributed one under its own name, spread by the expression.
"""

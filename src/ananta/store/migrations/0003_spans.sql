-- One row a span, in the order (place, trace id). `rest` is an OTLP Span message with what no
-- column holds; `resource` and `scope` are ResourceSpans and ScopeSpans messages without spans.
-- shard by cityHash64(trace_id)
CREATE TABLE IF NOT EXISTS {spans}
(
    period DateTime('UTC') COMMENT 'partition: about when it arrived' CODEC(LZ4),
    place UInt64 COMMENT 'minute of the start, above 16 bits: how the trace id begins' CODEC(Delta, ZSTD(1)),
    trace_id FixedString(16) CODEC(LZ4),
    span_id FixedString(8) CODEC(NONE),
    parent_span_id FixedString(8) CODEC(ZSTD(1)),
    presence UInt8 COMMENT 'bits: 1 trace id, 2 span id, 4 parent, 8 status; 128 name is empty' CODEC(T64, LZ4),
    start_time_unix_nano UInt64 CODEC(T64, LZ4),
    duration_nano Int64 COMMENT 'end minus start, modulo 2^64' CODEC(T64, LZ4),
    service LowCardinality(String) CODEC(LZ4),
    name LowCardinality(String) CODEC(LZ4),
    kind Int32 CODEC(T64, LZ4),
    status_code Int32 CODEC(T64, LZ4),
    flags UInt32 CODEC(T64, LZ4),
    attribute_keys String COMMENT 'each ended by a NUL' CODEC(ZSTD(1)),
    attribute_types LowCardinality(String) COMMENT 'a letter for each attribute; empty when all are strings' CODEC(LZ4),
    attribute_values String COMMENT 'as text, each ended by a NUL' CODEC(ZSTD(1)),
    resource LowCardinality(String) CODEC(LZ4),
    scope LowCardinality(String) CODEC(LZ4),
    rest String CODEC(ZSTD(1)),
    rest_terms Array(UInt64) COMMENT 'terms of events, links and status message' CODEC(LZ4)
)
ENGINE = {MergeTree}
PARTITION BY period
ORDER BY (place, trace_id)
SETTINGS index_granularity = 256, min_compress_block_size = 16384, min_parts_to_merge_at_once = 16, old_parts_lifetime = 120, {deduplication_window} = 10000
;
-- Where to look: the places (minute, above 16 bits: slice) that hold a span with a term.
-- shard by token
CREATE TABLE IF NOT EXISTS {postings}
(
    period DateTime('UTC') CODEC(ZSTD(1)),
    token UInt32 CODEC(Delta, ZSTD(1)),
    places SimpleAggregateFunction(groupArrayArray, Array(UInt64)) CODEC(Delta, ZSTD(1))
)
ENGINE = {AggregatingMergeTree}
PARTITION BY period
ORDER BY token
SETTINGS index_granularity_bytes = 65536, min_compress_block_size = 16384, min_age_to_force_merge_seconds = 60, min_age_to_force_merge_on_partition_only = 1, old_parts_lifetime = 120, {deduplication_window} = 10000
;
-- shard by cityHash64(service, name)
CREATE TABLE IF NOT EXISTS {operations}
(
    period DateTime('UTC'),
    service LowCardinality(String),
    name String,
    kind Int32
)
ENGINE = {ReplacingMergeTree}
PARTITION BY period
ORDER BY (service, name, kind)
;
-- shard by cityHash64(key)
CREATE TABLE IF NOT EXISTS {attribute_keys}
(
    period DateTime('UTC'),
    level LowCardinality(String) COMMENT 'span, resource, scope, event or link',
    key String
)
ENGINE = {ReplacingMergeTree}
PARTITION BY period
ORDER BY (level, key)
;
-- The attributes of each resource and scope, by the bytes it has in `spans`.
-- shard by cityHash64(header)
CREATE TABLE IF NOT EXISTS {origins}
(
    period DateTime('UTC'),
    level LowCardinality(String) COMMENT 'resource or scope',
    header String,
    attributes Map(LowCardinality(String), String)
)
ENGINE = {ReplacingMergeTree}
PARTITION BY period
ORDER BY (level, header)

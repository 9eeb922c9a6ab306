"""What runs beside the pipelines: health, introspection, storage, the query API."""

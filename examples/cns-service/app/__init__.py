"""cns-service: the components of a tenant's bills of materials, normalized and enriched."""

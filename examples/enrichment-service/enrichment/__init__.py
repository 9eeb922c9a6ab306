"""enrichment-service: what is known of a component, from our own data or from the distributor."""

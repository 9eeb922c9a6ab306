"""How the service can be watched."""

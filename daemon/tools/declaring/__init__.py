"""From a function or a schema to what the service is told of a tool. Pure."""

"""The network: the way to the service, and the way to the broker of the house."""

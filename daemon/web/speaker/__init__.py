"""The running speaker, as the gateway sees it through the control socket."""

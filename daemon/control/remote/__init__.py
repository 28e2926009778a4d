"""The running speaker, as another asyncio process sees it through the control socket."""

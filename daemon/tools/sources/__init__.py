"""Where tools come from: built in, files of the owner, programs, MCP servers."""

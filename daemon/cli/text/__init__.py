"""What commands print: tables, descriptions and statuses as lines of text, and the stream they go to."""

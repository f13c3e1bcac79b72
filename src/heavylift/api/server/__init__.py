"""The server's side of one HTTP/1.1 connection."""

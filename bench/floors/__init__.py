"""What the server is held against: the least code that does the same work, without anything around it."""

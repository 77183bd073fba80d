"""The objects of ip(8), a room each."""

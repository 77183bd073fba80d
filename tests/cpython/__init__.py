"""CPython's own tests of its network modules, run by `hwemu python` on our sockets: `python -m tests.cpython`."""

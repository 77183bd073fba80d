"""What stands under Python's standard library on the machine: the extension modules that know an operating system.

Each room here takes the place of one that CPython writes in C (`_socket`, `select`, `_thread`, `time` ...), by the same
names and with the same errors, over `userland.libc`.  The library's own files (socket.py, threading.py, asyncio) run
unchanged on top of them; `lab.python` puts them there.
"""

"""Protocols as programs speak them: pure parsing and building, no system calls.  Bad input is None, never a raise."""

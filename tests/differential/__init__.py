"""The differential test: generated sequences of system calls, on our kernel and on the host's, must have the same results."""

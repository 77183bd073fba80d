"""Fuzzing: targets that turn any bytes into hostile use of one part, and check what must hold whatever the bytes say.

A target is a room with `run(data)`: it returns when all is well and raises when something is not.  Three things
drive it: `python -m tests.fuzz TARGET --seconds N` (coverage-guided, by atheris), the replay of `corpus/TARGET/`
and a short run with hypothesis, both in `test_fuzz_corpus.py`.
"""

TARGETS = ("nic_registers", "tso_contexts", "receive_path", "syscalls", "parsers", "vfio_user", "machine_code")

"""What of CPython's tests is not run on the machine, and why.  Only what the machine does not claim to have."""

import re

NO_IPV6 = "the machine has no IPv6"
NO_SUBPROCESS = "asyncio starts no programs on the machine"
NO_FORK = "a process can not be copied: there is no fork"

# (pattern of the test's id without "test.", reason)
EXCLUDED = (
    (r"test_get_event_loop_new_process", NO_FORK),
    (r"test_asyncio\..*[sS]ubprocess", NO_SUBPROCESS),
    (r"test_httpservers\.ScriptTestCase\.test_server_test_ipv6", NO_IPV6),
    (r"test_streams\.StreamTests\.test_read_all_from_pipe_reader", NO_SUBPROCESS),
)


def reason_for(name):
    """Why the test `name` is excluded, or None."""
    return next((reason for pattern, reason in EXCLUDED if re.search(pattern, name)), None)

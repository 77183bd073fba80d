"""What of CPython's tests is not run on the machine, and why.  Only what the machine does not claim to have."""

import re

NO_IPV6 = "the machine has no IPv6"
NO_FORK = "a process can not be copied: there is no fork"

# (pattern of the test's id without "test.", reason)
EXCLUDED = ()


def reason_for(name):
    """Why the test `name` is excluded, or None."""
    return next((reason for pattern, reason in EXCLUDED if re.search(pattern, name)), None)

"""Clock ids and layouts (Linux, time.h): timespec and timeval are two 64-bit longs."""

CLOCK_REALTIME = 0
CLOCK_MONOTONIC = 1
CLOCK_BOOTTIME = 7

TIMESPEC_SIZE = 16
NSEC_PER_SEC = 1000000000
NSEC_PER_USEC = 1000
NSEC_PER_MSEC = 1000000

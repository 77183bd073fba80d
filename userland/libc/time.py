"""Time: <time.h>, <sys/time.h>.  Clocks and sleeps run on the machine's own time, virtual or real."""

from hwemu.cpu import trap
from userland.abi.errno import EINTR
from userland.abi.layout import ITIMERVAL, TIMESPEC, TIMEVAL
from userland.abi.process import CLOCK_MONOTONIC, CLOCK_REALTIME
from userland.abi.syscall import SYS_clock_gettime, SYS_getitimer, SYS_gettimeofday, SYS_nanosleep, SYS_setitimer, SYS_time
from userland.libc.crt import call_with_buffer, checked, get_errno, this

NANOSECONDS = 1000000000


def clock_gettime_ns(clock=CLOCK_MONOTONIC):
    """int clock_gettime(clockid_t clockid, struct timespec *tp): nanoseconds, or -1."""
    raw = bytearray(TIMESPEC.size)
    if call_with_buffer(SYS_clock_gettime, clock, raw, True) < 0:
        return -1
    seconds, nanoseconds = TIMESPEC.unpack(raw)
    return seconds * NANOSECONDS + nanoseconds


def clock_gettime(clock=CLOCK_MONOTONIC):
    """The same in seconds, as a float."""
    return clock_gettime_ns(clock) / NANOSECONDS


def gettimeofday():
    """int gettimeofday(struct timeval *tv, struct timezone *tz): (seconds, microseconds), or -1."""
    raw = bytearray(TIMEVAL.size)
    space = this().space
    address = space.map(raw, True)
    result = trap(SYS_gettimeofday, address, 0)
    space.unmap(address)
    return TIMEVAL.unpack(raw) if checked(result) >= 0 else -1


def time():
    """time_t time(time_t *tloc): seconds since 1970."""
    return checked(trap(SYS_time, 0))


def nanosleep(nanoseconds):
    """int nanosleep(const struct timespec *req, struct timespec *rem)

    Returns 0, the ns that were left when a signal came, or -1.
    """
    request = TIMESPEC.pack(*divmod(nanoseconds, NANOSECONDS))
    remaining = bytearray(TIMESPEC.size)
    space = this().space
    request_address = space.map(request)
    remaining_address = space.map(remaining, True)
    result = trap(SYS_nanosleep, request_address, remaining_address)
    space.unmap(remaining_address)
    space.unmap(request_address)
    if checked(result) >= 0:
        return 0
    if get_errno() != EINTR:
        return -1
    seconds, rest = TIMESPEC.unpack(remaining)
    return seconds * NANOSECONDS + rest


def sleep(seconds):
    """unsigned int sleep(unsigned int seconds): takes fractions; returns the seconds left when a signal came."""
    return max(0, nanosleep(int(seconds * NANOSECONDS))) / NANOSECONDS


def usleep(microseconds):
    """int usleep(useconds_t usec)"""
    return 0 if nanosleep(int(microseconds) * 1000) == 0 else -1


def itimerval(raw):
    """(value, interval) in ns of a struct itimerval."""
    seconds, micro, value, value_micro = ITIMERVAL.unpack(raw)
    return value * NANOSECONDS + value_micro * 1000, seconds * NANOSECONDS + micro * 1000


def setitimer(which, value, interval=0):
    """int setitimer(int which, const struct itimerval *new_value, struct itimerval *old_value)

    Times in ns, cut to microseconds; returns the old (value, interval), or -1.
    """
    new = ITIMERVAL.pack(*divmod(interval // 1000, 1000000), *divmod(value // 1000, 1000000))
    old = bytearray(ITIMERVAL.size)
    space = this().space
    new_address = space.map(new)
    old_address = space.map(old, True)
    result = trap(SYS_setitimer, which, new_address, old_address)
    space.unmap(old_address)
    space.unmap(new_address)
    return itimerval(old) if checked(result) >= 0 else -1


def getitimer(which):
    """int getitimer(int which, struct itimerval *curr_value): (value, interval) in ns, or -1."""
    raw = bytearray(ITIMERVAL.size)
    return itimerval(raw) if call_with_buffer(SYS_getitimer, which, raw, True) >= 0 else -1


DAYS_BEFORE_1970 = 719468


def civil_from_days(days):
    """(year, month, day) of a day count since 1970-01-01 in the proleptic Gregorian calendar."""
    days += DAYS_BEFORE_1970
    era, day_of_era = divmod(days, 146097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted_month = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * shifted_month + 2) // 5 + 1
    month = shifted_month + 3 if shifted_month < 10 else shifted_month - 9
    return year_of_era + era * 400 + (month <= 2), month, day


def gmtime(seconds):
    """struct tm *gmtime(const time_t *timep): (year, month, day, hour, minute, second, weekday with 0 for Sunday)."""
    days, rest = divmod(seconds, 86400)
    year, month, day = civil_from_days(days)
    return year, month, day, rest // 3600, rest // 60 % 60, rest % 60, (days + 4) % 7


WEEKDAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
LONG_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def strftime(form, seconds, nanoseconds=0):
    """size_t strftime(char *s, size_t max, const char *format, const struct tm *tm): a time in UTC; %N as date(1)."""
    year, month, day, hour, minute, second, weekday = gmtime(seconds)
    start = (seconds - (hour * 3600 + minute * 60 + second)) // 86400
    first = start
    while gmtime(first * 86400)[0] == year and first > start - 366:
        first -= 1
    values = {
        "Y": str(year), "m": f"{month:02}", "d": f"{day:02}", "e": f"{day:2}", "H": f"{hour:02}", "M": f"{minute:02}",
        "S": f"{second:02}", "y": f"{year % 100:02}", "j": f"{start - first:03}", "s": str(seconds), "N": f"{nanoseconds:09}",
        "a": WEEKDAYS[weekday], "A": LONG_DAYS[weekday], "b": MONTHS[month - 1], "h": MONTHS[month - 1], "u": str(weekday or 7),
        "w": str(weekday), "Z": "UTC", "z": "+0000", "n": "\n", "t": "\t", "%": "%", "F": f"{year}-{month:02}-{day:02}",
        "T": f"{hour:02}:{minute:02}:{second:02}", "R": f"{hour:02}:{minute:02}", "D": f"{month:02}/{day:02}/{year % 100:02}",
        "I": f"{hour % 12 or 12:02}", "p": "AM" if hour < 12 else "PM",
    }  # fmt: skip
    out = []
    position = 0
    while position < len(form):
        if form[position] == "%" and position + 1 < len(form):
            out.append(values.get(form[position + 1], form[position : position + 2]))
            position += 2
        else:
            out.append(form[position])
            position += 1
    return "".join(out)


def http_date(seconds):
    """A time as HTTP writes it (RFC 9110 section 5.6.7)."""
    year, month, day, hour, minute, second, weekday = gmtime(seconds)
    return f"{WEEKDAYS[weekday]}, {day:02} {MONTHS[month - 1]} {year} {hour:02}:{minute:02}:{second:02} GMT"


def wall_clock():
    """CLOCK_REALTIME in seconds, as a float."""
    return clock_gettime(CLOCK_REALTIME)

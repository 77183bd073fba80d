"""poweroff: switches the machine off."""

from userland import libc

USAGE = "poweroff [STATUS]"


def main(argv):
    status = 0
    if len(argv) > 1:
        if len(argv) > 2 or not argv[1].isdigit() or int(argv[1]) > 255:
            libc.eputs(f"usage: {USAGE}")
            return 2
        status = int(argv[1])
    libc.reboot(libc.LINUX_REBOOT_CMD_POWER_OFF, status)
    libc.perror("poweroff")
    return 1

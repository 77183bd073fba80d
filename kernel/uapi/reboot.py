"""reboot(2) (Linux, reboot.h).

`reboot(MAGIC1, MAGIC2, cmd, arg)`: with LINUX_REBOOT_CMD_POWER_OFF the low byte of `arg` becomes the machine's exit
status; Linux ignores the argument there.
"""

LINUX_REBOOT_MAGIC1 = 0xFEE1DEAD
LINUX_REBOOT_MAGIC2 = 672274793
LINUX_REBOOT_CMD_RESTART = 0x01234567
LINUX_REBOOT_CMD_HALT = 0xCDEF0123
LINUX_REBOOT_CMD_POWER_OFF = 0x4321FEDC

"""Module parameters: what an administrator may set, with their ranges and defaults."""

from driver.e1000.e1000_phy import AUTONEG_ADVERTISE_DEFAULT

DEFAULT_DESCRIPTORS = 256
# The sk_buff in the most pieces there is, with its context, fits into the smallest ring.
MIN_DESCRIPTORS = 80
MAX_DESCRIPTORS = 4096
# The hardware wants the ring's length in multiples of 128 bytes (13.4.27): eight descriptors.
DESCRIPTOR_MULTIPLE = 8
MAX_DELAY = 0xFFFF
# Values of interrupt_throttle_rate below these are modes, above them interrupts per second.
ITR_OFF = 0
ITR_DYNAMIC = 1
ITR_DYNAMIC_CONSERVATIVE = 3
MIN_ITR = 100
MAX_ITR = 100000

RANGES = {
    "tx_descriptors": (MIN_DESCRIPTORS, MAX_DESCRIPTORS),
    "rx_descriptors": (MIN_DESCRIPTORS, MAX_DESCRIPTORS),
    "tx_int_delay": (0, MAX_DELAY),
    "tx_abs_int_delay": (0, MAX_DELAY),
    "rx_int_delay": (0, MAX_DELAY),
    "rx_abs_int_delay": (0, MAX_DELAY),
    "interrupt_throttle_rate": (0, MAX_ITR),
    "flow_control": (0, 3),
}


class e1000_params:
    """Descriptors per ring; delays in units of 1.024 us; interrupts per second; periods in ns."""

    def __init__(self):
        self.tx_descriptors = DEFAULT_DESCRIPTORS
        self.rx_descriptors = DEFAULT_DESCRIPTORS
        self.tx_int_delay = 8
        self.tx_abs_int_delay = 32
        self.rx_int_delay = 0
        self.rx_abs_int_delay = 8
        # An interrupt of this machine costs less than the latency that moderation adds: off unless asked for.
        self.interrupt_throttle_rate = ITR_OFF
        self.flow_control = 3
        self.autoneg_advertised = AUTONEG_ADVERTISE_DEFAULT
        self.watchdog_period = 2_000_000_000
        self.tx_hang_timeout = 5_000_000_000


def align_descriptors(count):
    """`count` brought into range and up to a multiple of eight."""
    count = max(MIN_DESCRIPTORS, min(count, MAX_DESCRIPTORS))
    return (count + DESCRIPTOR_MULTIPLE - 1) // DESCRIPTOR_MULTIPLE * DESCRIPTOR_MULTIPLE


def e1000_check_options(kernel):
    """The parameters with what `e1000.NAME` on the kernel's command line asks for; a bad value is logged and ignored."""
    params = e1000_params()
    for name, (low, high) in RANGES.items():
        text = kernel.cmdline.get(f"e1000.{name}")
        if text is None:
            continue
        try:
            value = int(text, 0) if isinstance(text, str) else int(text)
        except ValueError:
            value = -1
        if low <= value <= high and not (name == "interrupt_throttle_rate" and ITR_DYNAMIC_CONSERVATIVE < value < MIN_ITR):
            setattr(params, name, value)
        else:
            kernel.printk.printk(f"e1000: {name}={text} is not from {low} to {high}; ignored")
    params.tx_descriptors = align_descriptors(params.tx_descriptors)
    params.rx_descriptors = align_descriptors(params.rx_descriptors)
    return params

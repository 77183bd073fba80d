"""struct e1000_adapter: everything that the driver keeps about one controller."""

from driver.e1000.e1000_param import ITR_DYNAMIC, ITR_DYNAMIC_CONSERVATIVE, ITR_OFF

DYNAMIC_ITR_START = 20000


def initial_itr(rate):
    """The interrupts per second to start with; 0: no limit."""
    if rate == ITR_OFF:
        return 0
    return DYNAMIC_ITR_START if rate <= ITR_DYNAMIC_CONSERVATIVE else rate


class e1000_adapter:
    """One controller under the driver's care; `netdev.priv` points here."""

    def __init__(self, pdev, netdev, hw, params):
        self.pdev = pdev
        self.netdev = netdev
        self.hw = hw
        self.params = params
        self.skb_cache = pdev.kernel.skb_cache
        self.timers = pdev.kernel.timers
        self.ops = None
        self.napi = None
        self.irq_action = None
        self.watchdog = None
        self.refill_timer = None
        self.tx = None
        self.rx = None
        self.tx_memory = None
        self.rx_memory = None
        self.tx_count = params.tx_descriptors
        self.rx_count = params.rx_descriptors
        self.down = True
        self.resetting = False
        self.pci_claimed = False
        # Receive buffers: `rx_page_size` bytes of which the hardware gets `rx_map_length` from `rx_offset` on.
        self.rx_page_size = 2048
        self.rx_offset = 66
        self.rx_map_length = 1536
        self.rx_jumbo = False
        self.rx_top = None
        self.rx_discarding = False
        self.rx_csum = True
        # The second double word of the context that the hardware holds for checksums without segmentation.
        self.context_tcp = 0
        self.context_valid = False
        self.doorbell_pending = False
        # Interrupt moderation
        self.itr = initial_itr(params.interrupt_throttle_rate)
        self.dynamic_itr = params.interrupt_throttle_rate in (ITR_DYNAMIC, ITR_DYNAMIC_CONSERVATIVE)
        self.itr_packets = 0
        self.itr_bytes = 0
        # Link
        self.link_speed = 0
        self.link_duplex = 0
        # Counters
        self.stats = {}
        self.hw_csum_good = 0
        self.hw_csum_err = 0
        self.alloc_rx_buff_failed = 0
        self.rx_length_errors = 0
        self.restart_queue = 0
        self.tx_timeout_count = 0
        self.tx_hang_count = 0
        self.doorbells = 0
        self.interrupts = 0

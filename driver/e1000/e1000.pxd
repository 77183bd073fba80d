from driver.e1000.e1000_osdep cimport e1000_hw
from driver.e1000.ring cimport rx_ring, tx_ring
from kernel.irq.irq cimport irqaction
from kernel.net.core.netdevice cimport napi_struct, net_device
from kernel.net.core.skbuff cimport sk_buff, skbuff_cache
from kernel.pci.device cimport pci_dev
from kernel.time.timer cimport TimerBase, timer_list


cdef class e1000_adapter:
    cdef public pci_dev pdev
    cdef public net_device netdev
    cdef public e1000_hw hw
    cdef public object params
    cdef public skbuff_cache skb_cache
    cdef public TimerBase timers
    cdef public object ops
    cdef public napi_struct napi
    cdef public irqaction irq_action
    cdef public timer_list watchdog
    cdef public timer_list refill_timer
    cdef public tx_ring tx
    cdef public rx_ring rx
    cdef public object tx_memory
    cdef public object rx_memory
    cdef public unsigned int tx_count
    cdef public unsigned int rx_count
    cdef public bint down
    cdef public bint resetting
    cdef public bint pci_claimed
    cdef public unsigned int rx_page_size
    cdef public unsigned int rx_offset
    cdef public unsigned int rx_map_length
    cdef public bint rx_jumbo
    cdef public sk_buff rx_top
    cdef public bint rx_discarding
    cdef public bint rx_csum
    cdef public unsigned int context_tcp
    cdef public bint context_valid
    cdef public bint doorbell_pending
    cdef public unsigned int itr
    cdef public bint dynamic_itr
    cdef public unsigned int itr_packets
    cdef public unsigned int itr_bytes
    cdef public int link_speed
    cdef public int link_duplex
    cdef public dict stats
    cdef public unsigned long long hw_csum_good
    cdef public unsigned long long hw_csum_err
    cdef public unsigned long long alloc_rx_buff_failed
    cdef public unsigned long long rx_length_errors
    cdef public unsigned long long restart_queue
    cdef public unsigned long long tx_timeout_count
    cdef public unsigned long long tx_hang_count
    cdef public unsigned long long doorbells
    cdef public unsigned long long interrupts

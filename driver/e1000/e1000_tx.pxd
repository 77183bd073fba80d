cimport cython

from driver.e1000.e1000 cimport e1000_adapter
from driver.e1000.e1000_osdep cimport ew32
from driver.e1000.ring cimport tx_ring
from kernel.dma cimport dma_map_page, dma_map_single, dma_unmap_page, dma_unmap_single
from kernel.lib.checksum cimport csum_fold, csum_tcpudp_nofold
from kernel.net.core.dev cimport netif_stop_queue, netif_wake_queue
from kernel.net.core.netdevice cimport net_device, netif_queue_stopped
from kernel.net.core.skbuff cimport consume_skb, kfree_skb, page as skb_page, sk_buff, skb_cow, skb_tx_timestamp
from kernel.pci.device cimport pci_dev

cdef unsigned int E1000_TDT, E1000_TXD_CMD_DEXT, E1000_TXD_CMD_EOP, E1000_TXD_CMD_IDE, E1000_TXD_CMD_IFCS
cdef unsigned int E1000_TXD_CMD_IP, E1000_TXD_CMD_RS, E1000_TXD_CMD_TCP, E1000_TXD_CMD_TSE, E1000_TXD_CMD_VLE
cdef unsigned int E1000_TXD_DTYP_D, E1000_TXD_POPTS_IXSM, E1000_TXD_POPTS_TXSM
cdef int DMA_TO_DEVICE, NETDEV_TX_BUSY, NETDEV_TX_OK
cdef unsigned int CHECKSUM_PARTIAL, IPPROTO_TCP, TCP_CHECK_OFFSET, MAX_DATA_PER_TXD, MAX_TSO_PAYLOAD, MAX_TSO_HEADER
cdef unsigned int TXD_RESERVE, TX_WAKE_THRESHOLD


@cython.locals(
    netdev=net_device, ring=tx_ring, head=cython.uint, needed=cython.uint, i=cython.uint, command=cython.uint,
    options=cython.uint, first=cython.uint, segments=cython.uint, wire_bytes=cython.uint, upper=cython.uint,
    now=cython.longlong, more=cython.bint, header_length=cython.uint,
)
cpdef int e1000_xmit_frame(e1000_adapter adapter, sk_buff skb) except? -9999
cpdef e1000_ring_doorbell(e1000_adapter adapter)
@cython.locals(
    ip_offset=cython.uint, tcp_offset=cython.uint, tcp=cython.uint, header_length=cython.uint, payload=cython.uint,
    ip=cython.uint, pseudo=cython.uint, ring=tx_ring, i=cython.uint,
)
cpdef int e1000_tso(e1000_adapter adapter, sk_buff skb) except -1
@cython.locals(ring=tx_ring, start=cython.uint, tcp_config=cython.uint, i=cython.uint, command=cython.uint)
cpdef e1000_tx_csum(e1000_adapter adapter, sk_buff skb)
@cython.locals(
    ring=tx_ring, pdev=pci_dev, i=cython.uint, last=cython.uint, head=cython.uint, piece_index=cython.uint,
    pieces=cython.uint, length=cython.uint, address=cython.ulonglong, page=skb_page, offset=cython.uint,
    size=cython.uint, report=cython.uint,
)
cpdef e1000_tx_map(e1000_adapter adapter, sk_buff skb, unsigned int command, unsigned int upper, unsigned int first)
@cython.locals(ring=tx_ring, length=cython.uint, skb=sk_buff)
cpdef e1000_unmap_slot(e1000_adapter adapter, unsigned int i)
@cython.locals(ring=tx_ring, i=cython.uint, cleaned=cython.int, last=cython.uint, at_end=cython.bint)
cpdef int e1000_clean_tx_irq(e1000_adapter adapter) except -1
@cython.locals(ring=tx_ring, i=cython.uint)
cpdef e1000_clean_tx_ring(e1000_adapter adapter)

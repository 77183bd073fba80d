cimport cython

from driver.e1000.e1000 cimport e1000_adapter
from driver.e1000.e1000_osdep cimport ew32
from driver.e1000.ring cimport rx_ring
from kernel.dma cimport dma_map_page, dma_unmap_page
from kernel.net.core.gro cimport napi_gro_receive
from kernel.net.core.netdevice cimport net_device
from kernel.net.core.skb_data cimport skb_add_frag
from kernel.net.core.skbuff cimport alloc_page, build_skb, kfree_skb, page as skb_page, sk_buff
from kernel.net.ethernet.eth cimport eth_type_trans
from kernel.pci.device cimport pci_dev

cdef unsigned int E1000_RDT, E1000_RXD_ERR_FRAME_ERR_MASK, E1000_RXD_ERR_IPE, E1000_RXD_ERR_TCPE, E1000_RXD_STAT_DD
cdef unsigned int E1000_RXD_STAT_EOP, E1000_RXD_STAT_IXSM, E1000_RXD_STAT_TCPCS, E1000_RXD_STAT_VP
cdef int DMA_FROM_DEVICE
cdef unsigned long long NETIF_F_HW_VLAN_CTAG_RX, NETIF_F_RXALL, NETIF_F_RXCSUM
cdef unsigned int CHECKSUM_UNNECESSARY, PACKET_MULTICAST, COPYBREAK, HEADROOM, ETH_HLEN, JUMBO_HEADER, REFILL_BATCH
cdef long long REFILL_RETRY_NS


@cython.locals(ring=rx_ring, pdev=pci_dev, i=cython.uint, free=cython.uint, filled=cython.uint, page=skb_page)
cpdef e1000_alloc_rx_buffers(e1000_adapter adapter)
@cython.locals(
    ring=rx_ring, pdev=pci_dev, i=cython.uint, work=cython.int, bytes_received=cython.uint, unfilled=cython.uint,
    status=cython.uint, length=cython.uint, errors=cython.uint, special=cython.uint, skb=sk_buff,
)
cpdef int e1000_clean_rx_irq(e1000_adapter adapter, int budget) except -1
@cython.locals(ring=rx_ring, page=skb_page, skb=sk_buff)
cpdef sk_buff e1000_rx_single(e1000_adapter adapter, unsigned int i, unsigned int length)
cpdef bint e1000_frame_is_bad(e1000_adapter adapter, unsigned int length, unsigned int errors) except -1
@cython.locals(ring=rx_ring, page=skb_page, top=sk_buff, linear=cython.uint)
cpdef sk_buff e1000_rx_jumbo(e1000_adapter adapter, unsigned int i, unsigned int length, unsigned int status, unsigned int errors)
@cython.locals(netdev=net_device)
cpdef e1000_receive_skb(e1000_adapter adapter, sk_buff skb, unsigned int status, unsigned int errors, unsigned int special)
@cython.locals(ring=rx_ring, i=cython.uint)
cpdef e1000_clean_rx_ring(e1000_adapter adapter)

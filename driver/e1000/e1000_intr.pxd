cimport cython

from driver.e1000.e1000 cimport e1000_adapter
from driver.e1000.e1000_osdep cimport e1000_hw, er32, ew32
from driver.e1000.e1000_rx cimport e1000_clean_rx_irq
from driver.e1000.e1000_tx cimport e1000_clean_tx_irq, e1000_xmit_frame
from kernel.irq.irq cimport irqaction
from kernel.net.core.napi cimport napi_complete_done, napi_schedule
from kernel.net.core.netdevice cimport napi_struct, net_device, net_device_ops
from kernel.net.core.skbuff cimport sk_buff

cdef unsigned int E1000_ICR, E1000_ICR_LSC, E1000_ICR_RXSEQ, E1000_IMC, E1000_IMS, IMS_ENABLE_MASK, ALL_INTERRUPTS
cdef long long ALL_ONES
cdef int IRQ_HANDLED, IRQ_NONE


cdef class e1000_irqaction(irqaction):
    cdef public e1000_adapter adapter
    @cython.locals(adapter=e1000_adapter, hw=e1000_hw, icr=cython.longlong)
    cpdef int handler(self, int irq) except? -9999


cdef class e1000_napi(napi_struct):
    cdef public e1000_adapter adapter
    @cython.locals(adapter=e1000_adapter, work=cython.int)
    cpdef int poll(self, int budget) except? -9999


cdef class e1000_xmit_ops(net_device_ops):
    cdef public e1000_adapter adapter
    cpdef int ndo_start_xmit(self, sk_buff skb, net_device dev) except? -9999


cpdef e1000_set_itr(e1000_adapter adapter)

"""An Intel 82540EM ("e1000") as drivers see it, register by register.

`device` is the PCI function and the register dispatch over the table in `registers`; `receive` and `transmit` are
the two DMA engines, with `filters`, `frame` and `packet` below them; `interrupts` has the causes and the timers,
`phy`, `eeprom`, `flow`, `wakeup` and `statistics` what their names say.
"""

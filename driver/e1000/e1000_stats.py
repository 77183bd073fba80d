"""The hardware's statistics: counters that clear when they are read, added up by the driver (8254x manual, 13.7)."""

from driver.e1000 import e1000_regs as regs
from driver.e1000.e1000_osdep import er32

# Counter name to register; for the octet counters low, then high: reading the high half clears both.
COUNTERS = {
    "crcerrs": regs.E1000_CRCERRS,
    "algnerrc": regs.E1000_ALGNERRC,
    "symerrs": regs.E1000_SYMERRS,
    "rxerrc": regs.E1000_RXERRC,
    "mpc": regs.E1000_MPC,
    "scc": regs.E1000_SCC,
    "ecol": regs.E1000_ECOL,
    "mcc": regs.E1000_MCC,
    "latecol": regs.E1000_LATECOL,
    "colc": regs.E1000_COLC,
    "dc": regs.E1000_DC,
    "tncrs": regs.E1000_TNCRS,
    "sec": regs.E1000_SEC,
    "cexterr": regs.E1000_CEXTERR,
    "rlec": regs.E1000_RLEC,
    "xonrxc": regs.E1000_XONRXC,
    "xontxc": regs.E1000_XONTXC,
    "xoffrxc": regs.E1000_XOFFRXC,
    "xofftxc": regs.E1000_XOFFTXC,
    "fcruc": regs.E1000_FCRUC,
    "prc64": regs.E1000_PRC64,
    "prc127": regs.E1000_PRC127,
    "prc255": regs.E1000_PRC255,
    "prc511": regs.E1000_PRC511,
    "prc1023": regs.E1000_PRC1023,
    "prc1522": regs.E1000_PRC1522,
    "gprc": regs.E1000_GPRC,
    "bprc": regs.E1000_BPRC,
    "mprc": regs.E1000_MPRC,
    "gptc": regs.E1000_GPTC,
    "rnbc": regs.E1000_RNBC,
    "ruc": regs.E1000_RUC,
    "rfc": regs.E1000_RFC,
    "roc": regs.E1000_ROC,
    "rjc": regs.E1000_RJC,
    "mgprc": regs.E1000_MGTPRC,
    "mgpdc": regs.E1000_MGTPDC,
    "mgptc": regs.E1000_MGTPTC,
    "tpr": regs.E1000_TPR,
    "tpt": regs.E1000_TPT,
    "ptc64": regs.E1000_PTC64,
    "ptc127": regs.E1000_PTC127,
    "ptc255": regs.E1000_PTC255,
    "ptc511": regs.E1000_PTC511,
    "ptc1023": regs.E1000_PTC1023,
    "ptc1522": regs.E1000_PTC1522,
    "mptc": regs.E1000_MPTC,
    "bptc": regs.E1000_BPTC,
    "tsctc": regs.E1000_TSCTC,
    "tsctfc": regs.E1000_TSCTFC,
}
OCTET_COUNTERS = {
    "gorc": (regs.E1000_GORCL, regs.E1000_GORCH),
    "gotc": (regs.E1000_GOTCL, regs.E1000_GOTCH),
    "tor": (regs.E1000_TORL, regs.E1000_TORH),
    "tot": (regs.E1000_TOTL, regs.E1000_TOTH),
}


def e1000_update_stats(adapter):
    """Read every counter and bring the interface's error counters up to date."""
    hw = adapter.hw
    stats = adapter.stats
    for name, register in COUNTERS.items():
        stats[name] = stats.get(name, 0) + er32(hw, register)
    for name, (low, high) in OCTET_COUNTERS.items():
        value = er32(hw, low)
        stats[name] = stats.get(name, 0) + (er32(hw, high) << 32 | value)
    netdev = adapter.netdev
    netdev.collisions = stats["colc"]
    netdev.rx_crc_errors = stats["crcerrs"]
    netdev.rx_frame_errors = stats["algnerrc"]
    netdev.rx_missed_errors = stats["mpc"]
    netdev.rx_length_errors = stats["ruc"] + stats["roc"] + adapter.rx_length_errors
    netdev.rx_errors = (
        stats["rxerrc"] + stats["crcerrs"] + stats["algnerrc"] + stats["cexterr"] + netdev.rx_length_errors
    )
    netdev.tx_aborted_errors = stats["ecol"]
    netdev.tx_window_errors = stats["latecol"]
    netdev.tx_carrier_errors = stats["tncrs"]
    netdev.tx_errors = stats["ecol"] + stats["latecol"]

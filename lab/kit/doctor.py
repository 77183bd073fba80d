"""Why frames do not flow: the diagnoses of `hwemu doctor`, from a snapshot (`lab.kit.snapshot`) alone.

Each diagnosis is a function of the snapshot that returns a sentence, or "".  They stand in the order in which a frame
meets what they look at, so that the first is usually the cause and the others its consequences.
"""

from hwemu.nic.e1000.bits import (
    CTRL_SLU,
    FCS_LENGTH,
    FRAME_MAX,
    RAH_AV,
    RCTL_BAM,
    RCTL_EN,
    RCTL_LPE,
    RCTL_MO_SHIFT,
    RCTL_MPE,
    RCTL_UPE,
    STATUS_LU,
    STATUS_TXOFF,
    TCTL_EN,
)
from hwemu.pci.registers import (
    COMMAND,
    COMMAND_BUS_MASTER,
    COMMAND_INTX_DISABLE,
    COMMAND_MEMORY,
    STATUS,
    STATUS_RECEIVED_MASTER_ABORT,
)
from lab.kit.rings import DONE

RXT0 = 0x80
BROADCAST = "ff:ff:ff:ff:ff:ff"
MULTICAST_SHIFTS = (4, 3, 2, 0)
SHOWN = 3
DIAGNOSES: list = []


def diagnosis(function):
    DIAGNOSES.append(function)
    return function


def examine(snapshot):
    """Every diagnosis that applies, a sentence each; empty when nothing speaks against frames flowing."""
    return [sentence for function in DIAGNOSES if (sentence := function(snapshot))]


def config(snapshot, offset):
    """A word of configuration space."""
    return int.from_bytes(bytes.fromhex(snapshot["config"])[offset : offset + 2], "little")


def register(snapshot, name):
    return snapshot["registers"].get(name, 0)


# --- the bus ---


@diagnosis
def not_plugged(snapshot):
    return "" if snapshot["plugged"] else "The card is not in its slot any more: everything reads all ones."


@diagnosis
def no_driver(snapshot):
    if snapshot["interface"] == {}:
        return "No driver has taken the card: look in the kernel's log for a probe that failed."
    return ""


@diagnosis
def no_memory_decoding(snapshot):
    if snapshot["plugged"] and not config(snapshot, COMMAND) & COMMAND_MEMORY:
        return "The card does not decode its registers: PCI command bit 1 (memory) is clear, pci_enable_device was not called."
    return ""


@diagnosis
def no_bus_master(snapshot):
    if snapshot["plugged"] and not config(snapshot, COMMAND) & COMMAND_BUS_MASTER:
        return "Bus mastering is off: PCI command bit 2 is clear, so the card can do no DMA; pci_set_master was not called."
    return ""


@diagnosis
def master_aborts(snapshot):
    if config(snapshot, STATUS) & STATUS_RECEIVED_MASTER_ABORT:
        return (
            f"{snapshot['aborts']} DMA transfers ended in a master abort (PCI status bit 13): a ring base or a buffer address"
            " does not lie in mapped RAM."
        )
    return ""


@diagnosis
def interface_down(snapshot):
    interface = snapshot["interface"]
    if interface and not interface["up"]:
        return f"{interface['name']} is down: nobody has opened it (ifconfig {interface['name']} up)."
    return ""


# --- the link ---


@diagnosis
def link_down(snapshot):
    if register(snapshot, "STATUS") & STATUS_LU:
        return ""
    if not snapshot["phy"]["carrier"]:
        return "The link is down: there is no carrier on the wire, the cable is out or the other end is off."
    if not register(snapshot, "CTRL") & CTRL_SLU:
        return "The link is down: CTRL.SLU is clear, the MAC was never told to set the link up."
    return "The link is down: there is a carrier, and the PHY has not finished negotiating."


@diagnosis
def carrier_not_seen(snapshot):
    interface = snapshot["interface"]
    if interface and interface["up"] and not interface["carrier"] and register(snapshot, "STATUS") & STATUS_LU:
        return "The card has a link (STATUS.LU), and the driver has not noticed: netif_carrier_on was not called."
    return ""


@diagnosis
def paused(snapshot):
    if register(snapshot, "STATUS") & STATUS_TXOFF:
        return "Sending is paused: the other end sent XOFF (STATUS.TXOFF)."
    return ""


# --- receiving ---


def opened(snapshot):
    """Whether the card ought to work: the interface is up, or nobody knows."""
    interface = snapshot["interface"]
    return interface is None or bool(interface and interface["up"])


@diagnosis
def receiver_off(snapshot):
    if opened(snapshot) and not register(snapshot, "RCTL") & RCTL_EN:
        return "Nothing is received: RCTL.EN is clear."
    return ""


@diagnosis
def no_receive_ring(snapshot):
    if register(snapshot, "RCTL") & RCTL_EN and not snapshot["rings"]["rx"]["count"]:
        return "Nothing is received: RDLEN is 0, there is no receive ring."
    return ""


@diagnosis
def no_receive_descriptor(snapshot):
    ring = snapshot["rings"]["rx"]
    if not register(snapshot, "RCTL") & RCTL_EN or not ring["count"] or ring["head"] != ring["tail"]:
        return ""
    if ring["tail"] == 0 and not register(snapshot, "GPRC"):
        return "Nothing is received: the receive tail (RDT) was never moved, so the card owns no descriptor."
    return f"Nothing is received: RDH and RDT are both {ring['head']}, the card has used up its descriptors and got no new ones."


@diagnosis
def filtered(snapshot):
    frames = snapshot["frames"]
    if not frames or not frames["arrived"] or not register(snapshot, "RCTL") & RCTL_EN:
        return ""
    known = [address for address in frames["destinations"] if address != "others"]
    refused = [address for address in known if not accepts(snapshot, address)]
    if not refused or len(refused) < len(known):
        return ""
    seen = ", ".join(refused[:SHOWN]) + (" ..." if len(refused) > SHOWN else "")
    own = station(snapshot, 0)
    return (
        f"The address filter rejects every frame that arrives: they are for {seen}, and the card listens to"
        f" {own or 'no address'}{' and broadcasts' if register(snapshot, 'RCTL') & RCTL_BAM else ''}."
    )


def station(snapshot, index):
    """The address in receive address register `index`, or "" when that is not valid."""
    high = register(snapshot, f"RAH[{index}]")
    if not high & RAH_AV:
        return ""
    return (register(snapshot, f"RAL[{index}]") | (high & 0xFFFF) << 32).to_bytes(6, "little").hex(":")


def accepts(snapshot, address):
    """What the address filter says of a destination (13.4.22, 13.5.1, 13.5.2)."""
    rctl = register(snapshot, "RCTL")
    if address in [station(snapshot, index) for index in range(16)]:
        return True
    octets = bytes.fromhex(address.replace(":", ""))
    if address == BROADCAST:
        return bool(rctl & (RCTL_BAM | RCTL_MPE))
    if not octets[0] & 1:
        return bool(rctl & RCTL_UPE)
    bit = ((octets[5] << 8 | octets[4]) >> MULTICAST_SHIFTS[rctl >> RCTL_MO_SHIFT & 3]) & 0xFFF
    return bool(rctl & RCTL_MPE or register(snapshot, f"MTA[{bit >> 5}]") >> (bit & 31) & 1)


@diagnosis
def too_long(snapshot):
    frames = snapshot["frames"]
    longest = frames["longest"] + FCS_LENGTH if frames else 0
    if register(snapshot, "RCTL") & RCTL_LPE or (longest <= FRAME_MAX and not register(snapshot, "ROC")):
        return ""
    interface = snapshot["interface"]
    mtu = f" of {interface['mtu']}" if interface else ""
    size = f"of {longest} bytes with FCS " if longest > FRAME_MAX else ""
    return (
        f"The MTU{mtu} is too small for what arrives: frames {size}are dropped as oversize, because RCTL.LPE is clear"
        f" (the limit is {FRAME_MAX})."
    )


@diagnosis
def damaged(snapshot):
    count = register(snapshot, "CRCERRS")
    return f"{count} frames arrived with a wrong FCS: the cable or the other end is bad." if count else ""


# --- sending ---


@diagnosis
def transmitter_off(snapshot):
    if opened(snapshot) and not register(snapshot, "TCTL") & TCTL_EN:
        return "Nothing is sent: TCTL.EN is clear."
    return ""


@diagnosis
def no_transmit_ring(snapshot):
    if register(snapshot, "TCTL") & TCTL_EN and not snapshot["rings"]["tx"]["count"]:
        return "Nothing is sent: TDLEN is 0, there is no transmit ring."
    return ""


@diagnosis
def tail_never_moved(snapshot):
    ring = snapshot["rings"]["tx"]
    raw = bytes.fromhex(ring["at_tail"])
    if not register(snapshot, "TCTL") & TCTL_EN or ring["head"] != ring["tail"] or ring["tail"] != 0 or not raw:
        return ""
    if any(raw[:12]) and not raw[12] & DONE and not register(snapshot, "GPTC"):
        return "Nothing is sent: descriptor 0 is filled and the transmit tail (TDT) was never moved: the doorbell is missing."
    return ""


@diagnosis
def transmit_stuck(snapshot):
    ring = snapshot["rings"]["tx"]
    waiting = (ring["tail"] - ring["head"]) % ring["count"] if ring["count"] else 0
    if register(snapshot, "TCTL") & TCTL_EN and register(snapshot, "STATUS") & STATUS_LU and waiting:
        return f"{waiting} transmit descriptors are given to the card and not yet sent (TDH {ring['head']}, TDT {ring['tail']})."
    return ""


@diagnosis
def queue_stopped(snapshot):
    interface, ring = snapshot["interface"], snapshot["rings"]["tx"]
    if interface and interface["up"] and interface["carrier"] and interface["queue_stopped"] and ring["head"] == ring["tail"]:
        return "The transmit queue is stopped although the ring is empty: netif_wake_queue was not called."
    return ""


# --- interrupts ---


@diagnosis
def mask_never_set(snapshot):
    if opened(snapshot) and not register(snapshot, "IMS"):
        waiting = register(snapshot, "ICR")
        more = f"; causes {waiting:#x} are waiting" if waiting else ""
        return f"The card may not interrupt: no bit of the interrupt mask (IMS) is set{more}."
    return ""


@diagnosis
def receive_masked(snapshot):
    mask = register(snapshot, "IMS")
    if opened(snapshot) and mask and not mask & RXT0:
        return f"Received frames do not interrupt: RXT0 is not in the interrupt mask (IMS {mask:#x})."
    return ""


@diagnosis
def intx_disabled(snapshot):
    if config(snapshot, COMMAND) & COMMAND_INTX_DISABLE:
        return "The card's interrupt pin is held down: PCI command bit 10 (interrupt disable) is set."
    return ""


@diagnosis
def line_masked(snapshot):
    interrupts = snapshot["interrupts"]
    if opened(snapshot) and interrupts["line_masked"]:
        pulls = ", and the card pulls it" if interrupts["pin"] else ""
        return (
            f"Interrupt line {interrupts['line']} is masked at the controller{pulls}: no handler was requested, or the kernel"
            " switched it off because nobody cared."
        )
    return ""

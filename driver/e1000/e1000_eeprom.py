"""The serial EEPROM: words of 16 bits that hold the station address, the PCI ids and a checksum.

Reading uses EERD (8254x manual, 13.4.4); writing clocks Microwire commands through EECD bit by bit (5.3, 13.4.3).
"""

from driver.e1000.e1000_osdep import er32, ew32
from driver.e1000.e1000_regs import (
    E1000_EECD,
    E1000_EECD_CS,
    E1000_EECD_DI,
    E1000_EECD_DO,
    E1000_EECD_GNT,
    E1000_EECD_REQ,
    E1000_EECD_SIZE,
    E1000_EECD_SK,
    E1000_EERD,
    E1000_EERD_ADDR_SHIFT,
    E1000_EERD_DATA_SHIFT,
    E1000_EERD_DONE,
    E1000_EERD_START,
    EEPROM_CHECKSUM_REG,
    EEPROM_EWDS_OPCODE_MICROWIRE,
    EEPROM_EWEN_OPCODE_MICROWIRE,
    EEPROM_READ_OPCODE_MICROWIRE,
    EEPROM_SUM,
    EEPROM_WRITE_OPCODE_MICROWIRE,
)
from kernel.uapi.errno import EINVAL, EIO

POLLS = 1000
OPCODE_BITS = 3
EXTENDED_OPCODE_BITS = 5
ADDRESS_WORDS = 3


def e1000_init_eeprom_params(hw):
    """Find out how large the EEPROM is: EECD says whether it takes six or eight address bits."""
    if er32(hw, E1000_EECD) & E1000_EECD_SIZE:
        hw.eeprom_words = 256
        hw.eeprom_address_bits = 8
    else:
        hw.eeprom_words = 64
        hw.eeprom_address_bits = 6


def e1000_read_eeprom(hw, offset, count):
    """`count` words from word `offset`, or None outside the part or when it does not answer."""
    if offset < 0 or count < 0 or offset + count > hw.eeprom_words:
        return None
    words = []
    for word in range(offset, offset + count):
        ew32(hw, E1000_EERD, word << E1000_EERD_ADDR_SHIFT | E1000_EERD_START)
        for _ in range(POLLS):
            value = er32(hw, E1000_EERD)
            if value & E1000_EERD_DONE:
                words.append(value >> E1000_EERD_DATA_SHIFT)
                break
        else:
            return None
    return words


def e1000_validate_eeprom_checksum(hw):
    """True when the first 64 words add up to 0xBABA."""
    words = e1000_read_eeprom(hw, 0, EEPROM_CHECKSUM_REG + 1)
    return words is not None and sum(words) & 0xFFFF == EEPROM_SUM


def e1000_read_mac_addr(hw):
    """The station address from the first three words, or None."""
    words = e1000_read_eeprom(hw, 0, ADDRESS_WORDS)
    if words is None:
        return None
    return b"".join(word.to_bytes(2, "little") for word in words)


# --- Microwire, bit by bit ---


def acquire(hw):
    """Ask for the bus and select nothing; False when it is not granted."""
    eecd = er32(hw, E1000_EECD) | E1000_EECD_REQ
    ew32(hw, E1000_EECD, eecd)
    for _ in range(POLLS):
        eecd = er32(hw, E1000_EECD)
        if eecd & E1000_EECD_GNT:
            ew32(hw, E1000_EECD, eecd & ~(E1000_EECD_DI | E1000_EECD_SK | E1000_EECD_CS))
            return True
    ew32(hw, E1000_EECD, eecd & ~E1000_EECD_REQ)
    return False


def release(hw):
    """Deselect the chip and give the bus back."""
    deselect(hw)
    ew32(hw, E1000_EECD, er32(hw, E1000_EECD) & ~E1000_EECD_REQ)


def select(hw):
    deselect(hw)
    ew32(hw, E1000_EECD, er32(hw, E1000_EECD) | E1000_EECD_CS)


def deselect(hw):
    """Drop chip select and clock once, so that the chip ends the command."""
    eecd = er32(hw, E1000_EECD) & ~(E1000_EECD_CS | E1000_EECD_DI | E1000_EECD_SK)
    ew32(hw, E1000_EECD, eecd)
    ew32(hw, E1000_EECD, eecd | E1000_EECD_SK)
    ew32(hw, E1000_EECD, eecd)


def shift_out(hw, value, bits):
    """Clock `bits` of `value` out, the most significant first; the chip takes each on the rising edge."""
    eecd = er32(hw, E1000_EECD) & ~(E1000_EECD_DI | E1000_EECD_SK)
    for bit in range(bits - 1, -1, -1):
        pins = eecd | (E1000_EECD_DI if value >> bit & 1 else 0)
        ew32(hw, E1000_EECD, pins)
        ew32(hw, E1000_EECD, pins | E1000_EECD_SK)
        ew32(hw, E1000_EECD, pins)
    ew32(hw, E1000_EECD, eecd)


def shift_in(hw, bits):
    """Clock `bits` in, the most significant first."""
    eecd = er32(hw, E1000_EECD) & ~(E1000_EECD_DI | E1000_EECD_SK)
    value = 0
    for _ in range(bits):
        ew32(hw, E1000_EECD, eecd | E1000_EECD_SK)
        value = value << 1 | (1 if er32(hw, E1000_EECD) & E1000_EECD_DO else 0)
        ew32(hw, E1000_EECD, eecd)
    return value


def e1000_read_eeprom_microwire(hw, offset, count):
    """Like e1000_read_eeprom, by bit-banging: for parts without EERD, and to check one way by the other."""
    if offset < 0 or count < 0 or offset + count > hw.eeprom_words or not acquire(hw):
        return None
    words = []
    for word in range(offset, offset + count):
        select(hw)
        shift_out(hw, EEPROM_READ_OPCODE_MICROWIRE, OPCODE_BITS)
        shift_out(hw, word, hw.eeprom_address_bits)
        words.append(shift_in(hw, 16))
    release(hw)
    return words


def e1000_write_eeprom(hw, offset, words):
    """Program `words` from word `offset` on; 0, -EINVAL outside the part, -EIO when it does not get ready."""
    if offset < 0 or offset + len(words) > hw.eeprom_words:
        return -EINVAL
    if not acquire(hw):
        return -EIO
    err = 0
    select(hw)
    shift_out(hw, EEPROM_EWEN_OPCODE_MICROWIRE, EXTENDED_OPCODE_BITS)
    shift_out(hw, 0, hw.eeprom_address_bits - 2)
    for index, word in enumerate(words):
        select(hw)
        shift_out(hw, EEPROM_WRITE_OPCODE_MICROWIRE, OPCODE_BITS)
        shift_out(hw, offset + index, hw.eeprom_address_bits)
        shift_out(hw, word, 16)
        select(hw)
        if not any(er32(hw, E1000_EECD) & E1000_EECD_DO for _ in range(POLLS)):
            err = -EIO
            break
    select(hw)
    shift_out(hw, EEPROM_EWDS_OPCODE_MICROWIRE, EXTENDED_OPCODE_BITS)
    shift_out(hw, 0, hw.eeprom_address_bits - 2)
    release(hw)
    return err


def e1000_update_eeprom_checksum(hw):
    """Write the last word so that all 64 add up to 0xBABA; 0 or a negative errno."""
    words = e1000_read_eeprom(hw, 0, EEPROM_CHECKSUM_REG)
    if words is None:
        return -EIO
    return e1000_write_eeprom(hw, EEPROM_CHECKSUM_REG, [(EEPROM_SUM - sum(words)) & 0xFFFF])

"""The serial EEPROM: 64 words of 16 bits behind a Microwire bus that EECD bit-bangs, and the EERD shortcut (5.3, 5.6).

The part is a 93C46 in its 64 x 16 organisation: a start bit, a two-bit opcode, six address bits, then 16 bits of
data, all most significant bit first and taken on the rising clock edge.
"""

from hwemu.nic.e1000.bits import (
    EECD_CS,
    EECD_DI,
    EECD_DO,
    EECD_FWE,
    EECD_GNT,
    EECD_PRES,
    EECD_REQ,
    EECD_SK,
    EERD_DONE,
    EERD_START,
)

WORDS = 64
ADDRESS_BITS = 6
CHECKSUM_WORD = 0x3F
CHECKSUM = 0xBABA

# Word addresses (5.6, table 5-2).
WORD_MAC = 0x00
WORD_INIT_CONTROL_1 = 0x0A
WORD_SUBSYSTEM_ID = 0x0B
WORD_SUBSYSTEM_VENDOR = 0x0C
WORD_DEVICE_ID = 0x0D
WORD_VENDOR_ID = 0x0E
WORD_INIT_CONTROL_2 = 0x0F

OP_EXTENDED = 0
OP_WRITE = 1
OP_READ = 2
OP_ERASE = 3
EXTENDED_EWDS = 0
EXTENDED_WRAL = 1
EXTENDED_ERAL = 2
EXTENDED_EWEN = 3

IDLE = 0
COMMAND = 1
READING = 2
WRITING = 3
FINISHED = 4


def factory_words(mac):
    """What the factory programs: address, PCI ids, wake on magic packets, and the word that makes the sum 0xBABA."""
    words = [0xFFFF] * WORDS
    for i in range(3):
        words[WORD_MAC + i] = mac[2 * i] | mac[2 * i + 1] << 8
    words[0x03:0x0A] = [0x0000, 0xFFFF, 0x0000, 0x0000, 0x0000, 0x3000, 0x1000]
    words[WORD_INIT_CONTROL_1] = 0x6403
    words[WORD_SUBSYSTEM_ID] = 0x001E
    words[WORD_SUBSYSTEM_VENDOR] = 0x8086
    words[WORD_DEVICE_ID] = 0x100E
    words[WORD_VENDOR_ID] = 0x8086
    words[WORD_INIT_CONTROL_2] = 0x3040
    words[CHECKSUM_WORD] = (CHECKSUM - sum(words[:CHECKSUM_WORD])) & 0xFFFF
    return words


class Eeprom:
    """The words and the state of the bus.  `words` may be changed from outside, as a programmer would."""

    def __init__(self, mac):
        self.words = factory_words(mac)
        self.reset()

    def reset(self):
        """The bus goes idle; the words stay, and so does the protection against writing."""
        self.pins = 0
        self.state = IDLE
        self.shift = 0
        self.bits = 0
        self.opcode = 0
        self.word = 0
        self.output = 1
        self.writable = False
        self.programming = None

    # --- EERD ---

    def read_register(self, value):
        """What EERD holds after `value` was written to it: with START the word, at once."""
        if not value & EERD_START:
            return value & 0xFF00
        word = (value >> 8) & 0xFF
        data = self.words[word % WORDS]
        return data << 16 | word << 8 | EERD_DONE

    # --- EECD ---

    def control(self):
        """A read of EECD: the pins as driven, DO as the chip drives it, the grant, and that a 64-word part is there."""
        value = self.pins | EECD_PRES | EECD_FWE & 0x10
        if self.pins & EECD_REQ:
            value |= EECD_GNT
        if self.output:
            value |= EECD_DO
        return value

    def set_control(self, value):
        """A write to EECD: the chip sees chip select and the rising clock edge, while software holds the grant."""
        before = self.pins
        self.pins = value & (EECD_SK | EECD_CS | EECD_DI | EECD_REQ)
        if not self.pins & EECD_REQ:
            self.pins = 0
        if not self.pins & EECD_CS:
            if before & EECD_CS:
                self._deselect()
            return
        if not before & EECD_CS:
            self._select()
        if self.pins & EECD_SK and not before & EECD_SK:
            self._clock(1 if self.pins & EECD_DI else 0)

    def _select(self):
        self.state = IDLE
        self.shift = 0
        self.bits = 0
        # With chip select raised after a write DO tells ready, and this chip is ready at once.
        self.output = 1

    def _deselect(self):
        """The falling chip select starts the programming that a complete write command asked for."""
        if self.state == FINISHED and self.programming is not None and self.writable:
            first, last, data = self.programming
            for word in range(first, last):
                self.words[word] = data
        self.programming = None
        self.state = IDLE
        self.output = 1

    def _clock(self, data):
        if self.state == IDLE:
            # Zeros before the start bit are ignored.
            if data:
                self.state = COMMAND
                self.shift = 0
                self.bits = 0
        elif self.state == COMMAND:
            self.shift = self.shift << 1 | data
            self.bits += 1
            if self.bits == 2 + ADDRESS_BITS:
                self._command(self.shift >> ADDRESS_BITS, self.shift & (WORDS - 1))
        elif self.state == READING:
            self.bits += 1
            if self.bits > 16:
                self.bits = 1
                self.word = (self.word + 1) % WORDS
            self.output = (self.words[self.word] >> (16 - self.bits)) & 1
        elif self.state == WRITING:
            self.shift = (self.shift << 1 | data) & 0xFFFF
            self.bits += 1
            if self.bits == 16:
                self._store(self.shift)

    def _command(self, opcode, address):
        self.opcode = opcode
        self.word = address
        self.shift = 0
        self.bits = 0
        extended = address >> (ADDRESS_BITS - 2)
        if opcode == OP_READ:
            self.state = READING
            # A zero leads the data.
            self.output = 0
        elif opcode == OP_WRITE or (opcode == OP_EXTENDED and extended == EXTENDED_WRAL):
            self.state = WRITING
        else:
            self.state = FINISHED
            if opcode == OP_ERASE:
                self.programming = (address, address + 1, 0xFFFF)
            elif extended == EXTENDED_ERAL:
                self.programming = (0, WORDS, 0xFFFF)
            else:
                self.writable = extended == EXTENDED_EWEN

    def _store(self, data):
        self.state = FINISHED
        if self.opcode == OP_WRITE:
            self.programming = (self.word, self.word + 1, data)
        else:
            self.programming = (0, WORDS, data)

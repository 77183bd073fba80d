"""The serial console as the kernel uses it."""


class Console:
    """`write` sends; received bytes arrive by interrupt SERIAL_IRQ, whose handler calls `interrupt`.

    `interrupt` hands what has come to the callback given to `set_input`; b"" means that the other end has hung up.
    """

    def __init__(self, serial):
        self.serial = serial
        self.callback = None

    def write(self, data):
        """Send bytes; returns how many (all of them)."""
        self.serial.write(data)
        return len(data)

    def set_input(self, callback):
        """`callback(data)` gets what is received, in interrupt context; None: it is thrown away."""
        self.callback = callback

    def read(self):
        """Take everything received so far (bytes, perhaps empty); the interrupt line drops."""
        return self.serial.read()

    def hung_up(self):
        """True once the other end has gone."""
        return self.serial.hung_up

    def interrupt(self):
        """Serve SERIAL_IRQ: True when there was something to serve."""
        data = self.serial.read()
        if not data and not self.serial.hung_up:
            return False
        if self.callback is not None:
            if data:
                self.callback(data)
            if self.serial.hung_up:
                self.callback(b"")
        return True

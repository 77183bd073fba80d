"""The serial ports as the kernel uses them: the console, and the second one."""


class Console:
    """`write` sends; received bytes arrive by the port's interrupt, whose handler calls `interrupt`.

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

    def interrupt(self):
        """Serve the interrupt: True when there was something to serve."""
        data = self.serial.read()
        if not data and not self.serial.hung_up:
            return False
        if self.callback is not None:
            if data:
                self.callback(data)
            if self.serial.hung_up:
                self.callback(b"")
        return True


def second_port(arch):
    """The machine's second serial port."""
    return Console(arch.machine.serial2)

"""Time and descriptors one at a time.

    board.kit.step.hold()             the doorbells stay here
    board.send(*frames, duration=0)
    board.kit.step.descriptor()       the card gets the first descriptor
    board.kit.step.event()            the next thing on the clock happens
"""

from hwemu.nic.e1000.registers import LAYOUT, RDT, TDT
from lab.kit.rings import DESCRIPTOR_SIZE
from lab.kit.seams import RegisterMiddleware


class Stepper(RegisterMiddleware):
    """Middleware while it holds; tail writes then wait here, and reads of the tails show what the driver wrote."""

    def __init__(self, kit):
        self.kit = kit
        self.held = {}
        self.holding = False

    # --- time ---

    def time(self, ns):
        """Let `ns` of virtual time pass."""
        self.kit.clock.run(self.kit.clock.now + ns)

    def event(self):
        """Let exactly the events of the next moment on the clock happen; returns that time, or -1 when nothing is due."""
        when = self.kit.clock.next_time()
        if when >= 0:
            self.kit.clock.run(max(when, self.kit.clock.now))
        return when

    # --- descriptors ---

    def hold(self):
        """Keep tail writes from the card."""
        if not self.holding:
            self.kit.registers.add(self, at_card=True)
            self.holding = True

    def release(self):
        """Let the card have everything, and pass from now on."""
        if self.holding:
            for word, value in self.held.items():
                self.inner.write(word, 4, value)
            self.held = {}
            self.kit.registers.remove(self)
            self.holding = False

    def waiting(self, ring="TX"):
        """How many descriptors of `ring` the driver has given and the card does not know of."""
        word, tail, count = self._state(ring)
        return (self.held.get(word, tail) - tail) % count if count else 0

    def descriptor(self, ring="TX", run=True):
        """Give the card one more descriptor and let what is due happen; False when none waits."""
        word, tail, count = self._state(ring)
        if not self.waiting(ring):
            return False
        self.inner.write(word, 4, (tail + 1) % count)
        if run:
            self.kit.clock.run(self.kit.clock.now)
        return True

    def _state(self, ring):
        state = self.kit.rings.tx if ring == "TX" else self.kit.rings.rx
        return state.tail_register, state.tail, state.count

    # --- middleware ---

    def read(self, offset, width):
        word = LAYOUT.canonical[(offset & 0x1FFFC) >> 2]
        return self.held[word] if word in self.held and width == 4 else self.inner.read(offset, width)

    def write(self, offset, width, value):
        word = LAYOUT.canonical[(offset & 0x1FFFC) >> 2]
        ring = {TDT: self.kit.rings.tx, RDT: self.kit.rings.rx}.get(word)
        # A tail of 0 before anything was given is part of the set-up.
        if ring is not None and ring.enabled and ring.count * DESCRIPTOR_SIZE:
            self.held[word] = value
            return
        self.inner.write(offset, width, value)

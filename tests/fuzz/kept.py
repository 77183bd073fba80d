"""What a process keeps between inputs: a machine, or a card, that is too dear to be made for each."""


class Kept:
    """`get` makes it when there is none; after a failure `recover` gives the next input a new one."""

    def __init__(self, make):
        self.make = make
        self.kept = None

    def get(self):
        if self.kept is None:
            self.kept = self.make()
        return self.kept

    def recover(self):
        self.kept = None

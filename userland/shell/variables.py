"""A shell's variables: their values, and which of them are exported or read-only."""


class ReadonlyError(Exception):
    """A variable that may not be changed; the text is its name."""


class Variables:
    """{name: value} with marks; a variable may be marked without having a value."""

    def __init__(self, environ):
        self.values = dict(environ)
        self.exported = dict.fromkeys(self.values, True)
        self.readonly = {}

    def get(self, name, default=None):
        return self.values.get(name, default)

    def __contains__(self, name):
        return name in self.values

    def setdefault(self, name, value):
        self.values.setdefault(name, value)

    def set(self, name, value):
        if name in self.readonly:
            raise ReadonlyError(name)
        self.values[name] = value

    def unset(self, name):
        if name in self.readonly:
            raise ReadonlyError(name)
        self.values.pop(name, None)
        self.exported.pop(name, None)

    def snapshot(self, name):
        """What `put_back` needs to make the variable what it is now."""
        return self.values.get(name), name in self.exported

    def put_back(self, name, entry):
        value, exported = entry
        if value is None:
            self.values.pop(name, None)
        else:
            self.values[name] = value
        if exported:
            self.exported[name] = True
        else:
            self.exported.pop(name, None)

    def environment(self):
        """What a program gets: the exported variables that have a value."""
        return {name: self.values[name] for name in self.exported if name in self.values}

"""sysctls: named settings, also visible as files under /proc/sys."""

from kernel.uapi.errno import EINVAL, ENOENT


def path_of(name):
    """Where a setting lies under /proc: dots part its name, a slash stands for a dot in one part (sysctl(8))."""
    return "sys/" + name.translate(str.maketrans("./", "/."))


class SysctlTable:
    """A kernel's settings by dotted name, such as `net.ipv4.ip_forward`."""

    def __init__(self, proc):
        self.proc = proc
        self.entries = {}

    def register(self, name, get, set=None):
        """Add a setting: `get()` gives its value, `set(value)` takes a new one (int where `get` gives one, else str)."""
        self.entries[name] = (get, set)
        store = None if set is None else lambda text: self.write(name, text)
        self.proc.create(path_of(name), lambda: f"{get()}\n", store)

    def unregister(self, name):
        """Forget a setting."""
        del self.entries[name]
        self.proc.remove(path_of(name))

    def remove_directory(self, name):
        """Forget the empty directory that a row of settings has left."""
        self.proc.remove(path_of(name))

    def read(self, name):
        """The value; KeyError for an unknown name."""
        return self.entries[name][0]()

    def write(self, name, text):
        """Set from text; 0, -ENOENT for an unknown or read-only name, -EINVAL for text that is not a number."""
        get, set = self.entries.get(name, (None, None))
        if set is None:
            return -ENOENT
        value = str(text).strip()
        if isinstance(get(), int):
            try:
                value = int(value, 0)
            except ValueError:
                return -EINVAL
        result = set(value)
        return result if isinstance(result, int) and result < 0 else 0

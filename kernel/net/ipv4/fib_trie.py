"""/proc/net/fib_trie and fib_triestat: the routes as the level- and path-compressed trie that Linux keeps them in.

Our tables are dictionaries (fib.py); the trie is built anew when somebody reads these files, from the routes in the
order in which they were added.  Its shape follows Nilsson and Karlsson, "IP-Address Lookup Using LC-Tries" (1999), with
the thresholds that Linux's Documentation/networking/fib_trie names: a node is doubled while at least half of its
children would be in use afterwards (30 % at the root) and halved when less than a quarter of them is (15 % at the root).
"""

from kernel.uapi.in_ import inet_ntoa
from kernel.uapi.route import (
    RT_SCOPE_HOST,
    RT_SCOPE_LINK,
    RT_SCOPE_NOWHERE,
    RT_SCOPE_SITE,
    RT_SCOPE_UNIVERSE,
    RT_TABLE_LOCAL,
    RT_TABLE_MAIN,
)

KEY_BITS = 32
INFLATE, HALVE = 50, 25
INFLATE_ROOT, HALVE_ROOT = 30, 15
MAX_STEPS = 10
# Sizes that Linux's nodes have on a 64-bit machine, in bytes: the sums at the end of fib_triestat are made of them.
LEAF_BYTES, NODE_BYTES, ALIAS_BYTES, POINTER_BYTES = 48, 40, 56, 8
TITLES = {RT_TABLE_LOCAL: "Local", RT_TABLE_MAIN: "Main"}
SCOPES = {
    RT_SCOPE_UNIVERSE: "universe", RT_SCOPE_SITE: "site", RT_SCOPE_LINK: "link", RT_SCOPE_HOST: "host",
    RT_SCOPE_NOWHERE: "nowhere",
}  # fmt: skip
TYPES = (
    "UNSPEC", "UNICAST", "LOCAL", "BROADCAST", "ANYCAST", "MULTICAST", "BLACKHOLE", "UNREACHABLE", "PROHIBIT", "THROW", "NAT",
    "XRESOLVE",
)  # fmt: skip


class Leaf:
    """All routes to prefixes that begin at one address."""

    pos = bits = 0

    def __init__(self, key):
        self.key = key
        self.routes = []


class Node:
    """Children by the `bits` bits of an address above bit `pos`; `key` is what all of them begin with."""

    def __init__(self, key, pos, bits):
        self.key = key >> (pos + bits) << (pos + bits)
        self.pos = pos
        self.bits = bits
        self.children = [None] * (1 << bits)

    def index(self, key):
        return (key >> self.pos) & ((1 << self.bits) - 1)

    def holds(self, key):
        """True when `key` begins as everything below this node does."""
        return (self.key ^ key) >> (self.pos + self.bits) == 0

    def put(self, child):
        self.children[self.index(child.key)] = child

    def full(self, child):
        """True for a child that looks at the very next bits: it skips none."""
        return isinstance(child, Node) and child.pos + child.bits == self.pos

    def empty_children(self):
        return self.children.count(None)

    def full_children(self):
        return sum(self.full(child) for child in self.children)


class Trie:
    """The trie of a table's routes."""

    def __init__(self, routes):
        self.root = None
        for fi in routes:
            self.insert(fi)

    def insert(self, fi):
        """Add a route and bring the nodes above it into shape."""
        path, node = self.find(fi.dst)
        if isinstance(node, Leaf) and node.key == fi.dst:
            node.routes.append(fi)
            return
        leaf = Leaf(fi.dst)
        leaf.routes.append(fi)
        if node is not None:
            # They part at the highest bit in which they differ.
            parting = Node(fi.dst, (fi.dst ^ node.key).bit_length() - 1, 1)
            parting.put(node)
            parting.put(leaf)
            self.attach(path, parting)
            path.append(parting)
        else:
            self.attach(path, leaf)
        self.rebalance(path)

    def remove(self, fi):
        """Take a route out again."""
        path, leaf = self.find(fi.dst)
        leaf.routes.remove(fi)
        if not leaf.routes:
            if path:
                path[-1].children[path[-1].index(leaf.key)] = None
            else:
                self.root = None
            self.rebalance(path)

    def find(self, key):
        """(the nodes from the root down, the leaf or the node where the way to `key` ends, or None)."""
        path = []
        node = self.root
        while isinstance(node, Node) and node.holds(key):
            path.append(node)
            node = node.children[node.index(key)]
        return path, node

    def rebalance(self, path):
        while path:
            node = path.pop()
            self.attach(path, self.resized(node, not path))

    def attach(self, path, child):
        if path:
            path[-1].put(child)
        else:
            self.root = child

    def resized(self, node, is_root):
        """What stands in the place of `node` once it has as many children as suits it."""
        steps = 0
        while steps < MAX_STEPS and self.wants_more(node, is_root):
            node = self.doubled(node)
            steps += 1
        if steps:
            return node
        while steps < MAX_STEPS and self.wants_less(node, is_root):
            node = self.halved(node)
            steps += 1
        alone = [child for child in node.children if child is not None]
        if len(alone) < 2:
            return alone[0] if alone else None
        return node

    @staticmethod
    def wants_more(node, is_root):
        size = len(node.children)
        used = size - node.empty_children() + node.full_children()
        return used > 1 and node.pos > 0 and 50 * used >= (INFLATE_ROOT if is_root else INFLATE) * size

    @staticmethod
    def wants_less(node, is_root):
        size = len(node.children)
        used = size - node.empty_children()
        return used > 1 and node.bits > 1 and 100 * used < (HALVE_ROOT if is_root else HALVE) * size

    def reshaped(self, node):
        """`node` with its full children brought into shape."""
        for index, child in enumerate(node.children):
            if node.full(child):
                node.children[index] = self.resized(child, False)
        return node

    def doubled(self, node):
        """`node` with one bit more: its full children are split between two places."""
        wider = Node(node.key, node.pos - 1, node.bits + 1)
        for child in node.children:
            if child is None:
                continue
            if not node.full(child):
                wider.put(child)
                continue
            half = len(child.children) // 2
            for part in (child.children[:half], child.children[half:]):
                self.put_part(wider, child, part)
        return self.reshaped(wider)

    @staticmethod
    def put_part(wider, child, part):
        """Half of the children of a full child: as they are where one is left of the bits, else under a node of their own."""
        if len(part) == 1:
            if part[0] is not None:
                wider.put(part[0])
            return
        keys = [below.key for below in part if below is not None]
        if keys:
            smaller = Node(keys[0], child.pos, child.bits - 1)
            smaller.children = list(part)
            wider.put(smaller)

    def halved(self, node):
        """`node` with one bit less: two children share a place under a node of two."""
        narrower = Node(node.key, node.pos + 1, node.bits - 1)
        for index in range(0, len(node.children), 2):
            pair = [child for child in node.children[index : index + 2] if child is not None]
            if len(pair) == 2:
                shared = Node(pair[0].key, node.pos, 1)
                shared.children = pair
                narrower.put(shared)
            elif pair:
                narrower.put(pair[0])
        return self.reshaped(narrower)

    def walk(self):
        """Yields (depth, node or leaf) in order of address, every node before what is below it."""
        waiting = [(0, self.root)] if self.root is not None else []
        while waiting:
            depth, node = waiting.pop()
            yield depth, node
            if isinstance(node, Node):
                waiting += [(depth + 1, child) for child in reversed(node.children) if child is not None]


def tries(fib):
    """(title, trie) of every table with routes, as Linux lists them."""
    tables = sorted(fib.tables.values(), key=lambda table: (table.id & 0xFF, table.id))
    for table in tables:
        if table.id in TITLES:
            trie = shared_trie(fib, table)
        else:
            trie = Trie(in_order(table.all()))
        if trie.root is not None:
            yield f"{TITLES.get(table.id, f'Id {table.id}')}:", trie


def in_order(routes):
    return sorted(routes, key=lambda fi: fi.serial)


def shared_trie(fib, table):
    """The trie of `local` or `main`: one and the same, until the first policy rule tells them apart.

    Then `local` is built anew, in order of address, and what is not its own is taken out of `main`.
    """
    both = in_order([*fib.local.all(), *fib.main.all()])
    if not fib.parted_at:
        return Trie(both)
    before = [fi for fi in both if fi.serial < fib.parted_at]
    if table is fib.local:
        trie = Trie(sorted((fi for fi in before if fi.table == table.id), key=lambda fi: (fi.dst, -fi.plen)))
    else:
        trie = Trie(before)
        for fi in before:
            if fi.table != table.id:
                trie.remove(fi)
    for fi in both:
        if fi.serial >= fib.parted_at and fi.table == table.id:
            trie.insert(fi)
    return trie


def proc_fib_trie(net):
    """The text of /proc/net/fib_trie."""
    lines = []
    for title, trie in tries(net.fib):
        lines.append(title)
        for depth, node in trie.walk():
            indent = "  " + "   " * depth
            if isinstance(node, Node):
                length = KEY_BITS - node.pos - node.bits
                counts = f"{node.bits} {node.full_children()} {node.empty_children()}"
                lines.append(f"{indent}+-- {inet_ntoa(node.key)}/{length} {counts}")
                continue
            lines.append(f"{indent}|-- {inet_ntoa(node.key)}")
            for fi in sorted(node.routes, key=lambda fi: (-fi.plen, fi.metric)):
                lines.append(f"{indent}   /{fi.plen} {SCOPES.get(fi.scope, f'scope={fi.scope}')} {TYPES[fi.type]}")
    return "".join(f"{line}\n" for line in lines)


def proc_fib_triestat(net):
    """The text of /proc/net/fib_triestat."""
    text = f"Basic info: size of leaf: {LEAF_BYTES} bytes, size of tnode: {NODE_BYTES} bytes.\n"
    for title, trie in tries(net.fib):
        text += f"{title}\n{statistics(trie)}"
    return text


def statistics(trie):
    """What fib_triestat says of one trie."""
    nodes = [node for _, node in trie.walk() if isinstance(node, Node)]
    leaves = [(depth, node) for depth, node in trie.walk() if isinstance(node, Leaf)]
    depths = [depth for depth, _ in leaves]
    prefixes = sum(len(leaf.routes) for _, leaf in leaves)
    average = 100 * sum(depths) // len(leaves)
    sizes = {}
    for node in nodes:
        sizes[node.bits] = sizes.get(node.bits, 0) + 1
    pointers = sum(count << bits for bits, count in sizes.items())
    size = LEAF_BYTES * len(leaves) + ALIAS_BYTES * prefixes + NODE_BYTES * len(nodes) + POINTER_BYTES * pointers
    return (
        f"\tAver depth:     {average // 100}.{average % 100:02}\n"
        f"\tMax depth:      {max(depths)}\n"
        f"\tLeaves:         {len(leaves)}\n"
        f"\tPrefixes:       {prefixes}\n"
        f"\tInternal nodes: {len(nodes)}\n"
        f"\t{''.join(f'  {bits}: {sizes[bits]}' for bits in sorted(sizes))}\n"
        f"\tPointers: {pointers}\n"
        f"Null ptrs: {sum(node.empty_children() for node in nodes)}\n"
        f"Total size: {(size + 1023) // 1024}  kB\n"
    )

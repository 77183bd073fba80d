"""exec: from a path to a program that runs.

A program file is in machine code (ELF), is Python source with `main(argv)`, or its first line names a module
(`#!hwemu MODULE`); a script for another interpreter begins with `#!/path ARG`.
"""

from kernel.arch.memory import SharedPages
from kernel.arch.program import load_python_program
from kernel.arch.uaccess import get_user, strncpy_from_user
from kernel.exec.binfmt_elf import elf_binprm
from kernel.exec.elf import BadElf, elf_file
from kernel.fs.namei import path_lookup
from kernel.syscalls import Fault, from_user
from kernel.uapi.elf import ELFMAG
from kernel.uapi.errno import E2BIG, EACCES, EIO, ELIBBAD, ELOOP, ENOEXEC

MAX_ARGUMENTS = 4096
MAX_STRING = 131072
MAX_VECTOR = 2 << 20
MAX_SCRIPT_DEPTH = 4
MAX_PROGRAM_SIZE = 16 << 20
MAGIC = b"#!hwemu"
USER_ADDRESS = 0xFFFFFFFFFFFFFFFF


class linux_binprm:
    """A program about to run: its text, its arguments (str), its environment (bytes) and its path.

    `load` makes the text a callable; that runs the program's module-level code and so happens in its own task.
    """

    def __init__(self, text, argv, environ, path):
        self.text = text
        self.argv = argv
        self.environ = environ
        self.path = path

    def load(self):
        """The program's `main(argv)`; ExecFormatError with a reason of one line."""
        return load_python_program(self.text, self.path)


def string_vector(mm, address, word=8):
    """The byte strings of a NULL-terminated array of user pointers of `word` bytes; Fault, or OverflowError for too many."""
    strings = []
    if address == 0:
        return strings
    try:
        while len(strings) < MAX_ARGUMENTS:
            pointer = get_user(mm, address & USER_ADDRESS, word) & (1 << 8 * word) - 1
            if pointer == 0:
                return strings
            strings.append(from_user(strncpy_from_user(mm, pointer, MAX_STRING)))
            address += word
    except MemoryError:
        raise Fault from None
    raise OverflowError


def read_program(node):
    """The content of a program file as bytes, or a negative errno."""
    data = node.i_private
    if isinstance(data, (bytes, bytearray, SharedPages)):
        return bytes(data)
    contents = getattr(node.i_sb, "contents", None)
    return contents(node, MAX_PROGRAM_SIZE) if contents is not None else -EIO


def prepare(fs, path, argv, environ, depth=0):
    """Find a program and read it: a linux_binprm, or a negative errno."""
    if depth > MAX_SCRIPT_DEPTH:
        return -ELOOP
    if sum(map(len, argv)) + sum(map(len, environ)) > MAX_VECTOR:
        return -E2BIG
    found = path_lookup(fs, path)
    if isinstance(found, int):
        return found
    node = found.inode
    if not node.is_regular() or not node.i_mode & 0o111:
        return -EACCES
    text = read_program(node)
    if isinstance(text, int):
        return text
    if text.startswith(ELFMAG):
        return prepare_elf(fs, text, argv, environ, found.path())
    if text.startswith(b"#!") and not text.startswith(MAGIC):
        # A script for another interpreter, which gets the script's path after its own single argument.
        words = text[2:].partition(b"\n")[0].decode("utf-8", "surrogateescape").split(None, 1)
        if not words:
            return -ENOEXEC
        return prepare(fs, words[0], [*(word.strip() for word in words), path, *argv[1:]], environ, depth + 1)
    if not text or b"\0" in text:
        return -ENOEXEC
    return linux_binprm(text, argv, environ, found.path())


def prepare_elf(fs, text, argv, environ, path):
    """An ELF program and, where it names one, its dynamic linker: an elf_binprm, or a negative errno."""
    try:
        program = elf_file(text)
        interpreter = None
        if program.interp is not None:
            found = path_lookup(fs, program.interp)
            if isinstance(found, int):
                return found
            content = read_program(found.inode) if found.inode.is_regular() else -EACCES
            if isinstance(content, int):
                return content
            interpreter = elf_file(content)
            if interpreter.wide != program.wide:
                return -ELIBBAD
    except BadElf:
        return -ENOEXEC
    return elf_binprm(program, interpreter, argv, environ, path)


def decode_arguments(raw):
    """argv as a program gets it."""
    return [word.decode("utf-8", "surrogateescape") for word in raw]

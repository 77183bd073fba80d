"""ELF programs about to run: their memory is made, and then the CPU is theirs."""

from kernel.abi.i386 import i386
from kernel.abi.user import run_user
from kernel.abi.x86_64 import x86_64
from kernel.arch.memory import EngineMissing, library_path
from kernel.arch.program import ExecFormatError
from kernel.exec.elf import load
from kernel.mm.mmap import user_mm
from kernel.signal import force_exit
from kernel.uapi.signal import SIGKILL

RANDOM_BYTES = 16


class elf_binprm:
    """A program in machine code about to run: its file, its dynamic linker's or None, arguments (str) and environment."""

    def __init__(self, program, interpreter, argv, environ, path):
        self.program = program
        self.interpreter = interpreter
        self.argv = argv
        self.environ = environ
        self.path = path

    def run(self, kernel, task):
        """Load the program into the current task and run it; comes back when it can not be loaded.

        A program for which there is no memory is killed, as on Linux: the old one is gone.  ExecFormatError where the
        CPU emulator is not installed.
        """
        try:
            library = library_path()
        except EngineMissing as missing:
            raise ExecFormatError(f"{self.path}: {missing}") from missing
        abi = x86_64(kernel) if self.program.wide else i386(kernel)
        try:
            mm = user_mm(library, abi.limit, abi.wide)
        except MemoryError:
            force_exit(task, SIGKILL)
            return
        argv = [word.encode("utf-8", "surrogateescape") for word in self.argv]
        path = self.path.encode("utf-8", "surrogateescape")
        seed = kernel.random.randbytes(RANDOM_BYTES)
        begin = load(mm, self.program, self.interpreter, argv, self.environ, path, seed)
        if isinstance(begin, int):
            force_exit(task, SIGKILL)
            return
        task.context.address_space = mm
        task.mm = mm
        task.abi = abi
        abi.start(task, begin)
        run_user(kernel, task)

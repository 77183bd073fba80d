"""The QEMU process: a PC that has no software, and the sockets by which its devices are used.

Its processor stops at its first instruction: the firmware is a halt.  Any accelerator will do for that, which
matters because distributions leave out the one named "qtest"; the price is that QEMU's clock is the host's.
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import tempfile

from lab.errors import LabError, reason

PROGRAM = "qemu-system-x86_64"
PROGRAM_VARIABLE = "HWEMU_QEMU"
MEBIBYTE = 1 << 20
# The firmware's last 16 bytes are where the processor starts: cli; again: hlt; jmp again.
FIRMWARE = (bytes(65520) + b"\xfa\xf4\xeb\xfd").ljust(65536, b"\0")
NETDEV = "net0"
PATIENCE = 10


def find_qemu():
    """The program to run: $HWEMU_QEMU, or what is on the path; None where there is none."""
    return shutil.which(os.environ.get(PROGRAM_VARIABLE) or PROGRAM)


def memory_file(name, size):
    """An anonymous file of `size` zeroed bytes that other processes can map; its descriptor."""
    fd = os.memfd_create(name)
    os.ftruncate(fd, size)
    return fd


class Qemu:
    """A running QEMU with one network card.

    `qtest` is the near end of its qtest connection (a stream socket), `frames` that of its card's wire (a datagram
    socket, one frame each), `memory` a descriptor of its RAM.  LabError where QEMU is missing or does not start.
    """

    def __init__(self, memory_size, device):
        """`device` is what follows QEMU's -device: a model of a PCI network card and its properties."""
        program = find_qemu()
        if program is None:
            raise LabError(f"{os.environ.get(PROGRAM_VARIABLE) or PROGRAM} is not installed")
        if memory_size % MEBIBYTE:
            raise LabError(f"QEMU takes RAM in whole MiB, not {memory_size} bytes")
        with contextlib.ExitStack() as stack:
            self.memory = memory_file("hwemu-ram", memory_size)
            stack.callback(os.close, self.memory)
            self.qtest, far_qtest = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
            self.monitor, far_monitor = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
            self.frames, far_frames = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
            for near in (self.qtest, self.monitor, self.frames):
                stack.callback(near.close)
            self.errors = stack.enter_context(tempfile.TemporaryFile())
            with far_qtest, far_monitor, far_frames:
                self.process = self.start(program, device, memory_size, far_qtest, far_monitor, far_frames)
            stack.callback(self.stop)
            self.monitor.settimeout(PATIENCE)
            self.replies = self.monitor.makefile("rb")
            stack.callback(self.replies.close)
            self.reply()
            self.control("qmp_capabilities")
            self.closing = stack.pop_all()

    def start(self, program, device, memory_size, qtest, monitor, frames):
        """The process, with the far ends of the three sockets."""
        firmware = memory_file("hwemu-firmware", len(FIRMWARE))
        try:
            os.pwrite(firmware, FIRMWARE, 0)
            words = [
                program, "-nodefaults", "-no-user-config", "-display", "none", "-name", "hwemu",
                "-machine", "pc,hpet=off,usb=off,memory-backend=ram", "-accel", "tcg",
                "-m", f"{memory_size // MEBIBYTE}M", "-bios", f"/proc/self/fd/{firmware}",
                "-object", f"memory-backend-file,id=ram,size={memory_size},share=on,mem-path=/proc/self/fd/{self.memory}",
                "-chardev", f"socket,id=registers,fd={qtest.fileno()}",
                "-object", "qtest,id=qtest0,chardev=registers,log=/dev/null",
                "-chardev", f"socket,id=control,fd={monitor.fileno()}", "-mon", "chardev=control,mode=control",
                "-netdev", f"dgram,id={NETDEV},local.type=fd,local.str={frames.fileno()}",
                "-device", f"{device},netdev={NETDEV}",
            ]  # fmt: skip
            # Should this process be killed, nobody is left to end QEMU.
            guard = shutil.which("setpriv")
            if guard:
                words = [guard, "--pdeathsig", "KILL", "--", *words]
            inherited = (self.memory, firmware, qtest.fileno(), monitor.fileno(), frames.fileno())
            return subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.errors, pass_fds=inherited
            )
        except OSError as error:
            raise LabError(reason(error)) from None
        finally:
            os.close(firmware)

    def control(self, command, **arguments):
        """A command of QEMU's monitor protocol (QMP); what it returns."""
        request = {"execute": command, "arguments": arguments}
        try:
            self.monitor.sendall(json.dumps(request).encode() + b"\n")
        except OSError:
            raise LabError(f"QEMU has gone: {self.complaint()}") from None
        while True:
            reply = self.reply()
            if "error" in reply:
                raise LabError(f"QEMU refuses {command}: {reply['error'].get('desc')}")
            # Anything else is an event.
            if "return" in reply:
                return reply["return"]

    def reply(self):
        try:
            line = self.replies.readline()
        except OSError:
            line = b""
        if not line:
            raise LabError(f"QEMU does not answer: {self.complaint()}")
        return json.loads(line)

    def set_link(self, up):
        """Plug the card's cable in, or pull it."""
        self.control("set_link", name=NETDEV, up=up)

    def complaint(self):
        """The last line that QEMU wrote to its standard error, or how it ended."""
        status = self.stop()
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"exit status {status}"

    def stop(self):
        """End the process; its exit status."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()

    def close(self):
        """End the process and close every descriptor; closing twice does nothing."""
        self.closing.close()

"""`run(init)`: a function of the test as pid 1 of a machine with network but without a card; the books must balance."""

from system import System


def machine(files=None, memory=16 << 20, **cmdline):
    return System(files, memory=memory, net="loopback", **cmdline)


def run(init, files=None, system=None):
    """Run `init` to power-off; an assertion in it fails the test.  Returns the System."""
    system = system if system is not None else machine(files)
    failed = []

    def main(argv):
        try:
            return init(argv)
        except BaseException as error:
            failed.append(error)
            raise

    status = system.run(main, leaks=False)
    if failed:
        raise failed[0]
    assert status == 0, system.text + system.log
    assert system.kernel.leak_report() == []
    return system


run.machine = machine

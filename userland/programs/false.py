"""false: does nothing, unsuccessfully."""


def main(argv):
    return 1

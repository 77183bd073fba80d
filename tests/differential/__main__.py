"""`python -m tests.differential --sequences N --seed S`: exit status 1 when a difference is not on the list of known ones."""

import argparse
import sys
import time

from .campaign import Campaign
from .host import missing


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tests.differential", description=__doc__.partition("\n")[0])
    parser.add_argument("--sequences", type=int, default=2000, help="how many to compare (default 2000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, metavar="NUMBER", help="the number of the first sequence")
    parser.add_argument(
        "--most", type=int, default=30, metavar="N", help="how many kinds of difference to make small (default 30)"
    )
    options = parser.parse_args(arguments)
    reason = missing()
    if reason:
        print(f"the host's kernel can not be asked: {reason}", file=sys.stderr)
        return 2
    started = time.monotonic()
    totals = Campaign(options.seed, most_shrunk=options.most).run(options.first, options.sequences)
    print(
        f"\n{totals.sequences} sequences, {totals.steps} calls ({totals.failed} failed, {totals.blocked} of them interrupted) in "
        f"{time.monotonic() - started:.0f} s; {sum(totals.known.values())} known differences, {totals.chance} that the host "
        f"did not repeat, {sum(totals.kinds.values())} others of {len(totals.kinds)} kinds"
    )
    for name, count in totals.known.most_common():
        print(f"  known: {name}: {count}")
    for kind, count in totals.kinds.most_common():
        print(f"  {count:6} {kind}")
    return 1 if totals.kinds else 0


if __name__ == "__main__":
    sys.exit(main())

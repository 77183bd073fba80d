"""`hwemu doctor SOCKET|FILE`: says in plain words why frames do not flow.

SOCKET is what a running `hwemu boot --control SOCKET` listens at, FILE what `hwemu doctor SOCKET --save FILE` wrote.
"""

import json
import sys

from lab.control import fetch
from lab.errors import LabError, reason
from lab.kit.doctor import examine
from lab.kit.snapshot import VERSION

FOUND = 1


def load(path):
    """The snapshot behind `path`; LabError where there is none."""
    try:
        snapshot = json.loads(fetch(path))
    except ValueError:
        raise LabError(f"{path}: not a snapshot") from None
    if not isinstance(snapshot, dict) or snapshot.get("version") != VERSION:
        raise LabError(f"{path}: not a snapshot of this version")
    return snapshot


def doctor(options) -> int:
    """Print what is wrong; exit status 0 for a card that frames can pass, 1 for one that they can not."""
    snapshot = load(options.target)
    if options.save:
        try:
            with open(options.save, "w") as file:
                json.dump(snapshot, file, indent=1)
        except OSError as error:
            raise LabError(reason(error)) from None
    try:
        found = examine(snapshot)
        pictures = [snapshot["rings"][name]["picture"] for name in ("rx", "tx")]
        title = f"{snapshot['card']} at {snapshot['time'] / 1e9:.3f} s"
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        raise LabError(f"{options.target}: a snapshot with parts missing") from None
    if not found:
        sys.stdout.write(f"{title}: nothing speaks against frames flowing\n")
    else:
        sys.stdout.write(f"{title}: {len(found)} thing{'s' if len(found) > 1 else ''} to look at\n")
        sys.stdout.writelines(f"{number}. {sentence}\n" for number, sentence in enumerate(found, 1))
    if options.rings:
        sys.stdout.writelines(picture + "\n" for picture in pictures)
    return FOUND if found else 0

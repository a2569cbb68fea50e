"""One attack: python3 -m measure.attacks NAME SECONDS SCHEME=ADDRESS... Ends by itself."""

import resource
import sys
import time

from measure.attacks.catalogue import ATTACKS


def main():
    name, seconds, *addresses = sys.argv[1:]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    end = time.monotonic() + float(seconds)
    ATTACKS[name](dict(each.split("=", 1) for each in addresses), lambda: time.monotonic() > end)


if __name__ == "__main__":
    main()

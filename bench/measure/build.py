"""Builds what is measured: the release preset with the bench targets, in build/bench."""

import os
import subprocess

from measure.context import BUILD, REPO
from measure.process import Failure

# Without these, ccache passes on whatever uses a precompiled header.
ENVIRONMENT = {"CCACHE_SLOPPINESS": "pch_defines,time_macros", **os.environ}


def run(*command):
    done = subprocess.run([str(word) for word in command], cwd=REPO, env=ENVIRONMENT, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise Failure(f"{' '.join(map(str, command))}:\n{done.stdout[-4000:]}")


def commit():
    """The commit that is built, with a plus if files differ from it; empty outside of a repository."""
    done = subprocess.run(["git", "describe", "--always", "--dirty=+", "--exclude=*"], cwd=REPO, capture_output=True, text=True,
                          check=False)
    return done.stdout.strip()


def configure():
    run("cmake", "--preset", "release", "-B", BUILD, "-DSLUICE_BUILD_BENCH=ON", "--log-level=WARNING")


def build(targets):
    """False where one of the targets does not exist, as a peer whose library is not installed."""
    known = subprocess.run(["cmake", "--build", str(BUILD), "--target", "help"], capture_output=True, text=True, check=True)
    names = {line.split(":")[0] for line in known.stdout.splitlines()}
    if not names.issuperset(targets):
        return False
    run("nice", "cmake", "--build", BUILD, "--target", *targets)
    return True

"""Children of the daemon: those that tests give it for backends, and what the system says about them."""

import pathlib
import sys

from .timing import duration

FAULTY = str(pathlib.Path(__file__).resolve().parent / "fault_backend.py")
SILENT = "import sys\nfor line in sys.stdin: pass\n"  # a child that never answers


def child(name="faulty", methods=None, **more):
    """The settings of a backend that does what is wrong as the method says."""
    return {"name": name, "command": [sys.executable, FAULTY], "methods": methods or [name + ".*"],
            "kill_after": duration(300), "breaker": {"failures": 0}, "dialect": "sluice", **more}


def silent_backends(directory, count, mark):
    """Backends that say nothing when they are asked for their methods; another mark makes them other backends."""
    program = pathlib.Path(directory) / "silent.py"
    program.write_text(SILENT)
    return [{"name": f"silent{at}", "command": [sys.executable, str(program), mark], "methods": "discover"}
            for at in range(count)]


def state_of(pid):
    """The letter that /proc has for it; None where there is no such process."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None


def is_alive(pid):
    return state_of(pid) not in (None, "Z")

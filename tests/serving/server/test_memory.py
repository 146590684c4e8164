import ctypes
import subprocess
import sys

import pytest

# In a process of its own: where others have freed memory before, new pieces need none.
HOLD_AND_RELEASE = """
import ctypes
from pathlib import Path
from lifelong.serving.server.memory import release_memory

PIECES, PIECE_BYTES = 100_000, 1000

def resident_bytes():
    (line,) = (it for it in Path("/proc/self/status").read_text().splitlines() if "VmRSS" in it)
    return int(line.split()[1]) * 1024

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
release_memory()
before = resident_bytes()
pieces = [libc.malloc(PIECE_BYTES) for _ in range(PIECES)]
# One piece in a hundred, the last one among them, keeps the allocator from giving back the rest.
for number, piece in enumerate(pieces):
    if number % 100 != 99:
        libc.free(piece)
held = resident_bytes() - before
assert held > PIECES * PIECE_BYTES / 2, held
release_memory()
assert resident_bytes() - before < held / 2, (resident_bytes() - before, held)
"""


def test_freed_pieces_go_back_to_the_system():
    if not hasattr(ctypes.CDLL(None), "malloc_trim"):
        pytest.skip("the C library has no malloc_trim")
    done = subprocess.run(
        [sys.executable, "-c", HOLD_AND_RELEASE], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr

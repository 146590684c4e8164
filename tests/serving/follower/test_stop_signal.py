import signal
import time

from lifelong.serving.follower.stop_signal import StopSignal


def test_a_signal_ends_the_wait():
    stop = StopSignal()
    before = signal.signal(signal.SIGALRM, lambda *_: stop.set())
    try:
        stop.wait(0)
        assert not stop.is_set()
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        started = time.monotonic()
        stop.wait(30)
        stop.wait(30)
        assert time.monotonic() - started < 10
        assert stop.is_set()
        stop.set()
    finally:
        signal.signal(signal.SIGALRM, before)
        stop.close()

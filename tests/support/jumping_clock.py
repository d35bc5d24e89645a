"""The time of day of a process, moved on demand: a library put before the C library's, which adds what a file says."""

import mmap
import struct
import subprocess

import pytest

_SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *offset;  /* nanoseconds, shared with whoever moves the clock */

__attribute__((constructor)) static void open_offset(void) {
    const char *path = getenv("JUMPING_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *page = mmap(0, sizeof *offset, PROT_READ, MAP_SHARED, file, 0);
    if (page != MAP_FAILED) offset = page;
    close(file);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = ((int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime"))(clock, now);
    if (failed || !offset || clock != CLOCK_REALTIME) return failed;
    int64_t moved = now->tv_sec * 1000000000LL + now->tv_nsec + *offset;
    now->tv_sec = moved / 1000000000LL;
    now->tv_nsec = moved % 1000000000LL;
    return 0;
}

time_t time(time_t *result) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (result) *result = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}
"""


class JumpingClock:
    """The file that says how far the clock is off, and the environment of a process that goes by it."""

    def __init__(self, folder):
        source, library, self._offset = folder / "clock.c", folder / "clock.so", folder / "clock-offset"
        source.write_text(_SOURCE)
        self._offset.write_bytes(struct.pack("q", 0))
        try:
            subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
        except FileNotFoundError:
            pytest.skip("no C compiler")
        self.environment = {"LD_PRELOAD": str(library), "JUMPING_CLOCK": str(self._offset)}

    def set(self, seconds):
        """How far the clock is ahead, in seconds; less than 0 if it is behind."""
        with self._offset.open("r+b") as file, mmap.mmap(file.fileno(), 8) as page:
            page[:] = struct.pack("q", int(seconds * 1_000_000_000))

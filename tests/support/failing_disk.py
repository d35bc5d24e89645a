"""A disk that fails on demand: a library put before the C library's, which does as two switches (files) say."""

import subprocess

import pytest

_SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int is_on(const char *name) {
    const char *path = getenv(name);
    return path && access(path, F_OK) == 0;
}

#define FLUSH(NAME)                                                              \
    int NAME(int file) {                                                         \
        if (is_on("FAILING_FLUSH")) { errno = EIO; return -1; }                  \
        return ((int (*)(int))dlsym(RTLD_NEXT, #NAME))(file);                    \
    }
FLUSH(fsync)
FLUSH(fdatasync)

#define WRITE(NAME, OFFSET)                                                      \
    ssize_t NAME(int file, const void *data, size_t size, OFFSET at) {           \
        if (is_on("FULL_DISK") && size > 256) { errno = ENOSPC; return -1; }     \
        return ((ssize_t (*)(int, const void *, size_t, OFFSET))dlsym(RTLD_NEXT, #NAME))(file, data, size, at); \
    }
WRITE(pwrite, off_t)
WRITE(pwrite64, off64_t)
"""


class FailingDisk:
    """The switches, and the environment of a process that obeys them."""

    def __init__(self, folder):
        source, library = folder / "failing.c", folder / "failing.so"
        source.write_text(_SOURCE)
        try:
            subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
        except FileNotFoundError:
            pytest.skip("no C compiler")
        self.flush_fails, self.is_full = folder / "flush-fails", folder / "is-full"
        self.environment = {
            "LD_PRELOAD": str(library),
            "FAILING_FLUSH": str(self.flush_fails),
            "FULL_DISK": str(self.is_full),
        }

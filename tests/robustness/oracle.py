"""What must be true, by what clients were told."""

import threading


class Oracle:
    """Of each object, the values that it may have: one, or more while the outcome of a write is not known.

    A value is a text, or None for an object that is not there. Each object has one writer.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._possible = {}
        self._newest = 0  # the highest version that anybody was told
        self.faults = []
        self.counts = {"acknowledged": 0, "refused": 0, "unknown": 0}

    def newest(self):
        """The highest version that is known, to be taken before a write is sent."""
        with self._lock:
            return self._newest

    def acknowledged(self, key, value, version, newest_before):
        """A write was answered with success."""
        with self._lock:
            self.counts["acknowledged"] += 1
            self._possible[key] = {value}
            if version is not None:
                if version <= newest_before:
                    self.faults.append(f"{key}: version {version} after {newest_before}")
                self._newest = max(self._newest, version)

    def refused(self, key):
        """A write was answered with a refusal: it must never be seen."""
        with self._lock:
            self.counts["refused"] += 1

    def unknown(self, key, value):
        """A write was not answered."""
        with self._lock:
            self.counts["unknown"] += 1
            self._possible.setdefault(key, {None}).add(value)

    def compare(self, found, when):
        """Hold all objects that a server has against what may be; from then on that is what must be."""
        with self._lock:
            for key in {*self._possible, *found}:
                possible, value = self._possible.get(key, {None}), found.get(key)
                if value not in possible:
                    self.faults.append(f"{when}: {key} is {value!r}, which is none of {possible!r}")
                self._possible[key] = {value}

    def fault(self, text):
        with self._lock:
            self.faults.append(text)

"""Signals by which images want to be ended: ``SIGQUIT``, ``QUIT``, ``3``, ``SIGRTMIN+3``."""

import re

RTMIN, RTMAX = 34, 64
_WORDS = """
    HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU
    XFSZ VTALRM PROF WINCH IO PWR SYS
"""
_NUMBERS = {name: number for number, name in enumerate(_WORDS.split(), 1)} | {"IOT": 6, "CLD": 17, "POLL": 29}
TERM = _NUMBERS["TERM"]


def signal_number(text: str) -> int:
    """The number (Linux's); what is no signal is as good as none, and means SIGTERM."""
    name = text.strip().upper().removeprefix("SIG")
    if name.isascii() and name.isdecimal() and len(name) <= 2:
        return int(name) if 1 <= int(name) <= RTMAX else TERM
    if found := re.fullmatch(r"RTM(?P<end>IN|AX)(?P<offset>[+-]\d{1,2})?", name):
        number = (RTMIN if found["end"] == "IN" else RTMAX) + int(found["offset"] or 0)
        return number if RTMIN <= number <= RTMAX else TERM
    return _NUMBERS.get(name, TERM)

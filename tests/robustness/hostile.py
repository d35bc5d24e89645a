"""Clients that hold, dribble, flood, send garbage, and never read."""

import random
import ssl
import threading
from contextlib import ExitStack, suppress

from tests.support.hostile_clients import bare, head, shaken


class Hostile(threading.Thread):
    """One that does one thing after another."""

    def __init__(self, world, seed):
        super().__init__(daemon=True)
        self.world, self.dice, self.attacks = world, random.Random(seed), 0

    def run(self):
        while not self.world.over.is_set():
            attack = self.dice.choice((self.hold, self.dribble, self.garbage, self.stall, self.unread))
            with suppress(OSError, ssl.SSLError, ValueError), ExitStack() as held:
                self.attacks += 1
                attack(held)
            self.world.over.wait(0.05)

    def hold(self, held):
        for _ in range(60):
            held.enter_context(bare(self.world.server))
        self.world.over.wait(1.0)

    def dribble(self, held):
        connection = held.enter_context(shaken(self.world.server))
        for _ in range(20):
            connection.sendall(b"X-A: b\r\n")
            self.world.over.wait(0.1)

    def garbage(self, held):
        for _ in range(20):
            connection = held.enter_context(bare(self.world.server))
            connection.sendall(self.dice.randbytes(self.dice.randrange(1, 4000)))

    def stall(self, held):
        connection = held.enter_context(shaken(self.world.server))
        fields = {"Content_Type": "application/json", "Content_Length": 100_000}
        connection.sendall(head("POST", "/api/v1/namespaces/default/configmaps", "wrong", **fields) + b"{")
        self.world.over.wait(1.0)

    def unread(self, held):
        for _ in range(10):
            connection = held.enter_context(shaken(self.world.server, receives=4096))
            connection.sendall(head("GET", "/openapi/v3", self.world.token) * 4)
        self.world.over.wait(1.0)

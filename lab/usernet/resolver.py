"""The host's resolver in threads of its own: getaddrinfo blocks, the engine must not.

A question that is on its way when the machine powers off is given up: its thread ends by itself, or with the process.
"""

import os
import queue
import select
import threading
from collections import deque

from lab.usernet import dns
from lab.usernet.engine import Handler, HostWatch

THREADS = 4
MOST_QUESTIONS = 64


class Resolver(Handler):
    """`ask(question, callback)`: `callback(answer bytes)` is called in the engine; questions too many are dropped.

    OSError when the host has no descriptor left.
    """

    def __init__(self, engine):
        self.event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        # Held while the event is rung, so that no thread rings a descriptor that is somebody else's by now.
        self.lock = threading.Lock()
        self.closed = False
        self.questions = queue.SimpleQueue()
        self.answers = deque()
        self.asked = 0
        self.threads = 0
        self.watch = HostWatch(engine, self.event, self)
        self.watch.want(select.EPOLLIN)

    def ask(self, question, callback):
        if self.asked >= MOST_QUESTIONS:
            return
        self.asked += 1
        self.questions.put((question, callback))
        if self.threads < min(THREADS, self.asked):
            self.threads += 1
            threading.Thread(target=self.work, name="resolver", daemon=True).start()

    def work(self):
        """A thread: look up, then ring."""
        while (item := self.questions.get()) is not None:
            question, callback = item
            answer = dns.answer(question)
            with self.lock:
                if self.closed:
                    return
                self.answers.append((callback, answer))
                os.eventfd_write(self.event, 1)

    def host_ready(self, mask):
        os.eventfd_read(self.event)
        while self.answers:
            callback, answer = self.answers.popleft()
            self.asked -= 1
            callback(answer)

    def close(self):
        self.watch.close()
        with self.lock:
            self.closed = True
            os.close(self.event)
        for _ in range(self.threads):
            self.questions.put(None)

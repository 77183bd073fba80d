"""The host's resolver in a thread of its own: getaddrinfo blocks, the engine must not."""

import os
import select
from collections import deque
from concurrent.futures import ThreadPoolExecutor

from lab.usernet import dns
from lab.usernet.engine import Handler, HostWatch

THREADS = 4
MOST_QUESTIONS = 64


class Resolver(Handler):
    """`ask(question, callback)`: `callback(answer bytes)` is called in the engine; questions too many are dropped."""

    def __init__(self, engine):
        self.pool = ThreadPoolExecutor(THREADS, thread_name_prefix="resolver")
        self.event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.answers = deque()
        self.asked = 0
        self.watch = HostWatch(engine, self.event, self)
        self.watch.want(select.EPOLLIN)

    def ask(self, question, callback):
        if self.asked < MOST_QUESTIONS:
            self.asked += 1
            self.pool.submit(self.work, question, callback)

    def work(self, question, callback):
        """In a thread: look up, then ring."""
        self.answers.append((callback, dns.answer(question)))
        os.eventfd_write(self.event, 1)

    def host_ready(self, mask):
        os.eventfd_read(self.event)
        while self.answers:
            callback, answer = self.answers.popleft()
            self.asked -= 1
            callback(answer)

    def close(self):
        self.watch.close()
        self.pool.shutdown(wait=True, cancel_futures=True)
        os.close(self.event)

"""A counter on the web: an aiohttp server that keeps its numbers in Redis, and clients of two kinds that use it.

    python examples/counter.py                       on the host
    hwemu python examples/counter.py                 the same on the emulated machine
    hwemu python examples/counter.py --redis 10.0.2.2:6379      with a Redis of the host's

Without --redis it brings its own, which knows as much of the protocol (RESP2) as this needs.  Wants requests, aiohttp
and redis: pip install 'hwemu[examples]'.
"""

import argparse
import asyncio
import socketserver
import sys
import threading

try:
    import aiohttp
    import redis
    import requests
    from aiohttp import web
except ImportError as error:
    sys.exit(f"counter.py: {error.name} is missing: pip install 'hwemu[examples]'")

VISITORS = 20


class SmallRedis(socketserver.StreamRequestHandler):
    """One connection to a Redis that counts: PING, GET, SET, INCRBY; OK to whatever a client says about itself."""

    def handle(self):
        while line := self.rfile.readline():
            words = []
            for _ in range(int(line[1:])):
                size = int(self.rfile.readline()[1:])
                words.append(self.rfile.read(size + 2)[:-2])
            self.wfile.write(self.answer(words[0].upper(), words[1:]))

    def answer(self, command, arguments):
        numbers = self.server.numbers
        if command == b"PING":
            return b"+PONG\r\n"
        if command == b"GET":
            value = numbers.get(arguments[0])
            return b"$-1\r\n" if value is None else b"$%d\r\n%s\r\n" % (len(value), value)
        if command == b"SET":
            numbers[arguments[0]] = arguments[1]
            return b"+OK\r\n"
        if command == b"INCRBY":
            value = int(numbers.get(arguments[0], b"0")) + int(arguments[1])
            numbers[arguments[0]] = b"%d" % value
            return b":%d\r\n" % value
        return b"+OK\r\n" if command in (b"CLIENT", b"SELECT") else b"-ERR unknown command\r\n"


class SmallRedisServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, address):
        super().__init__(address, SmallRedis)
        self.numbers = {}


class CounterServer:
    """The web server, in a thread with an event loop of its own."""

    def __init__(self, store):
        self.store = store
        self.port = 0
        self.loop = asyncio.new_event_loop()
        self.started = threading.Event()
        self.thread = threading.Thread(target=self.run, name="web")

    def __enter__(self):
        self.thread.start()
        self.started.wait()
        return self

    def __exit__(self, *error):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()

    def run(self):
        runner = web.AppRunner(self.application())
        self.loop.run_until_complete(runner.setup())
        site = web.TCPSite(runner, "127.0.0.1", 0)
        self.loop.run_until_complete(site.start())
        self.port = runner.addresses[0][1]
        self.started.set()
        self.loop.run_forever()
        self.loop.run_until_complete(runner.cleanup())
        self.loop.close()

    def application(self):
        app = web.Application()
        app.add_routes([web.get("/{name}", self.show), web.post("/{name}", self.count)])
        return app

    async def show(self, request):
        value = await asyncio.to_thread(self.store.get, request.match_info["name"])
        return web.json_response({"count": int(value or 0)})

    async def count(self, request):
        value = await asyncio.to_thread(self.store.incr, request.match_info["name"])
        return web.json_response({"count": value})


async def many_visitors(url):
    """The counts that VISITORS visitors at the same time are told."""

    async def visit(session):
        async with session.post(url) as response:
            return (await response.json())["count"]

    async with aiohttp.ClientSession() as session:
        return sorted(await asyncio.gather(*(visit(session) for _ in range(VISITORS))))


def demonstrate(host, port):
    store = redis.Redis(host=host, port=port, protocol=2)
    print("redis:", store.ping())
    store.set("visits", 0)
    with CounterServer(store) as server:
        url = f"http://127.0.0.1:{server.port}/visits"
        with requests.Session() as session:
            print("requests:", [session.post(url).json()["count"] for _ in range(3)])
            counts = asyncio.run(many_visitors(url))
            print(f"aiohttp: {VISITORS} visitors, counts {counts[0]} to {counts[-1]}, {len(set(counts))} different")
            print("requests:", session.get(url).json()["count"])
    store.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--redis", metavar="HOST:PORT", help="a Redis server to use instead of the small one in here")
    options = parser.parse_args()
    if options.redis:
        host, _, port = options.redis.rpartition(":")
        demonstrate(host, int(port))
        return 0
    with SmallRedisServer(("127.0.0.1", 0)) as server:
        threading.Thread(target=server.serve_forever, name="redis", daemon=True).start()
        demonstrate(*server.server_address)
        server.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""/proc/stat: what the CPU has done."""

from hwemu_system import run

from userland import libc

CALLS = 100_000


def figures():
    """{first word: the numbers behind it} of /proc/stat."""
    return {words[0]: [int(word) for word in words[1:]] for words in map(str.split, libc.read_text("/proc/stat").splitlines())}


def test_the_cpu_line_counts_calls_and_idling_of_the_living_and_the_dead():
    def call():
        for _ in range(CALLS):
            libc.getppid()
        return 0

    def init(argv):
        first = figures()
        assert len(first["cpu"]) == 10 and first["cpu"] == first["cpu0"]
        thread = libc.thread_create(call)
        libc.thread_join(thread)
        # 100,000 calls of 200 ns each are two ticks of 1/100 s.
        dead = figures()
        assert dead["cpu"][2] - first["cpu"][2] in (2, 3)
        call()
        busy = figures()
        assert busy["cpu"][2] - dead["cpu"][2] in (2, 3)
        libc.usleep(500_000)
        idle = figures()
        assert 49 <= idle["cpu"][3] - busy["cpu"][3] <= 51
        assert idle["cpu"][2] - busy["cpu"][2] <= 1
        assert idle["cpu"][0] == idle["cpu"][1] == 0 and idle["cpu"][4:] == [0] * 6

    run(init)

/* netload MODE ADDRESS PORT SECONDS [SIZE]: one load from the host's own sockets; prints one JSON object.
 *
 *   send   bulk TCP to a discard service       mbit (acknowledged bytes)
 *   recv   bulk TCP from a chargen service     mbit
 *   rr     request/response of SIZE bytes      per_s, p50_us, p99_us
 *   conn   connect, one byte each way, close   per_s
 *   udp    UDP request/response of SIZE bytes  per_s
 *   burst  UDP datagrams of SIZE bytes, 64 of them under way, echoed   per_s (those that came back)
 *   idle   open SIZE connections, hold them until standard input closes */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct sockaddr_in target;
static char buffer[262144];

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void fail(const char *what) { fprintf(stderr, "netload: %s: %s\n", what, strerror(errno)); exit(1); }

static int open_socket(int type) {
    int fd = socket(AF_INET, type, 0), one = 1;
    struct timeval limit = {5, 0};
    if (fd < 0) fail("socket");
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (type == SOCK_STREAM) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, (struct sockaddr *)&target, sizeof target) < 0) fail("connect");
    return fd;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int exchange(int fd, int size, int datagram) {
    int got = 0;
    if (send(fd, buffer, size, MSG_NOSIGNAL) != size) return 0;
    while (got < size) {
        ssize_t n = recv(fd, buffer, size, 0);
        if (n <= 0) return 0;
        got += (int)n;
        if (datagram) break;
    }
    return 1;
}

int main(int argc, char **argv) {
    if (argc < 5) { fprintf(stderr, "usage: netload MODE ADDRESS PORT SECONDS [SIZE]\n"); return 2; }
    const char *mode = argv[1];
    double seconds = atof(argv[4]), start, end;
    int size = argc > 5 ? atoi(argv[5]) : 1, fd;
    uint64_t bytes = 0, count = 0, failed = 0;
    target.sin_family = AF_INET;
    target.sin_port = htons((uint16_t)atoi(argv[3]));
    if (inet_pton(AF_INET, argv[2], &target.sin_addr) != 1 || size < 1 || size > (int)sizeof buffer) { fprintf(stderr, "netload: bad address or size\n"); return 2; }
    start = now();
    end = start + seconds;
    if (!strcmp(mode, "send")) {
        struct tcp_info info;
        socklen_t length = sizeof info;
        fd = open_socket(SOCK_STREAM);
        while (now() < end && send(fd, buffer, sizeof buffer, MSG_NOSIGNAL) > 0);
        if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) < 0) fail("TCP_INFO");
        printf("{\"mbit\": %.1f, \"retransmitted\": %u}\n", info.tcpi_bytes_acked * 8 / (now() - start) / 1e6, info.tcpi_total_retrans);
    } else if (!strcmp(mode, "recv")) {
        ssize_t n;
        fd = open_socket(SOCK_STREAM);
        while (now() < end && (n = recv(fd, buffer, sizeof buffer, 0)) > 0) bytes += (uint64_t)n;
        printf("{\"mbit\": %.1f}\n", bytes * 8 / (now() - start) / 1e6);
    } else if (!strcmp(mode, "rr") || !strcmp(mode, "udp")) {
        int datagram = mode[0] == 'u', capacity = 1 << 20;
        double *samples = malloc(capacity * sizeof *samples), before;
        fd = open_socket(datagram ? SOCK_DGRAM : SOCK_STREAM);
        while ((before = now()) < end) {
            if (!exchange(fd, size, datagram)) { failed++; if (!datagram) break; continue; }
            if (count < (uint64_t)capacity) samples[count] = now() - before;
            count++;
        }
        uint64_t kept = count < (uint64_t)capacity ? count : (uint64_t)capacity;
        qsort(samples, kept, sizeof *samples, by_value);
        printf("{\"per_s\": %.1f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"failed\": %lu}\n", count / (now() - start),
               kept ? samples[kept / 2] * 1e6 : 0, kept ? samples[kept * 99 / 100] * 1e6 : 0, failed);
    } else if (!strcmp(mode, "conn")) {
        while (now() < end) {
            fd = open_socket(SOCK_STREAM);
            if (exchange(fd, 1, 0)) count++; else failed++;
            close(fd);
        }
        printf("{\"per_s\": %.1f, \"failed\": %lu}\n", count / (now() - start), failed);
    } else if (!strcmp(mode, "burst")) {
        struct timeval soon = {0, 100000};
        fd = open_socket(SOCK_DGRAM);
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon);
        for (int i = 0; i < 64; i++) send(fd, buffer, size, 0);
        while (now() < end) {
            /* What is lost is not waited for: a silence begins the burst anew. */
            if (recv(fd, buffer, sizeof buffer, 0) == size) { count++; send(fd, buffer, size, 0); }
            else for (int i = 0; i < 64; i++, failed++) send(fd, buffer, size, 0);
        }
        printf("{\"per_s\": %.1f, \"failed\": %lu}\n", count / (now() - start), failed);
    } else if (!strcmp(mode, "idle")) {
        for (int i = 0; i < size; i++) open_socket(SOCK_STREAM);
        printf("{\"open\": %d}\n", size);
        fflush(stdout);
        while (read(0, buffer, sizeof buffer) > 0);
    } else { fprintf(stderr, "netload: no mode %s\n", mode); return 2; }
    return 0;
}

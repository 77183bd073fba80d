/* fakehost TAP ADDRESS: the limit of a TAP: a "host" that answers with as little protocol work as possible.
 *
 * It answers ARP and ping, UDP port 7 (echo), and TCP ports 7 (echo), 9 (discard) and 19 (chargen) without timers, congestion
 * control, reassembly or a socket layer: sequence numbers are kept, nothing more.  Whatever a real stack reaches on
 * the same TAP in the same run is a share of this. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { MSS = 1460, FLIGHT = 256 * 1024, CONNECTIONS = 64, FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

struct flow {
    uint32_t peer_port, port, rcv_nxt, una, nxt, window;
    int used, established, closing, scale, dupacks, owe_ack;
    double progress;
};

static int tap;
static uint8_t mac[6] = {2, 'h', 'w', 'e', 'm', 'u'}, peer_mac[6], frame[2048], reply[2048];
static uint32_t address, peer;
static struct flow flows[CONNECTIONS];

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static uint16_t load16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }
static uint32_t load32(const uint8_t *p) { return (uint32_t)load16(p) << 16 | load16(p + 2); }
static void store16(uint8_t *p, uint32_t v) { p[0] = (uint8_t)(v >> 8); p[1] = (uint8_t)v; }
static void store32(uint8_t *p, uint32_t v) { store16(p, v >> 16); store16(p + 2, v); }

static uint16_t checksum(const uint8_t *p, int n, uint64_t sum) {
    uint64_t native = 0;
    for (; n >= 4; p += 4, n -= 4) { uint32_t w; memcpy(&w, p, 4); native += w; }
    if (n >= 2) { uint16_t w; memcpy(&w, p, 2); native += w; p += 2; n -= 2; }
    if (n) native += *p;
    while (native >> 16) native = (native & 0xffff) + (native >> 16);
    sum += htons((uint16_t)native);
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static void put_frame(int length) {
    if (write(tap, reply, length) < 0 && errno != EAGAIN && errno != ENOBUFS) { perror("write"); exit(1); }
}

static void put_ip(int protocol, int length) {
    static uint16_t id;
    uint8_t *ip = reply + 14;
    memcpy(reply, peer_mac, 6);
    memcpy(reply + 6, mac, 6);
    store16(reply + 12, 0x0800);
    ip[0] = 0x45; ip[1] = 0;
    store16(ip + 2, 20 + length);
    store16(ip + 4, ++id);
    store16(ip + 6, 0x4000);
    ip[8] = 64; ip[9] = (uint8_t)protocol;
    store16(ip + 10, 0);
    store32(ip + 12, address);
    store32(ip + 16, peer);
    store16(ip + 10, checksum(ip, 20, 0));
    put_frame(34 + length);
}

static void put_tcp(struct flow *f, uint32_t seq, int flags, int data) {
    uint8_t *tcp = reply + 34;
    int header = flags & SYN ? 28 : 20;
    uint64_t pseudo = (address >> 16) + (address & 0xffff) + (peer >> 16) + (peer & 0xffff) + 6 + header + data;
    store16(tcp, f->port);
    store16(tcp + 2, f->peer_port);
    store32(tcp + 4, seq);
    store32(tcp + 8, f->rcv_nxt);
    tcp[12] = (uint8_t)(header / 4 << 4);
    tcp[13] = (uint8_t)flags;
    store16(tcp + 14, 0xffff);
    store32(tcp + 16, 0);
    if (flags & SYN) { store32(tcp + 20, 0x02040000 | MSS); store32(tcp + 24, 0x01030307); }
    store16(tcp + 16, checksum(tcp, header + data, pseudo));
    put_ip(6, header + data);
    f->owe_ack = 0;
}

static void chargen(struct flow *f) {
    uint32_t limit = f->window < FLIGHT ? f->window : FLIGHT;
    int budget = 64;
    while (budget-- && f->established && !f->closing && f->nxt - f->una + MSS <= limit) {
        put_tcp(f, f->nxt, ACK, MSS);
        f->nxt += MSS;
    }
}

static struct flow *find(uint32_t peer_port, uint32_t port, int make) {
    struct flow *spare = NULL;
    for (int i = 0; i < CONNECTIONS; i++) {
        if (flows[i].used && flows[i].peer_port == peer_port && flows[i].port == port) return &flows[i];
        if (!flows[i].used) spare = &flows[i];
    }
    return make ? spare : NULL;
}

static void tcp_input(const uint8_t *tcp, int length) {
    int header = (tcp[12] >> 4) * 4, flags = tcp[13], data = length - header;
    uint32_t seq = load32(tcp + 4), ack = load32(tcp + 8);
    struct flow *f = find(load16(tcp), load16(tcp + 2), flags & SYN);
    if (!f || header < 20 || data < 0) return;
    if (flags & RST) { f->used = 0; return; }
    if (flags & SYN) {
        memset(f, 0, sizeof *f);
        f->used = 1;
        f->peer_port = load16(tcp);
        f->port = load16(tcp + 2);
        f->rcv_nxt = seq + 1;
        f->una = f->nxt = 1000000;
        for (int i = 20; i < header && tcp[i];) {
            if (tcp[i] == 1) { i++; continue; }
            if (i + 1 >= header || tcp[i + 1] < 2) break;
            if (tcp[i] == 3) f->scale = tcp[i + 2];
            i += tcp[i + 1];
        }
        put_tcp(f, f->nxt++, SYN | ACK, 0);
        return;
    }
    f->window = (uint32_t)load16(tcp + 14) << f->scale;
    if (!f->established) { f->established = 1; f->una = f->nxt; f->progress = now(); }
    if (ack == f->una && !data && f->nxt != f->una && !(flags & FIN)) {
        if (++f->dupacks == 3) { put_tcp(f, f->una, ACK, MSS); }
    } else if ((int32_t)(ack - f->una) > 0) {
        f->una = ack;
        if ((int32_t)(f->nxt - ack) < 0) f->nxt = ack;
        f->dupacks = 0;
        f->progress = now();
    }
    if (data && seq == f->rcv_nxt) {
        f->rcv_nxt += data;
        if (f->port == 7) {
            memcpy(reply + 54, tcp + header, data);
            put_tcp(f, f->nxt, ACK | PSH, data);
            f->nxt += data;
        } else f->owe_ack = 1;
    } else if (data) put_tcp(f, f->nxt, ACK, 0);
    if (flags & FIN && seq + data == f->rcv_nxt) {
        f->rcv_nxt++;
        put_tcp(f, f->nxt, FIN | ACK, 0);
        f->used = 0;
    } else if (f->port == 19) chargen(f);
}

static void input(int length) {
    uint8_t *p = frame + 14;
    if (length >= 42 && load16(frame + 12) == 0x0806 && load16(p + 6) == 1 && load32(p + 24) == address) {
        memcpy(peer_mac, frame + 6, 6);
        peer = load32(p + 14);
        memcpy(reply, frame + 6, 6);
        memcpy(reply + 6, mac, 6);
        memcpy(reply + 12, frame + 12, 8);
        store16(reply + 20, 2);
        memcpy(reply + 22, mac, 6);
        store32(reply + 28, address);
        memcpy(reply + 32, p + 8, 10);
        put_frame(42);
        return;
    }
    if (length < 34 || load16(frame + 12) != 0x0800 || load32(p + 16) != address) return;
    int header = (p[0] & 15) * 4, total = load16(p + 2);
    if (total + 14 > length || header < 20 || total < header + 8) return;
    memcpy(peer_mac, frame + 6, 6);
    peer = load32(p + 12);
    uint8_t *body = p + header;
    if (p[9] == 6 && total >= header + 20) tcp_input(body, total - header);
    else if (p[9] == 1 && body[0] == 8) {
        memcpy(reply + 34, body, total - header);
        reply[34] = 0;
        store16(reply + 36, 0);
        store16(reply + 36, checksum(reply + 34, total - header, 0));
        put_ip(1, total - header);
    } else if (p[9] == 17 && load16(body + 2) == 7 && total - header <= 1480) {
        /* UDP echo: the ports change places, and a checksum of 0 says that there is none (RFC 768). */
        memcpy(reply + 34, body, total - header);
        memcpy(reply + 34, body + 2, 2);
        memcpy(reply + 36, body, 2);
        store16(reply + 40, 0);
        put_ip(17, total - header);
    }
}

int main(int argc, char **argv) {
    struct ifreq request = {0};
    if (argc != 3 || inet_pton(AF_INET, argv[2], &address) != 1) { fprintf(stderr, "usage: fakehost TAP ADDRESS\n"); return 2; }
    address = ntohl(address);
    tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
    strncpy(request.ifr_name, argv[1], IFNAMSIZ - 1);
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    if (tap < 0 || ioctl(tap, TUNSETIFF, &request) < 0) { perror(argv[1]); return 1; }
    for (;;) {
        struct pollfd wait = {tap, POLLIN, 0};
        int length = 0;
        poll(&wait, 1, 200);
        for (int batch = 0; batch < 64 && (length = (int)read(tap, frame, sizeof frame)) > 0; batch++) input(length);
        for (int i = 0; i < CONNECTIONS; i++) {
            struct flow *f = &flows[i];
            if (!f->used || !f->established) continue;
            if (f->owe_ack) put_tcp(f, f->nxt, ACK, 0);
            if (f->port == 19 && f->nxt != f->una && now() - f->progress > 0.2) { f->nxt = f->una; f->progress = now(); }
            if (f->port == 19) chargen(f);
        }
    }
}

/* ICMP echo through a raw socket: ping ADDRESS [COUNT]; exits 0 when every request was answered. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct echo {
    uint8_t type, code;
    uint16_t checksum, id, sequence;
    char data[56];
};

/* RFC 1071. */
static uint16_t checksum(const void *data, size_t length)
{
    const uint16_t *words = data;
    uint32_t sum = 0;

    for (size_t i = 0; i < length / 2; i++)
        sum += words[i];
    sum = (sum & 0xffff) + (sum >> 16);
    return ~(sum + (sum >> 16));
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

/* 1 when the answer to `sequence` came within a second. */
static int wait_for(int fd, uint16_t id, uint16_t sequence, double sent)
{
    unsigned char packet[1500];
    ssize_t count;

    while ((count = recv(fd, packet, sizeof packet, 0)) > 0) {
        size_t header = (packet[0] & 15) * 4;
        struct echo *answer = (struct echo *)(packet + header);
        if (count >= (ssize_t)(header + 8) && answer->type == 0 && answer->id == id && answer->sequence == sequence) {
            printf("%zd bytes: icmp_seq=%d ttl=%d time=%.3f ms\n", count - header, ntohs(sequence), packet[8], now() - sent);
            return 1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct sockaddr_in target = {.sin_family = AF_INET};
    struct timeval second = {.tv_sec = 1};
    int count = argc > 2 ? atoi(argv[2]) : 3;
    int answered = 0;

    if (argc < 2 || !inet_aton(argv[1], &target.sin_addr)) {
        fprintf(stderr, "usage: ping ADDRESS [COUNT]\n");
        return 2;
    }
    int fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof second) < 0) {
        perror("ping");
        return 1;
    }
    for (int sequence = 1; sequence <= count; sequence++) {
        struct echo request = {.type = 8, .id = htons(getpid()), .sequence = htons(sequence)};
        memset(request.data, 'x', sizeof request.data);
        request.checksum = checksum(&request, sizeof request);
        double sent = now();
        if (sendto(fd, &request, sizeof request, 0, (struct sockaddr *)&target, sizeof target) < 0)
            perror("ping");
        else
            answered += wait_for(fd, request.id, request.sequence, sent);
    }
    printf("%d of %d answered\n", answered, count);
    return answered != count;
}

/* A UDP echo: udp_echo PORT [COUNT] answers COUNT datagrams (default: for ever). */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    long left = argc > 2 ? atol(argv[2]) : -1;
    char buffer[2048];

    if (argc < 2) {
        fprintf(stderr, "usage: udp_echo PORT [COUNT]\n");
        return 2;
    }
    address.sin_port = htons(atoi(argv[1]));
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        perror("udp_echo");
        return 1;
    }
    while (left != 0) {
        struct sockaddr_in peer;
        socklen_t length = sizeof peer;
        ssize_t count = recvfrom(fd, buffer, sizeof buffer, 0, (struct sockaddr *)&peer, &length);
        if (count < 0 || sendto(fd, buffer, count, 0, (struct sockaddr *)&peer, length) != count) {
            perror("udp_echo");
            return 1;
        }
        if (left > 0)
            left--;
    }
    return 0;
}

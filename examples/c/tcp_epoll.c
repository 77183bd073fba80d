/* A TCP server around one epoll: tcp_epoll PORT [CONNECTIONS] sends back what it gets, in upper case.
 * It ends after CONNECTIONS connections (default: never). */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static int listen_at(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0)
        fail("socket");
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 64) < 0)
        fail("bind");
    return fd;
}

static void watch(int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        fail("epoll_ctl");
}

/* Returns 0 when the connection has ended. */
static int serve(int fd)
{
    char buffer[4096];
    ssize_t count = read(fd, buffer, sizeof buffer);

    for (ssize_t i = 0; i < count; i++)
        buffer[i] = toupper((unsigned char)buffer[i]);
    return count > 0 && write(fd, buffer, count) == count;
}

int main(int argc, char **argv)
{
    struct epoll_event events[16];
    long left = argc > 2 ? atol(argv[2]) : -1;

    if (argc < 2) {
        fprintf(stderr, "usage: tcp_epoll PORT [CONNECTIONS]\n");
        return 2;
    }
    int listening = listen_at(atoi(argv[1]));
    int epoll = epoll_create1(0);
    watch(epoll, listening);
    while (left != 0) {
        int count = epoll_wait(epoll, events, 16, -1);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == listening) {
                int accepted = accept(listening, 0, 0);
                if (accepted >= 0)
                    watch(epoll, accepted);
            } else if (!serve(fd)) {
                close(fd);
                if (left > 0)
                    left--;
            }
        }
    }
    return 0;
}

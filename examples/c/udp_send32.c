/* i386 without a C library: udp_send32 TEXT sends TEXT to 127.0.0.1:7000 and prints the answer.  See start32.S. */

enum { SYS_write = 4, SOCKET = 1, SEND_TO = 11, RECEIVE = 10, AF_INET = 2, SOCK_DGRAM = 2 };

struct address {
    unsigned short family;
    unsigned char port[2], host[4], zero[8];
};

long syscall3(long number, long a, long b, long c);
long socketcall(int call, long *arguments);

static unsigned length(const char *text)
{
    unsigned count = 0;

    while (text[count])
        count++;
    return count;
}

int main(int argc, char **argv)
{
    struct address to = {AF_INET, {7000 >> 8, 7000 & 255}, {127, 0, 0, 1}, {0}};
    char buffer[256];

    if (argc != 2) {
        static const char usage[] = "usage: udp_send32 TEXT\n";
        syscall3(SYS_write, 2, (long)usage, sizeof usage - 1);
        return 2;
    }
    long fd = socketcall(SOCKET, (long[]){AF_INET, SOCK_DGRAM, 0});
    if (fd < 0)
        return 1;
    long sent = socketcall(SEND_TO, (long[]){fd, (long)argv[1], length(argv[1]), 0, (long)&to, sizeof to});
    if (sent < 0)
        return 1;
    long count = socketcall(RECEIVE, (long[]){fd, (long)buffer, sizeof buffer, 0});
    if (count < 0)
        return 1;
    syscall3(SYS_write, 1, (long)buffer, count);
    syscall3(SYS_write, 1, (long)"\n", 1);
    return 0;
}

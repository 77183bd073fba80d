/* Calls whose structures lie differently in 32-bit and in 64-bit memory: the output is the same in both. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void check(const char *what, int good)
{
    printf("%s %s\n", what, good ? "good" : "FAILED");
}

static volatile int alarms;
static void on_alarm(int sig) { alarms++; }

int main(void)
{
    struct timeval tv, limit = {0, 1500};
    struct timespec request = {0, 2000000}, before, after;
    int ends[2], pair[2], status;
    char a[4] = "", b[8] = "";

    gettimeofday(&tv, 0);
    check("gettimeofday", tv.tv_sec > 1700000000 && time(0) == tv.tv_sec);
    clock_gettime(CLOCK_MONOTONIC, &before);
    nanosleep(&request, 0);
    clock_gettime(CLOCK_MONOTONIC, &after);
    check("nanosleep", (after.tv_sec - before.tv_sec) * 1000000000L + after.tv_nsec - before.tv_nsec >= 2000000);

    pipe(ends);
    struct iovec out[2] = {{"abc", 3}, {"defgh", 5}}, in[2] = {{a, 3}, {b, 5}};
    check("writev", writev(ends[1], out, 2) == 8);
    fd_set set;
    FD_ZERO(&set);
    FD_SET(ends[0], &set);
    check("select", select(ends[0] + 1, &set, 0, 0, &limit) == 1 && FD_ISSET(ends[0], &set));
    check("readv", readv(ends[0], in, 2) == 8 && !strcmp(a, "abc") && !strncmp(b, "defgh", 5));
    check("select's end", select(ends[0] + 1, &set, 0, 0, &limit) == 0 && !FD_ISSET(ends[0], &set));

    struct sigaction action = {.sa_handler = on_alarm}, old;
    sigaction(SIGALRM, &action, 0);
    sigaction(SIGALRM, 0, &old);
    struct itimerval timer = {{0, 0}, {0, 1000}};
    check("sigaction", old.sa_handler == on_alarm);
    check("setitimer", setitimer(ITIMER_REAL, &timer, 0) == 0 && pause() == -1 && errno == EINTR && alarms == 1);

    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    struct msghdr message = {.msg_iov = out, .msg_iovlen = 2};
    check("sendmsg", sendmsg(pair[0], &message, 0) == 8);
    memset(b, 0, sizeof b);
    message.msg_iov = in;
    check("recvmsg", recvmsg(pair[1], &message, 0) == 8 && !strncmp(b, "defgh", 5));
    struct timeval short_time = {0, 2000};
    setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &short_time, sizeof short_time);
    check("SO_RCVTIMEO", recv(pair[1], b, 1, 0) == -1 && errno == EAGAIN);

    pid_t pid = fork();
    if (!pid)
        _exit(3);
    struct rusage usage;
    memset(&usage, 255, sizeof usage);
    check("wait4", wait4(pid, &status, 0, &usage) == pid && WEXITSTATUS(status) == 3 && usage.ru_utime.tv_sec == 0);
    check("a bad pointer", syscall(SYS_clock_gettime, 0, (void *)4) == -1 && errno == EFAULT);
    return 0;
}

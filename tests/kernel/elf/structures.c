/* Calls whose structures lie differently in 32-bit and in 64-bit memory: the output is the same in both. */
#define _GNU_SOURCE
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

    union { struct cmsghdr first; char room[CMSG_SPACE(2 * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))]; } control;
    int passed[2] = {ends[0], ends[1]}, got[2], yes = 1, untouched = dup(0);
    close(untouched);
    memset(&control, 0, sizeof control);
    message = (struct msghdr){.msg_iov = out, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_SPACE(sizeof passed)};
    control.first = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof passed), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.first), passed, sizeof passed);
    check("descriptors sent", sendmsg(pair[0], &message, 0) == 3);
    setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes);
    memset(&control, 0, sizeof control);
    message.msg_iov = in;
    message.msg_controllen = sizeof control;
    check("and received", recvmsg(pair[1], &message, 0) == 3 && message.msg_controllen == sizeof control && !message.msg_flags);
    struct cmsghdr *credentials = CMSG_FIRSTHDR(&message), *rights = CMSG_NXTHDR(&message, credentials);
    check("credentials", credentials->cmsg_type == SCM_CREDENTIALS && credentials->cmsg_len == CMSG_LEN(sizeof(struct ucred)));
    check("rights", rights && rights->cmsg_type == SCM_RIGHTS && rights->cmsg_len == CMSG_LEN(sizeof got));
    memcpy(got, CMSG_DATA(rights), sizeof got);
    check("which lead to the pipe", write(got[1], "xyz", 3) == 3 && read(got[0], a, 3) == 3 && !memcmp(a, "xyz", 3));
    close(got[0]);
    close(got[1]);
    yes = 0;
    setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes);
    memset(&control, 0, sizeof control);
    control.first = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof passed), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.first), passed, sizeof passed);
    message.msg_iov = out;
    message.msg_controllen = CMSG_SPACE(sizeof passed);
    sendmsg(pair[0], &message, 0);
    message.msg_iov = in;
    message.msg_controllen = CMSG_LEN(sizeof(int));
    check("one fits", recvmsg(pair[1], &message, 0) == 3 && message.msg_flags == MSG_CTRUNC && control.first.cmsg_len == CMSG_LEN(sizeof(int)));
    memcpy(got, CMSG_DATA(&control.first), sizeof(int));
    close(got[0]);
    check("the other is not installed", got[0] == untouched && dup(0) == untouched && !close(untouched));
    control.first.cmsg_len = sizeof control + 1;
    message.msg_controllen = sizeof control;
    check("a bad length", sendmsg(pair[0], &message, 0) == -1 && errno == EINVAL);

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

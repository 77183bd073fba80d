/* Calls whose structures i386 lays out in its own way: on the machine they do what they do on Linux.  The argument is a folder. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

static void check(const char *what, int good)
{
    printf("%s %s\n", what, good ? "good" : "FAILED");
}

static void times_of_files(const char *path)
{
    struct stat status;
    struct utimbuf seconds = {1000, 2000};
    struct timeval micro[2] = {{3000, 5}, {4000, 6}};
    struct timespec nano[2] = {{5000, 7}, {6000, 8}};

    check("utime", !utime(path, &seconds) && !stat(path, &status) && status.st_atime == 1000 && status.st_mtime == 2000);
    check("utimes", !utimes(path, micro) && !stat(path, &status) && status.st_mtime == 4000 && status.st_mtim.tv_nsec == 6000);
    check("futimesat", !futimesat(AT_FDCWD, path, micro) && !stat(path, &status) && status.st_atime == 3000);
    check("utimensat", !utimensat(AT_FDCWD, path, nano, 0) && !stat(path, &status) && status.st_mtim.tv_nsec == 8);
    check("utime of nothing", utime("/no/such", &seconds) == -1 && errno == ENOENT);
    check("utimes from nowhere", syscall(SYS_utimes, path, 8) == -1 && errno == EFAULT);
}

static void offsets(const char *path)
{
    char text[16] = "", more[8] = "";
    struct iovec out[2] = {{"abc", 3}, {"defgh", 5}}, in[2] = {{text, 4}, {more, 4}};
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600), ends[2];
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 100, .l_len = 50};
    off_t from = 2;

    check("pwritev", pwritev(fd, out, 2, 0x1000) == 8 && lseek(fd, 0, SEEK_END) == 0x1008);
    check("preadv", preadv(fd, in, 2, 0x1000) == 8 && !memcmp(text, "abcd", 4) && !memcmp(more, "efgh", 4));
    check("pwritev2", pwritev2(fd, out, 1, 0, 0) == 3);
    memset(text, 0, sizeof text);
    check("preadv2", preadv2(fd, in, 1, 0, 0) == 4 && !strcmp(text, "abc"));
    check("preadv far", preadv(fd, in, 1, 0x7fffff00) == 0);
    check("fallocate", !fallocate(fd, 0, 0x2000, 0x1000) && lseek(fd, 0, SEEK_END) == 0x3000);
    check("fallocate of nothing", fallocate(fd, 0, 0, 0) == -1 && errno == EINVAL);
    pipe(ends);
    check("sendfile", sendfile(ends[1], fd, &from, 3) == 3 && from == 5 && read(ends[0], text, 8) == 3 && !memcmp(text, "c\0\0", 3));
    check("sendfile from nowhere", sendfile(ends[1], fd, (off_t *)8, 3) == -1 && errno == EFAULT);
    check("vmsplice", vmsplice(ends[1], out, 2, 0) == 8 && read(ends[0], text, 16) == 8 && !memcmp(text, "abcdefgh", 8));
    check("a lock", !fcntl(fd, F_SETLK, &lock));
    if (!fork()) {
        struct flock asked = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 120, .l_len = 1};
        int found = !fcntl(fd, F_GETLK, &asked) && asked.l_type == F_WRLCK && asked.l_start == 100 && asked.l_len == 50;
        asked = (struct flock){.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 120, .l_len = 1};
        _exit(found && asked.l_pid == 0 && fcntl(fd, F_SETLK, &asked) == -1 && errno == EAGAIN ? 3 : 4);
    }
    int status;
    wait(&status);
    check("as others see it", WEXITSTATUS(status) == 3);
#ifdef __i386__
    struct flock64 wide = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0x100000000LL, .l_len = 1};
    check("a far lock", !syscall(SYS_fcntl64, fd, F_OFD_SETLK, &wide));
    int again = open(path, O_RDWR);
    struct flock64 asked = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0};
    lock.l_type = F_UNLCK;
    fcntl(fd, F_SETLK, &lock);
    check("found", !syscall(SYS_fcntl64, again, F_OFD_GETLK, &asked) && asked.l_start == 0x100000000LL && asked.l_len == 1 && asked.l_pid == -1);
#else
    check("a far lock", 1);
    check("found", 1);
#endif
    check("a lock from nowhere", fcntl(fd, F_SETLK, 8) == -1 && errno == EFAULT);
}

static void the_system(const char *folder)
{
    struct statfs mounted;
    struct statfs64 wide;
    struct rlimit limit = {100, 200}, got;
    struct sysinfo info;
    struct tms used;

    check("statfs", !statfs(folder, &mounted) && mounted.f_bsize == 4096 && mounted.f_namelen == 255 && mounted.f_bfree <= mounted.f_blocks);
    check("statfs64", !statfs64(folder, &wide) && wide.f_bsize == 4096 && wide.f_namelen == 255 && wide.f_blocks == mounted.f_blocks);
    int fd = open(folder, O_RDONLY);
    check("fstatfs", !fstatfs(fd, &mounted) && mounted.f_namelen == 255);
    check("setrlimit", !setrlimit(RLIMIT_NOFILE, &limit) && !getrlimit(RLIMIT_NOFILE, &got) && got.rlim_cur == 100 && got.rlim_max == 200);
    check("no limit", !getrlimit(RLIMIT_CPU, &got) && got.rlim_cur == RLIM_INFINITY);
#ifdef __i386__
    unsigned long old[2];
    check("getrlimit of old", !syscall(SYS_getrlimit, RLIMIT_CPU, old) && old[0] == 0x7fffffff);
    check("its limits", syscall(SYS_setrlimit, RLIMIT_NOFILE, 8) == -1 && errno == EFAULT);
#else
    check("getrlimit of old", 1);
    check("its limits", 1);
#endif
    check("sysinfo", !sysinfo(&info) && info.procs > 0 && info.totalram / 1024 * info.mem_unit > 4096 && info.freeram <= info.totalram);
    memset(&used, 255, sizeof used);
    check("times", times(&used) != -1 && used.tms_utime >= 0 && used.tms_utime < 1000 && used.tms_cutime < 1000);
    check("times of nobody", times(0) != -1);
}

static void signals(void)
{
    sigset_t set;
    siginfo_t info;
    struct timespec soon = {0, 1000000};
    struct itimerspec spec = {{0, 500000}, {0, 1000000}}, now;
    unsigned long long count = 0;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, 0);
    check("sigtimedwait's end", sigtimedwait(&set, &info, &soon) == -1 && errno == EAGAIN);
    sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 77});
    memset(&info, 255, sizeof info);
    check("sigqueue", sigtimedwait(&set, &info, &soon) == SIGUSR1 && info.si_code == SI_QUEUE && info.si_pid == getpid() && info.si_value.sival_int == 77);
    memset(&info, 0, sizeof info);
    info.si_code = SI_QUEUE;
    info.si_pid = 5;
    info.si_value.sival_int = 78;
    check("rt_tgsigqueueinfo", !syscall(SYS_rt_tgsigqueueinfo, getpid(), syscall(SYS_gettid), SIGUSR1, &info));
    check("what it brings", sigwaitinfo(&set, &info) == SIGUSR1 && info.si_pid == 5 && info.si_value.sival_int == 78);
    pid_t pid = fork();
    if (!pid)
        _exit(9);
    memset(&info, 255, sizeof info);
    struct rusage usage;
    memset(&usage, 255, sizeof usage);
    check("waitid", !syscall(SYS_waitid, P_PID, pid, &info, WEXITED, &usage) && info.si_pid == pid && info.si_status == 9 && info.si_code == CLD_EXITED);
    check("its usage", usage.ru_utime.tv_sec == 0 && usage.ru_nsignals == 0);
    int timer = timerfd_create(CLOCK_MONOTONIC, 0);
    check("timerfd_settime", !timerfd_settime(timer, 0, &spec, &now) && now.it_value.tv_nsec == 0);
    check("timerfd_gettime", !timerfd_gettime(timer, &now) && now.it_interval.tv_nsec == 500000 && now.it_value.tv_nsec > 0);
    check("it runs", read(timer, &count, 8) == 8 && count >= 1);
    check("uids", getuid() == 0 && geteuid() == 0 && getgid() == 0 && getegid() == 0 && getgroups(0, 0) >= 0);
}

static void sockets(void)
{
    int pair[2];
    char texts[3][8];
    struct iovec out[3] = {{"one", 3}, {"two2", 4}, {"three", 5}}, in[3];
    struct mmsghdr messages[3];
    struct timespec soon = {0, 2000000};
    struct timeval limit = {1, 500000}, got;
    socklen_t size = sizeof got;

    memset(messages, 0, sizeof messages);
    socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
    for (int i = 0; i < 3; i++) {
        messages[i].msg_hdr.msg_iov = &out[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    check("sendmmsg", sendmmsg(pair[0], messages, 3, 0) == 3 && messages[0].msg_len == 3 && messages[2].msg_len == 5);
    memset(messages, 0, sizeof messages);
    memset(texts, 0, sizeof texts);
    for (int i = 0; i < 3; i++) {
        in[i] = (struct iovec){texts[i], 4};
        messages[i].msg_hdr.msg_iov = &in[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    check("recvmmsg", recvmmsg(pair[1], messages, 2, 0, 0) == 2 && messages[1].msg_len == 4 && !strcmp(texts[0], "one"));
    check("the rest", recvmmsg(pair[1], messages + 2, 1, MSG_WAITFORONE, &soon) == 1 && messages[2].msg_len == 4 && messages[2].msg_hdr.msg_flags == MSG_TRUNC);
    check("nothing left", recvmmsg(pair[1], messages, 3, MSG_DONTWAIT, &soon) == -1 && errno == EAGAIN);
    check("no array", recvmmsg(pair[1], (void *)8, 1, 0, 0) == -1 && errno == EFAULT);
    check("no messages", sendmmsg(pair[0], messages, 0, 0) == 0);
    check("SO_RCVTIMEO", !setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
    memset(&got, 255, sizeof got);
    check("and back", !getsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &got, &size) && size == sizeof got && got.tv_sec == 1 && got.tv_usec == 500000);

    struct sock_filter drop_all[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
    struct sock_fprog program = {1, drop_all};
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    check("SO_ATTACH_FILTER", !setsockopt(udp, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program));
    struct ifreq requests[8], one;
    struct ifconf all = {sizeof requests, {(char *)requests}};
    memset(requests, 0, sizeof requests);
    check("SIOCGIFCONF", !ioctl(udp, SIOCGIFCONF, &all) && all.ifc_len >= (int)sizeof *requests && all.ifc_len % sizeof *requests == 0);
    check("its first", !strcmp(requests[0].ifr_name, "lo") && requests[0].ifr_addr.sa_family == AF_INET);
    all.ifc_buf = 0;
    check("its size", !ioctl(udp, SIOCGIFCONF, &all) && all.ifc_len >= (int)sizeof *requests);
    strcpy(one.ifr_name, "lo");
    check("SIOCGIFFLAGS", !ioctl(udp, SIOCGIFFLAGS, &one) && one.ifr_flags & IFF_LOOPBACK);
}

static void old_select(void)
{
#ifdef __i386__
    int ends[2];
    fd_set set;
    struct timeval limit = {5, 0};
    pipe(ends);
    write(ends[1], "x", 1);
    FD_ZERO(&set);
    FD_SET(ends[0], &set);
    unsigned long words[5] = {ends[0] + 1, (unsigned long)&set, 0, 0, (unsigned long)&limit};
    check("select of old", syscall(SYS_select, words) == 1 && FD_ISSET(ends[0], &set));
#else
    check("select of old", 1);
#endif
}

int main(int argc, char **argv)
{
    char path[200];

    setvbuf(stdout, 0, _IOLBF, 0);
    snprintf(path, sizeof path, "%s/layouts", argv[1]);
    close(open(path, O_WRONLY | O_CREAT, 0600));
    times_of_files(path);
    offsets(path);
    the_system(argv[1]);
    signals();
    sockets();
    old_select();
    return 0;
}

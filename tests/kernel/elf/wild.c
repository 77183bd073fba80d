/* System calls with pointers that lead nowhere.  Without an argument: what those whose pointers are known answer.  With one, which is
 * nothing for a real machine: every call, with nonsense for every argument. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static long page;

static const char *answer(long result)
{
    return result == -1 ? strerror(errno) : "accepted";
}

#define TRY(call) printf("%s: %s\n", #call, answer(call))

int main(int argc, char **argv)
{
    /* Unmapped, null, the kernel's half, the last page, a page that can not be read, and the end of one that can. */
    long wild[] = {8, 0x123456, (long)0xffff800000000000ULL, -4096, -1, 0, 0};
    char *space = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *guarded = mmap(0, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *readonly = mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int ends[2], fd = open("/proc/self/exe", O_RDONLY), ep = epoll_create1(0), pair[2];
    int udp = socket(AF_INET, SOCK_DGRAM, 0);

    setvbuf(stdout, 0, _IOLBF, 0);
    munmap(space + 4096, 4096);
    pipe(ends);
    write(ends[1], "some bytes", 10);
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    write(pair[1], "some bytes", 10);
    wild[5] = (long)guarded;
    wild[6] = (long)space + 4095;
    for (unsigned i = 0; i < 7 && argc == 1; i++) {
        page = wild[i];
        printf("address %u\n", i);
        TRY(syscall(SYS_open, i == 6 ? page - 4095 + 4096 : page, O_RDONLY));
        TRY(syscall(SYS_openat, AT_FDCWD, i == 6 ? page + 1 : page, O_RDONLY));
        TRY(syscall(SYS_write, ends[1], i == 6 ? page + 1 : page, 8));
        TRY(syscall(SYS_pipe, page));
        TRY(syscall(SYS_pipe2, page, 0));
        TRY(syscall(SYS_getcwd, page, 100));
        TRY(syscall(SYS_uname, page));
        TRY(syscall(SYS_readlink, "/proc/self/exe", i == 6 ? page + 1 : page, 100));
        TRY(syscall(SYS_chdir, i == 6 ? page + 1 : page));
        TRY(syscall(SYS_mkdir, i == 6 ? page + 1 : page, 0700));
        TRY(syscall(SYS_rename, "/nothing", i == 6 ? page + 1 : page));
        TRY(syscall(SYS_execve, i == 6 ? page + 1 : page, 0, 0));
        if (page)
            TRY(syscall(SYS_execve, "/proc/self/exe", page, 0));
        TRY(syscall(SYS_nanosleep, page, 0));
        TRY(syscall(SYS_clock_gettime, 0, page));
        TRY(syscall(SYS_gettimeofday, page, 0));
        TRY(syscall(SYS_setitimer, 0, page, 0));
        TRY(syscall(SYS_getitimer, 0, page));
        TRY(syscall(SYS_timer_create, 0, 0, page));
        TRY(syscall(SYS_rt_sigaction, SIGUSR1, page, 0, 8));
        TRY(syscall(SYS_rt_sigprocmask, 0, page, 0, 8));
        TRY(syscall(SYS_rt_sigpending, page, 8));
        TRY(syscall(SYS_rt_sigtimedwait, page, 0, 0, 8));
        TRY(syscall(SYS_rt_sigsuspend, page, 8));
        TRY(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, page));
        TRY(syscall(SYS_sigaltstack, page, 0));
        TRY(syscall(SYS_poll, page, 3, 0));
        TRY(syscall(SYS_epoll_ctl, ep, EPOLL_CTL_ADD, ends[0], page));
        TRY(syscall(SYS_getrlimit, 7, page));
        TRY(syscall(SYS_setrlimit, 7, page));
        TRY(syscall(SYS_prlimit64, 0, 7, page, 0));
        TRY(syscall(SYS_getrusage, 0, page));
        TRY(syscall(SYS_sysinfo, page));
        TRY(syscall(SYS_getrandom, i == 6 ? page + 1 : page, 16, 0));
        TRY(syscall(SYS_statfs, "/", page));
        TRY(syscall(SYS_statx, AT_FDCWD, "/", 0, 0, page));
        TRY(syscall(SYS_utimensat, AT_FDCWD, "/tmp", page, 0));
        TRY(syscall(SYS_futex, page & ~3L, 0, 0, 0, 0, 0));
        TRY(syscall(SYS_futex, page & ~3L, 1, 1, 0, 0, 0));
        TRY(syscall(SYS_sched_getaffinity, 0, 128, page));
        TRY(syscall(SYS_readv, ends[0], page, 2));
        TRY(syscall(SYS_writev, ends[1], page, 2));
        TRY(syscall(SYS_getdents64, open("/", O_RDONLY), i == 6 ? page + 1 : page, 1000));
        TRY(syscall(SYS_timerfd_settime, syscall(SYS_timerfd_create, 1, 0), 0, page, 0));
        TRY(syscall(SYS_memfd_create, i == 6 ? page + 1 : page, 0));
        TRY(syscall(SYS_fcntl, fd, F_SETLK, page));
#ifdef SYS_select
        TRY(syscall(SYS_select, 0, 0, 0, 0, page));
#endif
        TRY(syscall(SYS_bind, udp, page, 16));
        TRY(syscall(SYS_connect, udp, page, 16));
        TRY(syscall(SYS_sendto, udp, "x", 1, 0, page, 16));
        TRY(syscall(SYS_sendto, pair[0], i == 6 ? page + 1 : page, 4, 0, 0, 0));
        TRY(syscall(SYS_recvfrom, pair[0], i == 6 ? page + 1 : page, 4, MSG_PEEK | MSG_DONTWAIT, 0, 0));
        TRY(syscall(SYS_sendmsg, pair[0], page, 0));
        TRY(syscall(SYS_recvmsg, pair[0], page, MSG_DONTWAIT));
        TRY(syscall(SYS_sendmmsg, pair[0], page, 2, 0));
        TRY(syscall(SYS_recvmmsg, pair[0], page, 2, MSG_DONTWAIT, 0));
        TRY(syscall(SYS_getsockname, udp, page, page));
        TRY(syscall(SYS_getsockopt, udp, SOL_SOCKET, SO_TYPE, page, page));
        TRY(syscall(SYS_setsockopt, udp, SOL_SOCKET, SO_RCVBUF, page, 4));
        TRY(syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, page));
        TRY(syscall(SYS_ioctl, udp, 0x8913, page));
        TRY(syscall(SYS_ioctl, udp, 0x8912, page));
        TRY(syscall(SYS_read, fd, i == 6 ? page + 1 : page, 4));
        TRY(syscall(SYS_read, fd, readonly, 4));
    }
    if (argc == 1)
        return 0;
    /* All of them with nonsense in every argument, but for those that end, stop or map the program. */
    static const int apart[] = {
        SYS_exit, SYS_exit_group, SYS_pause, SYS_fork, SYS_vfork, SYS_clone, SYS_rt_sigreturn, SYS_munmap, SYS_mprotect, SYS_mremap,
        SYS_mmap, SYS_brk, SYS_kill, SYS_tkill, SYS_tgkill, SYS_reboot, SYS_alarm, SYS_setsid, SYS_close, SYS_close_range, SYS_dup2, SYS_dup3,
        SYS_rt_sigsuspend, SYS_arch_prctl, SYS_wait4, SYS_waitid, SYS_setuid, SYS_poll, SYS_ppoll, SYS_epoll_wait, SYS_read, SYS_readv,
        SYS_madvise, SYS_setpgid, SYS_chroot, SYS_nanosleep, SYS_setrlimit, SYS_prlimit64, SYS_umask, SYS_select,
        SYS_pselect6, SYS_epoll_pwait, 441,
#ifdef __i386__
        SYS_sigreturn, SYS__newselect, 413, 414, SYS_waitpid, SYS_set_thread_area, SYS_setuid32, SYS_mmap2, 119,
#endif
    };
    int calls = 0;
    for (int number = 0; number < 470; number++) {
        int skip = 0;
        for (unsigned i = 0; i < sizeof apart / sizeof *apart; i++)
            skip |= number == apart[i];
        for (unsigned i = 0; !skip && i < 7; i++) {
            if (number == SYS_futex)
                continue;
            syscall(number, wild[i], wild[i], wild[i], wild[i], wild[i], wild[i]);
            syscall(number, 99, wild[i], wild[i], wild[i], wild[i], wild[i]);
            calls += 2;
        }
    }
    printf("%s\n", calls > 4000 ? "whole" : "too few");
    return 0;
}

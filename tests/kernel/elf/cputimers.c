/* CPU timers, POSIX timers, priorities, ids: the output is the same on the machine and on Linux. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile int counts[64];
static volatile int overrun, value;

static void check(const char *what, int good)
{
    printf("%s %s\n", what, good ? "good" : "FAILED");
}

static void count(int sig) { counts[sig]++; }

static void on_timer(int sig, siginfo_t *info, void *context)
{
    counts[sig]++;
    overrun = info->si_overrun;
    value = info->si_code == SI_TIMER ? info->si_value.sival_int : -1;
}

static int busy_until(int sig, int wanted)
{
    long long limit;
    for (limit = 0; counts[sig] < wanted && limit < 4000000000LL; limit++)
        ;
    return counts[sig] >= wanted;
}

static void cpu_timers(void)
{
    struct itimerval often = {{0, 3000}, {0, 2000}}, once = {{0, 0}, {0, 2000}}, none = {{0, 0}, {0, 0}}, got;

    signal(SIGVTALRM, count);
    signal(SIGPROF, count);
    check("ITIMER_VIRTUAL", !setitimer(ITIMER_VIRTUAL, &often, 0) && busy_until(SIGVTALRM, 4));
    check("what is left", !getitimer(ITIMER_VIRTUAL, &got) && got.it_interval.tv_usec == 3000 && got.it_value.tv_usec > 0);
    check("it stops", !setitimer(ITIMER_VIRTUAL, &none, &got) && got.it_interval.tv_usec == 3000);
    int seen = counts[SIGVTALRM];
    check("ITIMER_PROF", !setitimer(ITIMER_PROF, &once, 0) && busy_until(SIGPROF, 1));
    check("once", !getitimer(ITIMER_PROF, &got) && got.it_value.tv_usec == 0 && counts[SIGPROF] == 1);
    setitimer(ITIMER_VIRTUAL, &once, 0);
    usleep(50000);
    check("asleep it stands still", counts[SIGVTALRM] == seen);
    if (!fork())
        _exit(getitimer(ITIMER_VIRTUAL, &got) || got.it_value.tv_usec || got.it_value.tv_sec);
    int status;
    wait(&status);
    check("a child has none", status == 0);
    setitimer(ITIMER_VIRTUAL, &none, 0);
    errno = 0;
    check("no such timer", setitimer(3, &once, 0) == -1 && errno == EINVAL);
}

static void on_thread(union sigval which) { value = which.sival_int; }

static void posix_timers(void)
{
    struct sigaction action = {.sa_sigaction = on_timer, .sa_flags = SA_SIGINFO};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 42};
    struct itimerspec spec = {{0, 0}, {0, 3000000}}, got;
    timer_t timer, plain;
    sigset_t set, before;

    sigaction(SIGUSR1, &action, 0);
    sigaction(SIGALRM, &action, 0);
    check("timer_create", !timer_create(CLOCK_MONOTONIC, &event, &timer));
    check("timer_settime", !timer_settime(timer, 0, &spec, &got) && got.it_value.tv_nsec == 0);
    check("timer_gettime", !timer_gettime(timer, &got) && got.it_value.tv_nsec > 0 && got.it_value.tv_nsec <= 3000000);
    while (!counts[SIGUSR1])
        pause();
    check("its signal", value == 42 && overrun == 0);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, &before);
    spec.it_interval.tv_nsec = 2000000;
    timer_settime(timer, 0, &spec, 0);
    usleep(20000);
    sigprocmask(SIG_SETMASK, &before, 0);
    check("overruns", overrun >= 5 && timer_getoverrun(timer) >= 5);
    clock_gettime(CLOCK_REALTIME, &spec.it_value);
    spec.it_value.tv_sec += 100;
    spec.it_interval.tv_nsec = 0;
    check("at a time", !timer_settime(timer, TIMER_ABSTIME, &spec, 0) && !timer_gettime(timer, &got) && got.it_value.tv_sec > 50);
    check("timer_delete", !timer_delete(timer));
    check("gone", syscall(SYS_timer_delete, 77) == -1 && errno == EINVAL);
    check("by default SIGALRM", !timer_create(CLOCK_REALTIME, 0, &plain));
    spec = (struct itimerspec){{0, 0}, {0, 1000000}};
    timer_settime(plain, 0, &spec, 0);
    while (!counts[SIGALRM])
        pause();
    check("which comes", counts[SIGALRM] == 1);
    event = (struct sigevent){.sigev_notify = SIGEV_THREAD, .sigev_notify_function = on_thread, .sigev_value.sival_int = 43};
    check("SIGEV_THREAD", !timer_create(CLOCK_MONOTONIC, &event, &timer) && !timer_settime(timer, 0, &spec, 0));
    while (value != 43)
        usleep(1000);
    check("called", value == 43);
    event.sigev_notify = 99;
    check("nonsense", syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer) == -1 && errno == EINVAL);
    check("no clock", syscall(SYS_timer_create, 77, 0, &timer) == -1 && errno == EINVAL);
}

static void priorities(void)
{
    struct sched_param param = {0};
    cpu_set_t set;
    int status;

    check("getpriority", getpriority(PRIO_PROCESS, 0) == 0);
    check("setpriority", !setpriority(PRIO_PROCESS, 0, 7) && getpriority(PRIO_PROCESS, 0) == 7);
    if (!fork())
        _exit(getpriority(PRIO_PROCESS, 0) == 7 && nice(-2) == 5 && getpriority(PRIO_PROCESS, getpid()) == 5 ? 0 : 1);
    wait(&status);
    check("a child's", status == 0 && getpriority(PRIO_PROCESS, 0) == 7);
    check("too nice", !setpriority(PRIO_PROCESS, 0, 99) && getpriority(PRIO_PROCESS, 0) == 19 && !setpriority(PRIO_PROCESS, 0, 0));
    check("nobody", getpriority(PRIO_PROCESS, 4000000) == -1 && errno == ESRCH);
    check("nothing", setpriority(9, 0, 0) == -1 && errno == EINVAL);
    if (!fork()) {
        setresuid(1000, 1000, 1000);
        int good = setpriority(PRIO_PROCESS, getppid(), 1) == -1 && errno == EPERM;
        good = good && setpriority(PRIO_PROCESS, 0, -1) == -1 && errno == EACCES;
        _exit(good && !setpriority(PRIO_PROCESS, 0, 3) ? 0 : 1);
    }
    wait(&status);
    check("without the right", status == 0);
    check("policies", sched_getscheduler(0) == SCHED_OTHER && !sched_getparam(0, &param) && param.sched_priority == 0);
    check("their priorities", sched_get_priority_max(SCHED_FIFO) == 99 && sched_get_priority_min(SCHED_FIFO) == 1 && sched_get_priority_max(SCHED_OTHER) == 0);
    param.sched_priority = 1;
    check("a bad one", sched_setscheduler(0, SCHED_OTHER, &param) == -1 && errno == EINVAL);
    CPU_ZERO(&set);
    check("sched_getaffinity", !sched_getaffinity(0, sizeof set, &set) && CPU_COUNT(&set) >= 1);
    CPU_ZERO(&set);
    check("no CPU", sched_setaffinity(0, sizeof set, &set) == -1 && errno == EINVAL);
}

static void ids(void)
{
    gid_t list[3] = {7, 5, 6}, got[8];
    uid_t r, e, s;

    check("setgroups", !setgroups(3, list) && getgroups(8, got) == 3 && got[0] == 5 && got[2] == 7);
    check("too small", getgroups(1, got) == -1 && errno == EINVAL && getgroups(0, 0) == 3);
    check("getresuid", !getresuid(&r, &e, &s) && r == 0 && e == 0 && s == 0);
    check("setresgid", !setresgid(0, 0, -1) && !setregid(-1, 0));
    if (!fork()) {
        int good = !setresuid(1000, 1000, 1000) && getuid() == 1000 && geteuid() == 1000;
        good = good && setuid(0) == -1 && errno == EPERM && setgroups(0, 0) == -1 && errno == EPERM;
        good = good && setreuid(0, -1) == -1 && errno == EPERM && !setreuid(1000, 1000);
        _exit(good && !getresuid(&r, &e, &s) && r == 1000 && s == 1000 ? 0 : 1);
    }
    int status;
    wait(&status);
    check("an ordinary user", status == 0);
    char *page = mmap(0, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check("mlock", !mlock(page, 8192) && !munlock(page + 100, 10) && !mlockall(MCL_CURRENT) && !munlockall());
    check("mlock of nothing", mlock((void *)4096, 4096) == -1 && errno == ENOMEM);
    int ends[2], fd = open("/proc/self/exe", O_RDONLY);
    pipe(ends);
    check("posix_fadvise", !posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL) && posix_fadvise(ends[0], 0, 0, 0) == ESPIPE);
    check("bad advice", posix_fadvise(fd, 0, 0, 77) == EINVAL && posix_fadvise(99, 0, 0, 0) == EBADF);
}

int main(void)
{
    setvbuf(stdout, 0, _IOLBF, 0);
    cpu_timers();
    posix_timers();
    priorities();
    ids();
    return 0;
}

/* Carries out sequences of system calls on the host's kernel: reads them from standard input, writes what they did to
 * standard output (both formats: host.py).  Each runs in a child of its own, in a network namespace that all sequences of
 * one process share.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, PATTERN = 0xA5, SLOTS = 32, TASKS = 2, MAX_STEPS = 250, RESULTS = 1 << 20, DESCRIPTORS = 1024, USUAL_TABLE = 256 };
enum { BLOCKED_AFTER_NS = 12000000, AGAIN_AFTER_US = 4000, POLL_NS = 100000, PATIENCE_MS = 10000, OTHER_PIDS = 300 };
enum { SLEEP = 1000, SIGNAL = 1001 };
enum { NUMBER, DESCRIPTOR, WRITABLE, READONLY };
enum { MAKES_NOTHING, MAKES_RESULT, MAKES_PAIR };
enum { STOPPED = -2, UNFINISHED = -1 };

struct argument { uint8_t kind; int64_t value; } __attribute__((packed));
struct step {
    uint8_t task, makes, slot, pad;
    uint16_t pair, number;
    struct argument arguments[6];
    uint16_t pokes;
} __attribute__((packed));
struct poke { uint8_t kind; uint16_t offset, size; } __attribute__((packed));
struct outcome { int64_t result; uint8_t sigpipes; int8_t finished; uint16_t runs; } __attribute__((packed));
struct run { uint16_t offset, size; } __attribute__((packed));

struct task {
    uint8_t *page, *readonly;
    pthread_t thread;
    pid_t tid;
    atomic_int step; /* the step it carries out, UNFINISHED between two, STOPPED at its end */
};

static struct task tasks[TASKS];
static int slots[SLOTS];
static const struct step *steps[MAX_STEPS];
static const uint8_t *poke_bytes[MAX_STEPS];
static uint8_t *images[MAX_STEPS];
static struct outcome outcomes[MAX_STEPS];
static uint8_t before[TASKS][PAGE];
static uint8_t *results;
static size_t results_size;
static atomic_int sigpipes;
static int now_at;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void on_sigpipe(int number) { (void)number; sigpipes++; }
static void on_signal(int number) { (void)number; }

static uint8_t *mapped_page(void)
{
    uint8_t *page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED || mprotect(page + PAGE, PAGE, PROT_NONE))
        die("mmap");
    return page;
}

static int64_t meaning(const struct task *task, uint8_t kind, int64_t value)
{
    switch (kind) {
    case DESCRIPTOR: return slots[value];
    case WRITABLE: return (int64_t)(task->page + value);
    case READONLY: return (int64_t)(task->readonly + value);
    default: return value;
    }
}

/* Lays the pokes of a step into its task's page, which then also is `before`. */
static void prepare(int index)
{
    const struct step *step = steps[index];
    struct task *task = &tasks[step->task];
    const uint8_t *from = poke_bytes[index];
    memset(task->page, PATTERN, PAGE);
    for (int i = 0; i < step->pokes; i++) {
        struct poke poke;
        memcpy(&poke, from, sizeof poke);
        from += sizeof poke;
        if (poke.kind == NUMBER) {
            memcpy(task->page + poke.offset, from, poke.size);
            from += poke.size;
        } else {
            int64_t value;
            memcpy(&value, from, 8);
            from += 8;
            value = meaning(task, poke.kind, value);
            memcpy(task->page + poke.offset, &value, poke.size);
        }
    }
    memcpy(before[step->task], task->page, PAGE);
}

static void keep(int index)
{
    const struct step *step = steps[index];
    struct task *task = &tasks[step->task];
    if (memcmp(task->page, before[step->task], PAGE)) {
        uint8_t *image = malloc(2 * PAGE);
        memcpy(image, before[step->task], PAGE);
        memcpy(image + PAGE, task->page, PAGE);
        images[index] = image;
    }
    if (step->makes == MAKES_RESULT)
        slots[step->slot] = outcomes[index].result < 0 ? -1 : (int)outcomes[index].result;
    if (step->makes == MAKES_PAIR && outcomes[index].result == 0) {
        memcpy(&slots[step->slot], task->page + step->pair, 4);
        memcpy(&slots[step->slot + 1], task->page + step->pair + 4, 4);
    }
}

static void carry_out(int index)
{
    const struct step *step = steps[index];
    struct task *task = &tasks[step->task];
    int64_t a[6];
    for (int i = 0; i < 6; i++)
        a[i] = meaning(task, step->arguments[i].kind, step->arguments[i].value);
    long result;
    if (step->number == SLEEP) {
        struct timespec left = {a[0] / 1000000000, a[0] % 1000000000};
        while (nanosleep(&left, &left) && errno == EINTR)
            ;
        result = 0;
    } else if (step->number == SIGNAL) {
        struct task *other = &tasks[1 - step->task];
        if (other->tid)
            syscall(SYS_tgkill, getpid(), other->tid, a[0] ? SIGUSR2 : SIGUSR1);
        result = 0;
    } else {
        result = syscall(step->number, a[0], a[1], a[2], a[3], a[4], a[5]);
        if (result == -1)
            result = -errno;
    }
    outcomes[index].result = result;
    outcomes[index].finished = now_at;
}

/* --- one task --- */

static void run_alone(int count)
{
    struct itimerval watch = {{0, AGAIN_AFTER_US}, {0, BLOCKED_AFTER_NS / 1000}}, off = {{0, 0}, {0, 0}};
    for (now_at = 0; now_at < count; now_at++) {
        prepare(now_at);
        sigpipes = 0;
        if (steps[now_at]->number != SLEEP)
            setitimer(ITIMER_REAL, &watch, NULL);
        carry_out(now_at);
        setitimer(ITIMER_REAL, &off, NULL);
        outcomes[now_at].sigpipes = sigpipes;
        keep(now_at);
    }
}

/* --- two tasks --- */

static void wait_word(atomic_int *word, int value)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void *serve(void *argument)
{
    struct task *task = argument;
    task->tid = gettid();
    for (;;) {
        int index;
        while ((index = task->step) == UNFINISHED)
            wait_word(&task->step, UNFINISHED);
        if (index == STOPPED)
            return NULL;
        carry_out(index);
        keep(index);
        task->step = UNFINISHED;
    }
}

static char state_of(pid_t tid)
{
    char path[64], text[256];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
    FILE *file = fopen(path, "r");
    if (!file)
        return '?';
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = 0;
    char *end = strrchr(text, ')');
    return end ? end[2] : '?';
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* Waits until every task has finished its step, or sleeps in it and has done so for a while. */
static void settle(void)
{
    int64_t start = now_ns();
    for (;;) {
        int busy = 0, sleeping = 0;
        for (int i = 0; i < TASKS; i++)
            if (tasks[i].step != UNFINISHED) {
                busy++;
                sleeping += now_ns() - start > BLOCKED_AFTER_NS && state_of(tasks[i].tid) == 'S';
            }
        if (busy == sleeping)
            return;
        struct timespec nap = {0, POLL_NS};
        nanosleep(&nap, NULL);
    }
}

static void interrupt(struct task *task)
{
    while (task->step != UNFINISHED) {
        syscall(SYS_tgkill, getpid(), task->tid, SIGUSR1);
        struct timespec nap = {0, 10 * POLL_NS};
        nanosleep(&nap, NULL);
    }
}

static void run_together(int count)
{
    for (int i = 0; i < TASKS; i++) {
        tasks[i].step = UNFINISHED;
        if (pthread_create(&tasks[i].thread, NULL, serve, &tasks[i]))
            die("pthread_create");
    }
    while (!tasks[0].tid || !tasks[1].tid)
        sched_yield();
    for (now_at = 0; now_at < count; now_at++) {
        struct task *task = &tasks[steps[now_at]->task];
        sigpipes = 0;
        interrupt(task);
        prepare(now_at);
        task->step = now_at;
        syscall(SYS_futex, &task->step, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
        settle();
        outcomes[now_at].sigpipes = sigpipes;
    }
    now_at = UNFINISHED;
    for (int i = 0; i < TASKS; i++)
        interrupt(&tasks[i]);
}

/* --- sequences --- */

static void put(const void *data, size_t size)
{
    if (results_size + size > RESULTS)
        _exit(2);
    memcpy(results + 4 + results_size, data, size);
    results_size += size;
}

static void put_outcome(int index)
{
    struct outcome *outcome = &outcomes[index];
    const uint8_t *image = images[index];
    size_t place = results_size;
    outcome->runs = 0;
    put(outcome, sizeof *outcome);
    for (int at = 0; image && at < PAGE; at++) {
        if (image[at] == image[PAGE + at])
            continue;
        struct run run = {at, 0};
        while (at < PAGE && image[at] != image[PAGE + at])
            at++, run.size++;
        put(&run, sizeof run);
        put(image + PAGE + run.offset, run.size);
        outcome->runs++;
    }
    memcpy(results + 4 + place, outcome, sizeof *outcome);
}

static void handle(int number, void (*function)(int), int flags)
{
    struct sigaction action = {.sa_handler = function, .sa_flags = flags};
    sigaction(number, &action, NULL);
}

static void be_child(int count, int together)
{
    char folder[16];
    snprintf(folder, sizeof folder, "%d", getpid());
    if (mkdir(folder, 0755) || chdir(folder))
        die(folder);
    close_range(0, ~0U, 0);
    for (int i = 0; i < 3; i++)
        open("/dev/null", O_RDWR);
    /* A table of the size that a shell's children have: select looks no further than it reaches. */
    dup2(0, USUAL_TABLE - 1);
    close(USUAL_TABLE - 1);
    handle(SIGPIPE, on_sigpipe, SA_RESTART);
    handle(SIGUSR1, on_signal, 0);
    handle(SIGALRM, on_signal, 0);
    handle(SIGUSR2, on_signal, SA_RESTART);
    for (int i = 0; i < SLOTS; i++)
        slots[i] = -1;
    for (int i = 0; i < TASKS; i++) {
        tasks[i].page = mapped_page();
        tasks[i].readonly = mapped_page();
        for (int at = 0; at < PAGE; at++)
            tasks[i].readonly[at] = at;
        mprotect(tasks[i].readonly, PAGE, PROT_READ);
    }
    (together ? run_together : run_alone)(count);
    for (int i = 0; i < count; i++)
        put_outcome(i);
    uint32_t size = results_size;
    memcpy(results, &size, 4);
    _exit(0);
}

/* Waits for the child; one that does not end is killed. */
static int reap(pid_t child)
{
    int status;
    for (int waited = 0; waited < PATIENCE_MS; waited++) {
        sigset_t set;
        struct timespec tick = {0, 1000000};
        sigemptyset(&set);
        sigaddset(&set, SIGCHLD);
        pid_t ended = waitpid(child, &status, WNOHANG);
        if (ended == child)
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
        sigtimedwait(&set, NULL, &tick);
    }
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    return 129;
}

static void read_all(void *to, size_t size)
{
    if (fread(to, 1, size, stdin) != size)
        exit(feof(stdin) ? 0 : 1);
}

/* Reads one sequence: the number of steps, whether two tasks take part, and the steps. */
static void one(void)
{
    uint32_t size;
    uint16_t head[2];
    read_all(&size, 4);
    uint8_t *text = malloc(size);
    read_all(text, size);
    memcpy(head, text, 4);
    const uint8_t *at = text + 4;
    for (int i = 0; i < head[0]; i++) {
        steps[i] = (const struct step *)at;
        at += sizeof(struct step);
        poke_bytes[i] = at;
        for (int j = 0; j < steps[i]->pokes; j++) {
            struct poke poke;
            memcpy(&poke, at, sizeof poke);
            at += sizeof poke + (poke.kind == NUMBER ? poke.size : 8);
        }
        outcomes[i] = (struct outcome){.result = 0, .finished = UNFINISHED};
    }
    memset(results, 0, 4);
    pid_t child = fork();
    if (child < 0)
        die("fork");
    if (!child)
        be_child(head[0], head[1]);
    int status = reap(child);
    uint32_t done;
    memcpy(&done, results, 4);
    if (status)
        done = 0;
    fwrite(&done, 4, 1, stdout);
    fwrite(results + 4, 1, done, stdout);
    fflush(stdout);
    free(text);
}

/* Becomes the init of a pid namespace in which, as on the other kernel, there is one more process and numbers go on from
 * OTHER_PIDS: those that sequences name are the same in both, and nobody else's.
 */
static void be_init(void)
{
    int status;
    pid_t child = fork();
    if (child < 0)
        die("fork");
    if (child) {
        waitpid(child, &status, 0);
        exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128);
    }
    if (mount("proc", "/proc", "proc", 0, NULL))
        die("/proc");
    for (int pid = 2; pid <= OTHER_PIDS; pid++) {
        child = vfork();
        if (!child)
            _exit(0);
        if (pid > 2)
            waitpid(child, &status, 0);
    }
}

static void set(const char *path, const char *value)
{
    int fd = open(path, O_WRONLY);
    if (fd < 0 || write(fd, value, strlen(value)) < 0)
        die(path);
    close(fd);
}

int main(void)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    struct rlimit limit = {DESCRIPTORS, DESCRIPTORS};
    sigset_t set_of_child;
    if (unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWPID))
        die("unshare");
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
        die("mount");
    be_init();
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request))
        die("lo");
    close(fd);
    if (mount("tmpfs", "/mnt", "tmpfs", 0, NULL) || chdir("/mnt"))
        die("mount");
    if (setrlimit(RLIMIT_NOFILE, &limit))
        die("setrlimit");
    set("/proc/sys/net/ipv4/ping_group_range", "0 2147483647");
    /* A host may have others than Linux's defaults, and of its congestion controls a namespace has this one in any case. */
    set("/proc/sys/net/ipv4/tcp_congestion_control", "reno");
    set("/proc/sys/net/ipv4/tcp_rmem", "4096 131072 6291456");
    set("/proc/sys/net/ipv4/tcp_wmem", "4096 16384 4194304");
    sigemptyset(&set_of_child);
    sigaddset(&set_of_child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set_of_child, NULL);
    results = mmap(NULL, RESULTS + 4, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (results == MAP_FAILED)
        die("mmap");
    setvbuf(stdin, NULL, _IOFBF, 1 << 16);
    for (;;)
        one();
}

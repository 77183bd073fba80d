/* Threads with locks, fork, and signals on the user's stack: each line says what happened. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int counter, ready;
static __thread int local = 5;
static sigjmp_buf place;
static void *fault_address;
static volatile int got;
static double keep;

static void *worker(void *argument)
{
    for (int i = 0; i < 2000; i++) {
        pthread_mutex_lock(&lock);
        counter++;
        pthread_mutex_unlock(&lock);
    }
    local += (long)argument;
    pthread_mutex_lock(&lock);
    ready++;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
    return (void *)(long)local;
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
    fault_address = info->si_addr;
    siglongjmp(place, 1);
}

static void on_user(int sig)
{
    double x = 1.5;
    for (int i = 0; i < 10; i++)
        x *= 1.1;
    keep = x;
    got++;
}

static int status_of(pid_t pid)
{
    int status;
    waitpid(pid, &status, 0);
    return status;
}

int main(void)
{
    pthread_t threads[8];
    long sum = 0;
    setvbuf(stdout, 0, _IONBF, 0);
    for (long i = 0; i < 8; i++)
        pthread_create(&threads[i], 0, worker, (void *)i);
    pthread_mutex_lock(&lock);
    while (ready < 8)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < 8; i++) {
        void *result;
        pthread_join(threads[i], &result);
        sum += (long)result;
    }
    printf("counter %d sum %ld\n", counter, sum);

    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, 0);
    if (!sigsetjmp(place, 1))
        *(volatile int *)0x1234 = 1;
    printf("fault at %p\n", fault_address);

    volatile double d = 2.25;
    signal(SIGUSR1, on_user);
    kill(getpid(), SIGUSR1);
    printf("handled %d, %g\n", got, d * 2);

    int ends[2];
    char text[16] = {0};
    pipe(ends);
    pid_t pid = fork();
    if (!pid) {
        counter = 1;
        write(ends[1], "child", 5);
        _exit(42);
    }
    int status = status_of(pid);
    close(ends[1]);
    ssize_t count = read(ends[0], text, 15);
    printf("read %zd %s, exit %d, counter %d\n", count, text, WEXITSTATUS(status), counter);

    if (!(pid = fork())) {
        alarm(1);
        for (;;)
            ;
    }
    printf("busy loop ended by %d\n", WTERMSIG(status_of(pid)));

    stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
    sigaltstack(&stack, 0);
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigaction(SIGSEGV, &action, 0);
    if (!sigsetjmp(place, 1))
#ifdef __x86_64__
        __asm__ volatile("mov $0x10000, %rsp; push %rax");
#else
        __asm__ volatile("mov $0x10000, %esp; push %eax");
#endif
    printf("overflow handled\n");
    return 0;
}

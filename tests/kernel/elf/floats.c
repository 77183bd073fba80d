/* x87 and SSE registers across a signal handler: the output is the same on the machine and on Linux. */
#define _GNU_SOURCE
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <sys/ucontext.h>
#include <ucontext.h>
#include <unistd.h>

static volatile int handled;
static unsigned short seen_control;
static unsigned seen_mxcsr;
static int change;

struct image {
    unsigned short cw, sw;
    unsigned char tags, zero;
    unsigned short opcode;
    unsigned long long ip, operand;
    unsigned mxcsr, mask;
    unsigned char st[8][16], xmm[16][16];
};

/* Where FXSAVE's image lies in a frame. */
static struct image *image_of(ucontext_t *context)
{
    char *place = (char *)context->uc_mcontext.fpregs;
    return (struct image *)(sizeof(long) == 4 ? place + 112 : place);
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
    struct image *image = image_of(context);
    asm volatile("fnstcw %0" : "=m"(seen_control));
    asm volatile("stmxcsr %0" : "=m"(seen_mxcsr));
    /* Ruin what can be ruined. */
    asm volatile("fninit; fldz; fldz; fldz; fldz; fldz; pxor %%xmm0, %%xmm0; pxor %%xmm3, %%xmm3; pxor %%xmm7, %%xmm7"
                 ::: "xmm0", "xmm3", "xmm7");
    if (change) {
        image->mxcsr ^= 0x6000;
        memset(image->xmm[3], 0x55, 16);
    }
    if (sig == SIGUSR2) {
        long double first;
        memcpy(&first, image->st[0], 10);
        printf("in the frame: cw %x sw %x tags %x mxcsr %x st0 %Lg xmm3 %02x\n", image->cw, image->sw, image->tags,
               image->mxcsr, first, image->xmm[3][0]);
    }
    handled++;
}

/* The plain frame of i386 is another one. */
static void on_alarm(int sig)
{
    asm volatile("fninit; fldz; fldz; pxor %%xmm0, %%xmm0; pxor %%xmm1, %%xmm1" ::: "xmm0", "xmm1");
    handled++;
}

static void raised(int sig)
{
    unsigned char three[16], got[16], seven[16];
    unsigned short control = 0x27f, after_control, status;
    unsigned mxcsr = 0x1f80 | 0x4000, after_mxcsr;
    long double a, b;
    long pid = getpid();

    memset(three, 0xa3, 16);
    memset(seven, 0x77, 16);
    asm volatile("fninit; fldcw %0; fld1; fldpi" :: "m"(control));
    asm volatile("ldmxcsr %0; movups %1, %%xmm3; movups %2, %%xmm7" :: "m"(mxcsr), "m"(three), "m"(seven) : "xmm3", "xmm7");
#ifdef __i386__
    asm volatile("int $0x80" :: "a"(37), "b"(pid), "c"(sig) : "memory");
#else
    long result;
    asm volatile("syscall" : "=a"(result) : "a"(62), "D"(pid), "S"((long)sig) : "rcx", "r11", "memory");
#endif
    asm volatile("movups %%xmm3, %0; movups %%xmm7, %1" : "=m"(got), "=m"(seven));
    asm volatile("fnstsw %0" : "=m"(status));
    asm volatile("fstpt %0; fstpt %1" : "=m"(a), "=m"(b));
    asm volatile("fnstcw %0; stmxcsr %1; fninit" : "=m"(after_control), "=m"(after_mxcsr));
    mxcsr = 0x1f80;
    asm volatile("ldmxcsr %0" :: "m"(mxcsr));
    printf("signal %d: pi %.6Lf one %Lg top %d cw %x mxcsr %x xmm3 %02x xmm7 %02x handler saw %x %x\n", sig, a, b, status >> 11 & 7,
           after_control, after_mxcsr, got[0], seven[15], seen_control, seen_mxcsr);
}

int main(void)
{
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
    struct itimerval timer = {{0, 500}, {0, 500}};
    double sum = 0;
    long double wide = 0;
    unsigned mxcsr;
    unsigned short control;

    asm volatile("fnstcw %0; stmxcsr %1" : "=m"(control), "=m"(mxcsr));
    printf("at the start cw %x mxcsr %x\n", control, mxcsr);
    sigaction(SIGUSR1, &action, 0);
    sigaction(SIGUSR2, &action, 0);
    signal(SIGALRM, on_alarm);
    raised(SIGUSR1);
    raised(SIGUSR2);
    change = 1;
    raised(SIGUSR1);
    change = 0;
    handled = 0;
    setitimer(ITIMER_REAL, &timer, 0);
    for (int i = 1; i <= 300000 || handled < 5; i++) {
        if (i <= 300000) {
            sum += sqrt(i) / 3;
            wide += sqrtl(i) / 7;
        }
    }
    timer = (struct itimerval){{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &timer, 0);
    printf("sums %.9f %.9Lf\n", sum, wide);
    return 0;
}

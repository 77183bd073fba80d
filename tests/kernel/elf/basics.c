/* Start, arguments, environment, memory calls, and how a program ends. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

static char big[300000];

static void memory(void)
{
    char *a = mmap(0, 12288, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(a, 7, 12288);
    printf("protect %d", mprotect(a + 4096, 4096, PROT_READ));
    printf(" unmapped %d", mprotect(a + 12288, 1 << 20, PROT_READ));
    int ends[2];
    pipe(ends);
    write(ends[1], "x", 1);
    printf(" write %zd", read(ends[0], a + 4096, 1));
    printf(" %s", strerror(errno));
    printf(" munmap %d", munmap(a + 4096, 4096));
    printf(" fault %zd", write(ends[1], a + 4096, 1));
    char *b = mremap(a + 8192, 4096, 1 << 20, MREMAP_MAYMOVE);
    printf(" moved %d %d", b != MAP_FAILED && b[0] == 7 && b[4095] == 7, b[4096]);
    printf(" fixed %d", mmap((void *)0x1000, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED);
    printf(" huge %d", mmap(0, (size_t)-1 & ~4095UL, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == ENOMEM);
    printf(" brk %d\n", sbrk(1 << 20) != (void *)-1);
}

int main(int argc, char **argv)
{
    uint64_t sum = 0;
    for (int i = 0; i < argc; i++)
        printf("%s;", argv[i]);
    printf("%s;%d;%lu\n", getenv("HOME"), getpid() == (int)getauxval(AT_UID), getauxval(AT_PAGESZ));
    for (unsigned i = 0; i < sizeof big; i++)
        sum += big[i];
    memory();
    if (argc > 1 && !strcmp(argv[1], "wild"))
        *(volatile int *)0x123456 = 1;
    if (argc > 1 && !strcmp(argv[1], "text"))
        *(volatile char *)(uintptr_t)main = 1;
    if (argc > 1 && !strcmp(argv[1], "undefined"))
        __asm__ volatile("ud2");
    if (argc > 1 && !strcmp(argv[1], "divide"))
        __asm__ volatile("xor %%ecx, %%ecx; xor %%edx, %%edx; div %%ecx" ::: "eax", "ecx", "edx");
    if (argc > 1 && !strcmp(argv[1], "privileged"))
        __asm__ volatile("hlt");
    if (argc > 1 && !strcmp(argv[1], "heap"))
        ((void (*)(void))malloc(16))();
    return (int)sum + 7;
}

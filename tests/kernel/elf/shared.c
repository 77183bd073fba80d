/* Memory that programs share: the output is the same on the machine and on Linux.  The argument is a folder for files. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096
static sigjmp_buf back;
static void *where;
static int signo;

static void on_fault(int sig, siginfo_t *info, void *context)
{
    signo = sig;
    where = info->si_addr;
    siglongjmp(back, 1);
}

static void touch(const char *what, char *place)
{
    signo = 0;
    if (!sigsetjmp(back, 1))
        *(volatile char *)place;
    printf("%s: signal %d, address %s\n", what, signo, !signo || where == place ? "right" : "wrong");
}

static void error(const char *what, long result)
{
    printf("%s: %s\n", what, result == -1 ? strerror(errno) : "went well");
}

static void between_processes(void)
{
    struct both { sem_t asked, answered; pthread_mutex_t mutex; long counter; char text[2 * PAGE]; } *both;
    pthread_mutexattr_t shared;

    both = mmap(0, sizeof *both, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int *alone = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    sem_init(&both->asked, 1, 0);
    sem_init(&both->answered, 1, 0);
    pthread_mutexattr_init(&shared);
    pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&both->mutex, &shared);
    *alone = 1;
    for (int child = 0; child < 3; child++)
        if (!fork()) {
            for (int i = 0; i < 500; i++) {
                pthread_mutex_lock(&both->mutex);
                long seen = both->counter;
                if (i % 50 == 0)
                    usleep(1000);
                both->counter = seen + 1;
                pthread_mutex_unlock(&both->mutex);
            }
            *alone = 2;
            sem_wait(&both->asked);
            strcpy(both->text + PAGE - 3, "across two pages");
            sem_post(&both->answered);
            _exit(0);
        }
    sem_post(&both->asked);
    sem_wait(&both->answered);
    sem_post(&both->asked);
    sem_post(&both->asked);
    while (wait(0) > 0)
        ;
    printf("counter %ld, %s, private %d\n", both->counter, both->text + PAGE - 3, *alone);
    munmap(both, sizeof *both);
}

static void a_file(const char *folder)
{
    char path[200], text[20] = "";
    struct stat status;

    snprintf(path, sizeof path, "%s/mapped", folder);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
    write(fd, "0123456789", 10);
    char *one = mmap(0, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    char *two = mmap(0, PAGE, PROT_READ, MAP_SHARED, fd, 0);
    char *copy = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    one[3] = copy[4] = 'x';
    pread(fd, text, 10, 0);
    printf("read %s, mapped %.10s, copy %c\n", text, two, copy[4]);
    pwrite(fd, "AB", 2, 0);
    printf("written %.10s\n", one);
    touch("the second page", one + PAGE);
    ftruncate(fd, PAGE + 1);
    touch("now longer", one + PAGE);
    one[PAGE] = 'y';
    ftruncate(fd, 5);
    touch("shorter again", one + PAGE);
    fstat(fd, &status);
    printf("size %ld, after it %d\n", (long)status.st_size, one[5]);
    error("read into the file's end", pread(fd, one + PAGE, 1, 0));
    error("mprotect in two", mprotect(one + PAGE, PAGE, PROT_NONE));
    error("munmap the middle", munmap(one + PAGE, PAGE));
    touch("the hole", one + PAGE);
    ftruncate(fd, 3 * PAGE);
    pwrite(fd, "third", 5, 2 * PAGE);
    printf("third page: %s\n", one + 2 * PAGE);
    error("msync", msync(one, PAGE, MS_SYNC));
    error("msync of a hole", msync(one, 3 * PAGE, MS_SYNC));
    error("msync of nonsense", msync(one, PAGE, MS_SYNC | MS_ASYNC));
    char *moved = mremap(one, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
    moved[PAGE] = 'm';
    pread(fd, text, 1, PAGE);
    printf("moved %c%c\n", moved[0], text[0]);
    close(fd);
    unlink(path);
    moved[1] = 'u';
    printf("unlinked %.3s %.3s\n", moved, two);
    fd = open("/proc/self/exe", O_RDONLY);
    error("not for writing", (long)mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    char *text_page = mmap(0, PAGE, PROT_READ, MAP_SHARED, fd, 0);
    printf("an ELF file %d\n", !memcmp(text_page, "\177ELF", 4));
    int write_only = open(path, O_WRONLY | O_CREAT, 0644);
    error("only for writing", (long)mmap(0, PAGE, PROT_WRITE, MAP_PRIVATE, write_only, 0));
    unlink(path);
    int ends[2];
    pipe(ends);
    error("a pipe", (long)mmap(0, PAGE, PROT_READ, MAP_SHARED, ends[0], 0));
    int zero = open("/dev/zero", O_RDWR);
    char *zeroes = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, zero, 0);
    if (!fork()) {
        zeroes[0] = 'z';
        _exit(0);
    }
    wait(0);
    printf("/dev/zero %c\n", zeroes[0]);
}

/* What /proc/self/maps says of the page at an address: its rights. */
static void mapped(const char *what, void *address)
{
    unsigned long start, end;
    char line[500], rights[5];
    FILE *maps = fopen("/proc/self/maps", "r");

    while (fgets(line, sizeof line, maps))
        if (sscanf(line, "%lx-%lx %4s", &start, &end, rights) == 3 && start <= (unsigned long)address && (unsigned long)address < end)
            printf("%s %s\n", what, rights);
    fclose(maps);
}

static void names(void)
{
    pthread_attr_t attributes;
    void *stack;
    size_t size;

    mapped("the stack", &size);
    mapped("code", mapped);
    mapped("shared", mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstack(&attributes, &stack, &size);
    printf("stack of the first thread %d\n", (char *)&size >= (char *)stack && (char *)&size < (char *)stack + size);
    int fd = shm_open("/hwemu-test", O_RDWR | O_CREAT | O_EXCL, 0600);
    ftruncate(fd, PAGE);
    char *mine = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (!fork()) {
        int again = shm_open("/hwemu-test", O_RDWR, 0);
        char *other = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, again, 0);
        strcpy(other, "by name");
        _exit(0);
    }
    wait(0);
    printf("shm_open %s\n", mine);
    shm_unlink("/hwemu-test");

    int memory = memfd_create("m", MFD_ALLOW_SEALING);
    ftruncate(memory, PAGE);
    char *sealed = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    error("seal while mapped", fcntl(memory, F_ADD_SEALS, F_SEAL_WRITE));
    munmap(sealed, PAGE);
    error("seal", fcntl(memory, F_ADD_SEALS, F_SEAL_WRITE));
    error("map sealed", (long)mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0));
    int reading = open("/dev/zero", O_RDONLY);
    error("no length", (long)mmap(0, 0, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    error("bad descriptor", (long)mmap(0, PAGE, PROT_READ, MAP_SHARED, 99, 0));
    close(reading);
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};

    setvbuf(stdout, 0, _IOLBF, 0);
    sigaction(SIGSEGV, &action, 0);
    sigaction(SIGBUS, &action, 0);
    between_processes();
    a_file(argv[1]);
    names();
    return 0;
}

/* A hostile program: it tries to read what lies outside of its root, and other programs' memory, by every name it can think of.
 * The arguments are words that it must never see; it says what it has found. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *secret;
static int tried, leaks;

static void look(const char *how, int fd)
{
    static char text[1 << 16];
    ssize_t count, total = 0;

    tried++;
    if (fd < 0)
        return;
    while (total < (ssize_t)sizeof text && (count = read(fd, text + total, sizeof text - total)) > 0)
        total += count;
    if (memmem(text, total, secret, strlen(secret))) {
        leaks++;
        printf("LEAK by %s\n", how);
    }
    close(fd);
}

static void try_path(const char *path)
{
    char link[300], target[300];
    struct stat status;

    look(path, open(path, O_RDONLY));
    int fd = open(path, O_PATH);
    if (fd >= 0) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        look(link, open(link, O_RDONLY));
        snprintf(link, sizeof link, "/proc/self/fd/%d/../secret", fd);
        look(link, open(link, O_RDONLY));
        close(fd);
    }
    snprintf(target, sizeof target, "/tmp/link%d", tried);
    if (!symlink(path, target))
        look("a link of its own", open(target, O_RDONLY));
    snprintf(target, sizeof target, "/tmp/hard%d", tried);
    if (!linkat(AT_FDCWD, path, AT_FDCWD, target, AT_SYMLINK_FOLLOW))
        look("a hard link", open(target, O_RDONLY));
    stat(path, &status);
    truncate(path, 0);
    unlink(path);
    rename(path, "/tmp/moved");
    chmod(path, 0777);
    look("written", open(path, O_RDWR | O_CREAT, 0666));
}

static void names(const char *outside)
{
    static const char *const climbs[] = {
        "", "/", "/..", "/../..", "/../../../../../../../../..", "/host/..", "/host/../..", "/proc/self/root", "/proc/self/root/..",
        "/proc/self/root/../../..", "/proc/1/root/..", "/proc/self/cwd/../../..", "/host/up", "/host/top", "/host/deep/up", "/usr/..",
        "/usr/up", "/usr/top", "/host/./../host/up", "//host//up", "/proc/self/fd", "/dev/fd", "/host/deep/../up",
    };
    static const char *const direct[] = {
        "/host/absolute", "/host/relative", "/host/chain", "/host/deep/relative", "/usr/absolute", "/usr/relative", "/host/loop",
        "/etc/outside", "/proc/self/exe/../secret", "/host/absolute/", "/host/deep/../relative",
    };
    char path[600];

    for (unsigned i = 0; i < sizeof climbs / sizeof *climbs; i++) {
        snprintf(path, sizeof path, "%s%s", climbs[i], outside);
        try_path(path);
        snprintf(path, sizeof path, "%s/secret", climbs[i]);
        try_path(path);
        int dir = open(climbs[i], O_RDONLY | O_DIRECTORY);
        if (dir < 0)
            continue;
        look("openat with ..", openat(dir, "../secret", O_RDONLY));
        look("openat with more ..", openat(dir, "../../../../../secret", O_RDONLY));
        look("openat", openat(dir, outside + 1, O_RDONLY));
        look("openat of an absolute path", openat(dir, outside, O_RDONLY));
        if (!fchdir(dir)) {
            look("after fchdir", open("../secret", O_RDONLY));
            look("far up after fchdir", open("../../../../../../secret", O_RDONLY));
            chdir("/");
        }
        close(dir);
    }
    for (unsigned i = 0; i < sizeof direct / sizeof *direct; i++)
        try_path(direct[i]);
    /* Out of a chroot of one's own, and no further. */
    mkdir("/tmp/cell", 0777);
    int top = open("/", O_RDONLY | O_DIRECTORY);
    if (!fork()) {
        chroot("/tmp/cell");
        fchdir(top);
        for (int i = 0; i < 20; i++)
            chdir("..");
        chroot(".");
        look("out of chroot", open(outside, O_RDONLY));
        _exit(0);
    }
    wait(0);
}

static void walk(const char *folder, int depth)
{
    /* Whatever can be listed is read. */
    DIR *dir = opendir(folder);
    struct dirent *entry;
    char path[1000];
    struct stat status;

    if (!dir || depth > 3)
        return;
    while ((entry = readdir(dir))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (lstat(path, &status))
            continue;
        if (S_ISREG(status.st_mode) || S_ISLNK(status.st_mode))
            look(path, open(path, O_RDONLY | O_NONBLOCK));
        if (S_ISDIR(status.st_mode))
            walk(path, depth + 1);
    }
    closedir(dir);
}

static void memory(void)
{
    char hidden[64], path[64];
    int ends[2], status;

    pipe(ends);
    pid_t pid = fork();
    if (!pid) {
        char *place = mmap((void *)0x20000000, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        strcpy(place, "only the child's");
        write(ends[1], "x", 1);
        pause();
        _exit(0);
    }
    read(ends[0], hidden, 1);
    struct iovec local = {hidden, 16}, remote = {(void *)0x20000000, 16};
    memset(hidden, 0, sizeof hidden);
#ifdef SYS_process_vm_readv
    if (syscall(SYS_process_vm_readv, pid, &local, 1, &remote, 1, 0) >= 0)
        printf("LEAK by process_vm_readv\n");
#endif
    if (syscall(SYS_ptrace, 16, pid, 0, 0) >= 0)
        printf("LEAK by ptrace\n");
    snprintf(path, sizeof path, "/proc/%d/mem", pid);
    int fd = open(path, O_RDONLY);
    if (fd >= 0 && pread(fd, hidden, 16, 0x20000000) > 0)
        printf("LEAK by mem\n");
    if (write(ends[1], (void *)0x20000000, 16) != -1 || errno != EFAULT)
        printf("LEAK by write\n");
    if (syscall(SYS_futex, 0x20000000, 1, 1, 0, 0, 0) != -1)
        printf("LEAK by futex\n");
    if (hidden[0])
        printf("LEAK of memory\n");
    kill(pid, SIGKILL);
    wait(&status);
    /* The host's own memory, by addresses that are none of ours. */
    for (int bit = 12; bit < (int)sizeof(long) * 8; bit++) {
        uintptr_t place = (uintptr_t)1 << bit;
        for (int slot = 0; slot < 10; slot++)
            if (place >= 0x400000000 || sizeof(long) == 4) {
                uintptr_t address = place + (uintptr_t)slot * 0x40000000;
                if (sizeof(long) == 8 && address < 0x400000000)
                    continue;
                if (sizeof(long) == 4 && bit < 30)
                    continue;
                ssize_t count = write(ends[1], (void *)(address & ~(uintptr_t)4095), 8);
                if (count > 0 && sizeof(long) == 8)
                    printf("LEAK at %lx\n", (long)address);
            }
    }
}

int main(int argc, char **argv)
{
    char *copy = strdup(argv[1]);

    /* The word comes reversed, so that the program's own memory does not have it before it begins. */
    for (int i = 0, length = strlen(argv[1]); i < length; i++)
        copy[i] = argv[1][length - 1 - i];
    secret = copy;
    setvbuf(stdout, 0, _IOLBF, 0);
    look("the word that may be read", open("/host/allowed", O_RDONLY));
    printf("control %d\n", leaks);
    names(argv[2]);
    walk("/host", 0);
    walk("/usr", 0);
    walk("/etc", 0);
    walk("/dev", 0);
    walk("/proc/self/fd", 0);
    memory();
    printf("tried %d, found %d\n", tried, leaks - 1);
    return 0;
}

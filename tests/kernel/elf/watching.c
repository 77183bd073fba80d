/* inotify: each deed and the events that tell of it.  What this prints has to be the same on Linux (tmpfs) and on the machine. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static int fd;
static const char *const names[] = {"ACCESS", "MODIFY", "ATTRIB", "CLOSE_WRITE", "CLOSE_NOWRITE", "OPEN", "MOVED_FROM", "MOVED_TO",
                                    "CREATE", "DELETE", "DELETE_SELF", "MOVE_SELF", "?", "UNMOUNT", "Q_OVERFLOW", "IGNORED"};

static void tell(const char *deed, long result)
{
    char buffer[8192] __attribute__((aligned(8)));
    static unsigned last_cookie;
    int ready = 0;
    ioctl(fd, FIONREAD, &ready);
    printf("%s: %s, %d bytes\n", deed, result < 0 ? strerrorname_np(errno) : "ok", ready);
    ssize_t count = read(fd, buffer, sizeof buffer);
    for (char *at = buffer; count > 0 && at < buffer + count;) {
        struct inotify_event *event = (void *)at;
        printf("  %d", event->wd);
        for (int bit = 0; bit < 16; bit++)
            if (event->mask >> bit & 1)
                printf(" %s", names[bit]);
        if (event->mask & IN_ISDIR)
            printf(" ISDIR");
        if (event->cookie)
            printf(event->cookie == last_cookie ? " same cookie" : " cookie");
        last_cookie = event->cookie;
        printf(" %s/%u\n", event->len ? event->name : "-", event->len);
        at += sizeof *event + event->len;
    }
    fflush(stdout);
}

static void say(const char *label, long value)
{
    printf("%s: %ld %s\n", label, value, value < 0 ? strerrorname_np(errno) : "");
}

static long made(int descriptor) { return descriptor < 0 ? -1 : close(descriptor); }

int main(int argc, char **argv)
{
    char byte[100] = "x";
    struct pollfd polled;
    if (chdir(argv[1]))
        return 1;
    mkdir("watched", 0755);
    mkdir("other", 0755);
    made(open("watched/old", O_CREAT | O_WRONLY, 0644));
    fd = inotify_init1(IN_NONBLOCK);
    polled = (struct pollfd){fd, POLLIN, 0};
    say("empty", read(fd, byte, 100));
    say("poll", poll(&polled, 1, 0));
    int watched = inotify_add_watch(fd, "watched", IN_ALL_EVENTS);
    int old = inotify_add_watch(fd, "watched/old", IN_ALL_EVENTS);
    printf("watches %d %d, again %d\n", watched, old, inotify_add_watch(fd, "watched", IN_ALL_EVENTS));
    tell("create", made(open("watched/new", O_CREAT | O_WRONLY, 0644)));
    int file = open("watched/old", O_RDWR);
    tell("open", file);
    tell("write", write(file, "hello", 5));
    write(file, "a", 1);
    tell("twice the same", write(file, "b", 1));
    lseek(file, 0, SEEK_SET);
    tell("read", read(file, byte, 3));
    tell("read nothing", read(file, byte, 0));
    tell("ftruncate", ftruncate(file, 2));
    tell("fchmod", fchmod(file, 0600));
    tell("close", close(file));
    tell("open to read", made(open("watched/old", O_RDONLY)));
    tell("truncating open", made(open("watched/old", O_WRONLY | O_TRUNC)));
    tell("chmod", chmod("watched/old", 0644));
    tell("stat", access("watched/old", R_OK));
    tell("truncate", truncate("watched/old", 10));
    tell("link", link("watched/old", "watched/hard"));
    tell("symlink", symlink("old", "watched/soft"));
    tell("mkdir", mkdir("watched/dir", 0755));
    tell("mkfifo", mkfifo("watched/fifo", 0644));
    tell("rename within", rename("watched/new", "watched/newer"));
    tell("rename out", rename("watched/newer", "other/newer"));
    tell("rename in", rename("other/newer", "watched/newest"));
    tell("rename over", rename("watched/newest", "watched/hard"));
    tell("rename of the watched", rename("watched/old", "watched/older"));
    tell("rmdir", rmdir("watched/dir"));
    tell("unlink", unlink("watched/soft"));
    tell("chmod of the directory", chmod("watched", 0700));
    tell("rename of the directory", rename("watched", "moved"));
    file = open("moved/older", O_RDONLY);
    tell("open", file);
    tell("unlink of an open file", unlink("moved/older"));
    tell("its close", close(file));
    say("rm_watch of the gone", inotify_rm_watch(fd, old));
    int dir = open("moved", O_RDONLY | O_DIRECTORY);
    tell("open of the directory", dir);
    tell("and its close", close(dir));
    printf("adding a mask %d\n", inotify_add_watch(fd, "moved", IN_CREATE));
    inotify_add_watch(fd, "moved", IN_DELETE | IN_MASK_ADD);
    tell("create, only that", made(open("moved/a", O_CREAT | O_WRONLY, 0644)));
    tell("delete", unlink("moved/a"));
    say("mask create", inotify_add_watch(fd, "moved", IN_CREATE | IN_MASK_CREATE));
    tell("rm_watch", inotify_rm_watch(fd, watched));
    int once = inotify_add_watch(fd, "moved", IN_CREATE | IN_ONESHOT);
    made(open("moved/b", O_CREAT | O_WRONLY, 0644));
    tell("one shot", made(open("moved/c", O_CREAT | O_WRONLY, 0644)));
    printf("watch %d, gone %d\n", once, inotify_rm_watch(fd, once));
    int exclusive = inotify_add_watch(fd, "moved", IN_ALL_EVENTS | IN_EXCL_UNLINK);
    file = open("moved/b", O_RDWR);
    unlink("moved/b");
    tell("before", 0);
    tell("write to what has no name", write(file, "x", 1));
    close(file);
    tell("its close", 0);
    say("no mask", inotify_add_watch(fd, "moved", 0));
    say("no file", inotify_add_watch(fd, "nosuch", IN_CREATE));
    say("no directory", inotify_add_watch(fd, "moved/c", IN_CREATE | IN_ONLYDIR));
    say("no inotify", inotify_add_watch(0, "moved", IN_CREATE));
    say("no descriptor", inotify_add_watch(99, "moved", IN_CREATE));
    say("no watch", inotify_rm_watch(fd, 999));
    say("no flag", inotify_init1(1));
    made(open("moved/d", O_CREAT | O_WRONLY, 0644));
    say("poll", poll(&polled, 1, 0));
    say("small buffer", read(fd, byte, 16));
    say("one event", read(fd, byte, 40));
    say("another", read(fd, byte, 40));
    tell("the rest", 0);
    say("write", write(fd, "x", 1));
    unlink("moved/d");
    unlink("moved/c");
    unlink("moved/hard");
    unlink("moved/fifo");
    tell("emptied", 0);
    tell("rmdir of the watched", rmdir("moved"));
    printf("gone %d\n", inotify_rm_watch(fd, exclusive));
    rmdir("other");
    return 0;
}

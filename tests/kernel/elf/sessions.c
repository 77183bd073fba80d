/* Sessions, process groups and a pseudo-terminal: what this prints has to be the same on Linux and on the machine. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static int master;
static char slave_name[64];

static const char *result(long value)
{
    static char text[8][64];
    static int turn;
    char *here = text[turn++ % 8];
    if (value < 0)
        snprintf(here, 64, "%s", strerrorname_np(errno));
    else
        snprintf(here, 64, "%ld", value);
    return here;
}

static void say(const char *label, long value)
{
    printf("  %s: %s\n", label, result(value));
    fflush(stdout);
}

static const char *ending(int status)
{
    static char text[64];
    if (WIFSTOPPED(status))
        snprintf(text, 64, "stopped by %s", sigabbrev_np(WSTOPSIG(status)));
    else if (WIFSIGNALED(status))
        snprintf(text, 64, "killed by %s", sigabbrev_np(WTERMSIG(status)));
    else
        snprintf(text, 64, "exit %d", WEXITSTATUS(status));
    return text;
}

static void open_pair(void)
{
    master = posix_openpt(O_RDWR | O_NOCTTY);
    grantpt(master);
    unlockpt(master);
    strcpy(slave_name, ptsname(master));
}

static void wait_for(pid_t pid, const char *who, int options)
{
    int status;
    waitpid(pid, &status, options);
    printf("  %s: %s\n", who, ending(status));
    fflush(stdout);
}

/* Runs `body` in a session of its own whose terminal is the slave. */
static pid_t session(void (*body)(void))
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        setsid();
        int fd = open(slave_name, O_RDWR);
        dup2(fd, 9);
        if (fd != 9)
            close(fd);
        body();
        fflush(stdout);
        _exit(0);
    }
    return pid;
}

static void pause_ms(int ms) { poll(NULL, 0, ms); }

static volatile sig_atomic_t seen[65];
static void note(int sig) { seen[sig]++; }
static void catch(int sig)
{
    struct sigaction action = {.sa_handler = note};
    sigaction(sig, &action, NULL);
}

/* --- who has which terminal --- */

static void controlling(void)
{
    say("a session has its terminal", getsid(0) == getpid() && tcgetpgrp(9) == getpid() && tcgetsid(9) == getpid());
    say("open /dev/tty", open("/dev/tty", O_RDWR) >= 0);
    say("ttyname", strcmp(ttyname(9), slave_name) == 0);
    say("setsid of a leader", setsid());
    say("TIOCSCTTY again", ioctl(9, TIOCSCTTY, 0));
    say("tcsetpgrp to nobody", tcsetpgrp(9, 99999));
    say("tcsetpgrp to pid 1's", tcsetpgrp(9, getpgid(getppid())));
    say("tcsetpgrp -1", tcsetpgrp(9, -1));
    pid_t child = fork();
    if (child == 0) {
        say("a child's terminal", tcgetpgrp(9) == getppid());
        say("a child's TIOCSCTTY", ioctl(9, TIOCSCTTY, 0));
        say("a child's TIOCNOTTY", ioctl(9, TIOCNOTTY, 0));
        say("then /dev/tty", open("/dev/tty", O_RDWR));
        say("and tcgetpgrp", tcgetpgrp(9));
        say("setsid", setsid() == getpid());
        say("TIOCSCTTY of another's", ioctl(9, TIOCSCTTY, 0));
        _exit(0);
    }
    wait_for(child, "child", 0);
    catch(SIGHUP);
    catch(SIGCONT);
    say("the leader's TIOCNOTTY", ioctl(9, TIOCNOTTY, 0));
    printf("  SIGHUP %d SIGCONT %d\n", seen[SIGHUP], seen[SIGCONT]);
    say("/dev/tty", open("/dev/tty", O_RDWR));
    say("TIOCSCTTY", ioctl(9, TIOCSCTTY, 0));
    int again = open(slave_name, O_RDWR | O_NOCTTY);
    say("tcgetsid", tcgetsid(again) == getpid());
}

/* --- the background --- */

static void background_child(int tostop, int disposition, int orphan, int action)
{
    setpgid(0, 0);
    if (disposition == 1) {
        signal(SIGTTIN, SIG_IGN);
        signal(SIGTTOU, SIG_IGN);
    } else if (disposition == 2) {
        sigset_t both;
        sigemptyset(&both);
        sigaddset(&both, SIGTTIN);
        sigaddset(&both, SIGTTOU);
        sigprocmask(SIG_BLOCK, &both, NULL);
    } else if (disposition == 3) {
        catch(SIGTTIN);
        catch(SIGTTOU);
    }
    char byte;
    struct termios mode;
    long value = 0;
    if (orphan)
        pause_ms(100);
    switch (action) {
    case 0: value = read(9, &byte, 1); break;
    case 1: value = write(9, "w", 1); break;
    case 2: value = tcgetattr(9, &mode); break;
    case 3: tcgetattr(9, &mode); value = tcsetattr(9, TCSANOW, &mode); break;
    case 4: value = tcsetpgrp(9, getpgrp()); break;
    case 5: value = tcflush(9, TCIFLUSH); break;
    }
    printf("    action %d: %s TTIN %d TTOU %d\n", action, result(value), seen[SIGTTIN], seen[SIGTTOU]);
    fflush(stdout);
}

static void background(void)
{
    signal(SIGTTOU, SIG_IGN);
    struct termios mode;
    for (int tostop = 0; tostop < 2; tostop++) {
        tcgetattr(9, &mode);
        mode.c_lflag = tostop ? mode.c_lflag | TOSTOP : mode.c_lflag & ~TOSTOP;
        tcsetattr(9, TCSANOW, &mode);
        for (int disposition = 0; disposition < 4; disposition++) {
            for (int action = 0; action < 6; action++) {
                if (tostop && action != 1)
                    continue;
                pid_t child = fork();
                if (child == 0) {
                    signal(SIGTTOU, SIG_DFL);
                    background_child(tostop, disposition, 0, action);
                    _exit(0);
                }
                setpgid(child, child);
                int status;
                waitpid(child, &status, WUNTRACED);
                printf("  TOSTOP %d, disposition %d, action %d: %s\n", tostop, disposition, action, ending(status));
                fflush(stdout);
                tcsetpgrp(9, getpgrp());
                if (WIFSTOPPED(status)) {
                    kill(child, SIGKILL);
                    waitpid(child, &status, 0);
                }
            }
        }
    }
    /* A group that nobody could continue. */
    pid_t between = fork();
    if (between == 0) {
        setpgid(0, 0);
        if (fork() == 0) {
            pause_ms(50);
            signal(SIGTTOU, SIG_DFL);
            background_child(0, 0, 1, 0);
            background_child(0, 0, 0, 3);
            _exit(0);
        }
        _exit(0);
    }
    wait_for(between, "between", 0);
    pause_ms(400);
}

static void stopped_and_continued(void)
{
    signal(SIGTTOU, SIG_IGN);
    pid_t child = fork();
    if (child == 0) {
        setpgid(0, 0);
        char line[16] = "";
        long count = read(9, line, sizeof line);
        printf("    read after SIGCONT: %s %.*s", result(count), (int)count, line);
        fflush(stdout);
        _exit(0);
    }
    setpgid(child, child);
    wait_for(child, "child", WUNTRACED);
    tcsetpgrp(9, child);
    kill(child, SIGCONT);
    write(master, "typed\n", 6);
    wait_for(child, "child", 0);
    tcsetpgrp(9, getpgrp());
}

/* --- keys and windows --- */

static void keys(void)
{
    signal(SIGTTOU, SIG_IGN);
    static const char *const pressed[] = {"\x03", "\x1c", "\x1a"};
    for (int i = 0; i < 3; i++) {
        pid_t child = fork();
        if (child == 0) {
            setpgid(0, 0);
            char byte;
            tcsetpgrp(9, getpgrp());
            read(9, &byte, 1);
            _exit(0);
        }
        setpgid(child, child);
        pause_ms(50);
        write(master, pressed[i], 1);
        int status;
        waitpid(child, &status, WUNTRACED);
        printf("  key %d: %s\n", pressed[i][0], ending(status & ~0x80));
        if (WIFSTOPPED(status)) {
            kill(child, SIGKILL);
            waitpid(child, &status, 0);
        }
        tcsetpgrp(9, getpgrp());
    }
    catch(SIGWINCH);
    struct winsize size = {40, 100, 0, 0};
    ioctl(master, TIOCSWINSZ, &size);
    pause_ms(20);
    ioctl(9, TIOCSWINSZ, &size);
    printf("  SIGWINCH %d\n", seen[SIGWINCH]);
    catch(SIGINT);
    say("TIOCSIG", ioctl(master, TIOCSIG, SIGINT));
    printf("  SIGINT %d\n", seen[SIGINT]);
    say("TIOCSIG of another", ioctl(master, TIOCSIG, SIGUSR1));
    say("tcgetpgrp of the master", tcgetpgrp(master) == getpid());
    say("tcgetsid of the master", tcgetsid(master) == getpid());
    say("tcsetpgrp of the master", tcsetpgrp(master, getpid()));
}

/* --- hang-up --- */

static void hears_of_it(void)
{
    catch(SIGHUP);
    catch(SIGCONT);
    close(master);
    pid_t front = fork();
    if (front == 0) {
        setpgid(0, 0);
        pause_ms(300);
        printf("    foreground: SIGHUP %d SIGCONT %d\n", seen[SIGHUP], seen[SIGCONT]);
        fflush(stdout);
        pause_ms(600);
        pause_ms(100);
        printf("    later: SIGHUP %d SIGCONT %d\n", seen[SIGHUP], seen[SIGCONT]);
        fflush(stdout);
        _exit(0);
    }
    setpgid(front, front);
    signal(SIGTTOU, SIG_IGN);
    tcsetpgrp(9, front);
    pause_ms(200);
    char byte;
    say("leader's SIGHUP", seen[SIGHUP]);
    say("leader's SIGCONT", seen[SIGCONT]);
    say("/dev/tty", open("/dev/tty", O_RDWR));
    say("read", read(9, &byte, 1));
    say("write", write(9, &byte, 1));
    say("tcgetpgrp", tcgetpgrp(9));
    say("tcsetpgrp", tcsetpgrp(9, getpid()));
    say("isatty", isatty(9));
    pause_ms(300);
}

static void leaves_others(void)
{
    int ends[2];
    pipe(ends);
    close(master);
    fcntl(9, F_SETFL, O_NONBLOCK);
    for (int group = 0; group < 2; group++) {
        pid_t child = fork();
        if (child == 0) {
            setpgid(0, 0);
            catch(SIGHUP);
            catch(SIGCONT);
            signal(SIGTTOU, SIG_IGN);
            if (group == 0)
                tcsetpgrp(9, getpgrp());
            close(ends[0]);
            write(ends[1], "x", 1);
            pause_ms(100);
            pause_ms(200 + 100 * group);
            char byte;
            printf("    group %d: SIGHUP %d SIGCONT %d\n", group, seen[SIGHUP], seen[SIGCONT]);
            say("  read", read(9, &byte, 1));
            say("  write", write(9, "x", 1));
            say("  /dev/tty", open("/dev/tty", O_RDWR));
            int again = open(slave_name, O_RDWR | O_NOCTTY);
            say("  open again", again >= 0);
            say("  write again", write(again, "y", 1));
            fflush(stdout);
            _exit(0);
        }
        setpgid(child, child);
    }
    char byte;
    read(ends[0], &byte, 1);
    read(ends[0], &byte, 1);
}

static void stopped_orphan(void)
{
    pid_t child = fork();
    if (child == 0) {
        setpgid(0, 0);
        catch(SIGHUP);
        raise(SIGSTOP);
        pause_ms(100);
        printf("    went on: SIGHUP %d\n", seen[SIGHUP]);
        fflush(stdout);
        _exit(0);
    }
    setpgid(child, child);
    wait_for(child, "child", WUNTRACED);
}

static void hangs_itself_up(void)
{
    catch(SIGHUP);
    catch(SIGCONT);
    say("vhangup", vhangup());
    printf("  SIGHUP %d SIGCONT %d\n", seen[SIGHUP], seen[SIGCONT]);
    say("write", write(9, "x", 1));
    int again = open(slave_name, O_RDWR);
    say("write again", write(again, "x", 1));
    say("tcgetsid", tcgetsid(again) == getpid());
}

int main(void)
{
    struct { const char *name; void (*body)(void); } parts[] = {
        {"controlling", controlling}, {"background", background}, {"stopped and continued", stopped_and_continued},
        {"keys", keys}, {"leaves others", leaves_others}, {"stopped orphan", stopped_orphan}, {"vhangup", hangs_itself_up},
    };
    signal(SIGHUP, SIG_DFL);
    setsid();
    for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++) {
        printf("%s\n", parts[i].name);
        open_pair();
        pid_t pid = session(parts[i].body);
        wait_for(pid, "leader", 0);
        pause_ms(600);
        close(master);
    }
    printf("the master goes\n");
    open_pair();
    pid_t pid = session(hears_of_it);
    pause_ms(100);
    close(master);
    wait_for(pid, "leader", 0);
    pause_ms(600);
    return 0;
}

/* Polls for a second, in the way that the argument names. Then it prints "done". */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static volatile int flag;

static void *set_flag(void *unused) {
    sleep(1);
    flag = 1;
    return unused;
}

static volatile long signals;

static void count(int unused) {
    (void)unused;
    signals++;
}

static int is(const char *kind, const char *name) {
    return !strcmp(kind, name);
}

int main(int count_of_arguments, char **arguments) {
    const char *kind = arguments[count_of_arguments - 1];
    double end = now() + 1;
    struct timespec least = {0, 1};
    char byte;
    if (is(kind, "clock"))
        while (now() < end) {}
    else if (is(kind, "time of day"))
        for (struct timeval first = {0}, time; gettimeofday(&time, 0) == 0;) {
            if (!first.tv_sec) first = time;
            if ((time.tv_sec - first.tv_sec) * 1000000 + time.tv_usec - first.tv_usec >= 1000000) break;
        }
    else if (is(kind, "short sleeps"))
        while (now() < end) nanosleep(&least, 0);
    else if (is(kind, "yield")) {
        pthread_t thread;
        pthread_create(&thread, 0, set_flag, 0);
        while (!flag) sched_yield();
    } else if (is(kind, "poll")) {
        struct pollfd input = {0, POLLIN, 0};
        while (poll(&input, 1, 0) == 0) {}
    } else if (is(kind, "epoll")) {
        int group = epoll_create1(0);
        struct epoll_event event = {EPOLLIN, {0}};
        epoll_ctl(group, EPOLL_CTL_ADD, 0, &event);
        while (epoll_wait(group, &event, 1, 0) == 0) {}
    } else if (is(kind, "read")) {
        fcntl(0, F_SETFL, O_NONBLOCK);
        while (read(0, &byte, 1) < 0 && errno == EAGAIN) {}
    } else if (is(kind, "child")) {
        pid_t child = fork();
        if (child == 0) {
            sleep(1);
            _exit(0);
        }
        while (waitpid(child, 0, WNOHANG) == 0) {}
    } else if (is(kind, "calls"))
        while (now() < end) getppid();
    else if (is(kind, "timer")) {
        int timer = timerfd_create(CLOCK_MONOTONIC, 0);
        struct itimerspec each = {least, least};
        long expirations;
        timerfd_settime(timer, 0, &each, 0);
        while (now() < end) read(timer, &expirations, sizeof expirations);
    } else if (is(kind, "alarm")) {
        struct itimerval each = {{0, 1}, {0, 1}};
        signal(SIGALRM, count);
        setitimer(ITIMER_REAL, &each, 0);
        while (now() < end) pause();
    } else if (is(kind, "signals")) {
        signal(SIGUSR1, count);
        while (now() < end) raise(SIGUSR1);
    } else if (is(kind, "children"))
        while (now() < end) {
            pid_t child = fork();
            if (child == 0) _exit(0);
            waitpid(child, 0, 0);
        }
    else if (is(kind, "ping-pong")) {
        int there[2], back[2];
        pipe(there);
        pipe(back);
        if (fork() == 0) {
            close(there[1]);
            while (read(there[0], &byte, 1) == 1) write(back[1], &byte, 1);
            _exit(0);
        }
        while (now() < end) {
            write(there[1], &byte, 1);
            read(back[0], &byte, 1);
        }
    }
    puts("done");
    fflush(stdout);
    _exit(0);
}

// Shared by the programs in C: prints the result of each call, and the microseconds that it took by the monotonic clock.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef long long ns;
static ns now(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}
static struct timespec span(ns n) { return (struct timespec){n / 1000000000, n % 1000000000}; }
#define MS 1000000LL

static ns began;
static void begin(void) { began = now(CLOCK_MONOTONIC); }
static void end(const char *what, long result) {
    int error = errno;
    ns took = (now(CLOCK_MONOTONIC) - began) / 1000;
    printf("%s: %ld%s%s %lld\n", what, result, result < 0 ? " " : "", result < 0 ? strerrorname_np(error) : "", took);
    fflush(stdout);
    begin();
}

static volatile sig_atomic_t caught, caught_value;
static void on_signal(int signal) { caught = signal; }
static void on_value(int signal, siginfo_t *info, void *context) {
    (void)context;
    caught = signal;
    caught_value = info->si_value.sival_int;
}
static void handle(int signal, int flags) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};
    sigaction(signal, &action, NULL);
}


/* Loops that sleep a millisecond in each round, for `polling.rs`. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long long now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static int has_input(void) {
    struct pollfd entry = {.fd = 0, .events = POLLIN};
    return poll(&entry, 1, 0) > 0;
}

static int sleep_ms(long ms) {
    struct timespec time = {.tv_nsec = ms * 1000000};
    return nanosleep(&time, NULL) == 0 ? 0 : errno;
}

static volatile int flag;

static void *sets_flag(void *unused) {
    (void)unused;
    for (int i = 0; i < 10; i++) sleep_ms(100);
    flag = 1;
    return NULL;
}

static void on_alarm(int signal) { (void)signal; }

int main(int count, char **args) {
    const char *kind = count > 1 ? args[1] : "";
    setvbuf(stdout, NULL, _IOLBF, 0);
    long long start = now_us();
    if (!strcmp(kind, "input")) {
        char line[100];
        for (;;) {
            if (has_input()) {
                ssize_t length = read(0, line, sizeof line - 1);
                if (length <= 0) return 0;
                line[length] = 0;
                printf("got %s", line);
            }
            sleep_ms(1);
        }
    } else if (!strcmp(kind, "only sleeps")) {
        for (int i = 0; i < 1000; i++) sleep_ms(1);
    } else if (!strcmp(kind, "prints")) {
        for (int i = 0; i < 1000; i++) {
            has_input();
            puts("tick");
            sleep_ms(1);
        }
    } else if (!strcmp(kind, "deadline")) {
        while (now_us() - start < 1001000) {
            has_input();
            sleep_ms(1);
        }
    } else if (!strcmp(kind, "select without files")) {
        while (now_us() - start < 1001000) {
            has_input();
            struct timeval time = {.tv_usec = 1000};
            select(0, NULL, NULL, NULL, &time);
        }
    } else if (!strcmp(kind, "thread")) {
        pthread_t thread;
        pthread_create(&thread, NULL, sets_flag, NULL);
        while (!flag) {
            has_input();
            sleep_ms(1);
        }
    } else if (!strcmp(kind, "signal")) {
        signal(SIGALRM, on_alarm);
        struct itimerval timer = {.it_value = {.tv_sec = 1, .tv_usec = 2500}};
        setitimer(ITIMER_REAL, &timer, NULL);
        do has_input();
        while (sleep_ms(1) != EINTR);
    } else {
        /* A time limit of zero stays zero although the call is delayed. */
        struct timeval zero = {0};
        int changes = 0;
        while (now_us() - start < 1000000) {
            fd_set set;
            FD_ZERO(&set);
            FD_SET(0, &set);
            if (select(1, &set, NULL, NULL, &zero) > 0) {
                char line[100];
                if (read(0, line, sizeof line) <= 0) return 0;
            }
            changes += zero.tv_sec != 0 || zero.tv_usec != 0;
        }
        printf("%d changes\n", changes);
    }
    printf("%lld ms\n", (now_us() - start) / 1000);
    return 0;
}

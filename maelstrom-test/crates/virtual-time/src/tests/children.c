// Children that exit after a while. Every kind of call waits for them, from the thread that made them and from another one.
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static pid_t child;
static int fill;
static const char *way;

static pid_t sleeper(void) {
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        setpgid(0, 0);
        usleep(1000);
        _exit(7);
    }
    setpgid(pid, pid);
    return pid;
}

static void say(const char *result) {
    printf("%s %s\n", way, result);
}

static void information(idtype_t type, id_t id, int options) {
    siginfo_t info;
    memset(&info, fill, sizeof info);
    int result = waitid(type, id, &info, options);
    int right = result == 0 && info.si_pid == child && info.si_status == 7 && info.si_code == CLD_EXITED;
    say(right ? "ok" : "wrong");
}

static void await(void) {
    int status = -1;
    if (!strcmp(way, "wait")) say(wait(&status) == child && WEXITSTATUS(status) == 7 ? "ok" : "wrong");
    if (!strcmp(way, "waitpid")) say(waitpid(child, &status, 0) == child ? "ok" : "wrong");
    if (!strcmp(way, "waitpid group")) say(waitpid(-child, &status, 0) == child ? "ok" : "wrong");
    if (!strcmp(way, "waitid")) information(P_PID, child, WEXITED);
    if (!strcmp(way, "waitid any")) information(P_ALL, 0, WEXITED | WSTOPPED | WCONTINUED);
    if (!strcmp(way, "waitid group")) information(P_PGID, child, WEXITED);
    if (!strcmp(way, "waitid pidfd")) information(P_PIDFD, syscall(SYS_pidfd_open, child, 0), WEXITED);
    if (!strcmp(way, "waitid nowait")) {
        information(P_PID, child, WEXITED | WNOWAIT);
        information(P_PID, child, WEXITED | WNOHANG);
    }
    if (!strcmp(way, "waitid without information")) {
        say(syscall(SYS_waitid, P_PID, child, NULL, WEXITED, NULL) == 0 ? "ok" : "wrong");
        say(waitpid(child, &status, WNOHANG) == -1 && errno == ECHILD ? "reaped" : "left");
    }
}

static void *other(void *nothing) {
    await();
    return nothing;
}

int main(void) {
    const char *ways[] = {"wait", "waitpid", "waitpid group", "waitid", "waitid any", "waitid group", "waitid pidfd",
                          "waitid nowait", "waitid without information"};
    for (fill = 0; fill <= 0xff; fill += 0xff) {
        for (unsigned i = 0; i < sizeof ways / sizeof *ways; i++) {
            way = ways[i];
            child = sleeper();
            await();
            child = sleeper();
            pthread_t thread;
            pthread_create(&thread, NULL, other, NULL);
            int error = pthread_join(thread, NULL);
            if (error) printf("join: %d\n", error);
        }
    }
    // Stopped and continued children.
    way = "stopped";
    child = sleeper();
    kill(child, SIGSTOP);
    siginfo_t info;
    waitid(P_PID, child, &info, WSTOPPED);
    say(info.si_code == CLD_STOPPED ? "ok" : "wrong");
    kill(child, SIGCONT);
    waitid(P_PID, child, &info, WCONTINUED);
    say(info.si_code == CLD_CONTINUED ? "ok" : "wrong");
    waitpid(child, NULL, 0);
}

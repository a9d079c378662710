// Every way to wait and to read the time, one after the other.
static void sleeps(void) {
    struct timespec t = span(1500 * MS);
    end("nanosleep", nanosleep(&t, NULL));
    t = span(now(CLOCK_MONOTONIC) + 250 * MS);
    end("clock_nanosleep monotonic", clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL));
    t = span(now(CLOCK_REALTIME) + 250 * MS);
    end("clock_nanosleep realtime", clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL));
    t = span(-1);
    t.tv_nsec = 2000000000;
    end("nanosleep invalid", nanosleep(&t, NULL));
    clock_getres(CLOCK_MONOTONIC, &t);
    end("clock_getres", t.tv_nsec);
}

static void multiplexing(void) {
    int pipes[2];
    if (pipe(pipes)) exit(1);
    struct pollfd fd = {.fd = pipes[0], .events = POLLIN};
    end("poll", poll(&fd, 1, 300));
    struct timespec t = span(300 * MS);
    end("ppoll", syscall(SYS_ppoll, &fd, 1, &t, NULL, 8));
    end("ppoll remaining", t.tv_sec * 1000000000 + t.tv_nsec);
    fd_set set;
    FD_ZERO(&set);
    FD_SET(pipes[0], &set);
    struct timeval v = {0, 300000};
    end("select", syscall(SYS_select, pipes[0] + 1, &set, NULL, NULL, &v));
    end("select set", FD_ISSET(pipes[0], &set));
    if (write(pipes[1], "x", 1) != 1) exit(1);
    FD_SET(pipes[0], &set);
    t = span(300 * MS);
    end("pselect ready", syscall(SYS_pselect6, pipes[0] + 1, &set, NULL, NULL, &t, NULL));
    end("pselect remaining in ms", t.tv_nsec / MS + 1);
    end("poll ready", poll(&fd, 1, -1));
    struct pollfd bad = {.fd = 999, .events = POLLIN};
    end("poll bad", poll(&bad, 1, -1));
    int epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN};
    epoll_ctl(epoll, EPOLL_CTL_ADD, pipes[0], &event);
    end("epoll ready", epoll_wait(epoll, &event, 1, -1));
    char byte;
    if (read(pipes[0], &byte, 1) != 1) exit(1);
    end("epoll", epoll_wait(epoll, &event, 1, 400));
    t = span(123456 * 1000);
    end("epoll_pwait2", syscall(SYS_epoll_pwait2, epoll, &event, 1, &t, NULL, 8));
    int sockets[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, sockets);
    v = (struct timeval){0, 700000};
    setsockopt(sockets[0], SOL_SOCKET, SO_RCVTIMEO, &v, sizeof v);
    end("recv", recv(sockets[0], &byte, 1, 0));
    end("recv dontwait", recv(sockets[0], &byte, 1, MSG_DONTWAIT));
    struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = 1};
    mqd_t queue = mq_open("/maelstrom-calls", O_RDWR | O_CREAT, 0600, &attributes);
    mq_unlink("/maelstrom-calls");
    t = span(now(CLOCK_REALTIME) + 300 * MS);
    end("mq_timedreceive", mq_timedreceive(queue, &byte, 1, NULL, &t));
    end("mq_send", mq_send(queue, &byte, 1, 0));
    t = span(now(CLOCK_REALTIME) + 300 * MS);
    end("mq_timedsend", mq_timedsend(queue, &byte, 1, 0, &t));
    end("mq_receive", mq_receive(queue, &byte, 1, NULL));
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, inheriting;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int flag;
static int fds[2];
static volatile int spinning = 1;

static void *set_flag(void *unused) {
    usleep(200000);
    pthread_mutex_lock(&mutex);
    flag = 1;
    pthread_cond_broadcast(&condition);
    pthread_mutex_unlock(&mutex);
    return unused;
}
static void *stop_spinning(void *unused) {
    usleep(200000);
    spinning = 0;
    return unused;
}
static void *hold_inheriting(void *unused) {
    pthread_mutex_lock(&inheriting);
    usleep(200000);
    pthread_mutex_unlock(&inheriting);
    return unused;
}
static void *drain(void *unused) {
    usleep(200000);
    static char bytes[1 << 20];
    for (long left = 1 << 20; left > 0;) left -= read(fds[0], bytes, sizeof bytes);
    return unused;
}

static void threads(void) {
    struct timespec t = span(now(CLOCK_REALTIME) + 300 * MS);
    pthread_mutex_lock(&mutex);
    end("cond_timedwait", pthread_cond_timedwait(&condition, &mutex, &t) == ETIMEDOUT);
    t = span(now(CLOCK_MONOTONIC) + 300 * MS);
    end("cond_clockwait", pthread_cond_clockwait(&condition, &mutex, CLOCK_MONOTONIC, &t) == ETIMEDOUT);
    pthread_t thread;
    pthread_create(&thread, NULL, set_flag, NULL);
    while (!flag) pthread_cond_wait(&condition, &mutex);
    pthread_mutex_unlock(&mutex);
    end("cond_wait", flag);
    pthread_join(thread, NULL);
    pthread_create(&thread, NULL, set_flag, NULL);
    end("join", pthread_join(thread, NULL));
    int word = 5;
    t = span(100 * MS);
    end("futex", syscall(SYS_futex, &word, FUTEX_WAIT, 5, &t));
    end("futex changed", syscall(SYS_futex, &word, FUTEX_WAIT, 6, &t));
    sem_t semaphore;
    sem_init(&semaphore, 0, 0);
    t = span(now(CLOCK_REALTIME) + 300 * MS);
    end("sem_timedwait", sem_timedwait(&semaphore, &t));
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
    pthread_mutex_init(&inheriting, &attributes);
    pthread_create(&thread, NULL, hold_inheriting, NULL);
    usleep(1000);
    pthread_mutex_lock(&inheriting);
    end("inheriting", 0);
    pthread_join(thread, NULL);
    if (pipe(fds)) exit(1);
    pthread_create(&thread, NULL, drain, NULL);
    static char bytes[1 << 20];
    end("full pipe", write(fds[1], bytes, sizeof bytes));
    pthread_join(thread, NULL);
    pthread_create(&thread, NULL, stop_spinning, NULL);
    while (spinning) sched_yield();
    end("yielding is over after a while", (now(CLOCK_MONOTONIC) - began) / (250 * MS));
    pthread_join(thread, NULL);
    ns until = now(CLOCK_MONOTONIC) + 100 * MS;
    while (now(CLOCK_MONOTONIC) < until) {}
    end("spinning on the clock ends", 0);
}

static void timers(void) {
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    struct itimerspec setting = {.it_value = span(100 * MS), .it_interval = span(50 * MS)};
    timerfd_settime(timer, 0, &setting, NULL);
    uint64_t count = 0;
    long result = read(timer, &count, 8);
    end("timerfd", result);
    result = read(timer, &count, 8);
    end("timerfd again", count);
    usleep(120000);
    result = read(timer, &count, 8);
    end("timerfd late", count);
    timerfd_gettime(timer, &setting);
    end("timerfd interval in ms", setting.it_interval.tv_nsec / MS);
    setting = (struct itimerspec){.it_value = span(now(CLOCK_MONOTONIC) + 100 * MS)};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &setting, NULL);
    struct pollfd fd = {.fd = dup(timer), .events = POLLIN};
    close(timer);
    end("timerfd poll", poll(&fd, 1, -1));
    fcntl(fd.fd, F_SETFL, O_NONBLOCK);
    result = read(fd.fd, &count, 8);
    end("timerfd nonblocking", read(fd.fd, &count, 8));

    handle(SIGALRM, 0);
    alarm(2);
    end("alarm", pause());
    struct itimerval interval = {.it_value = {0, 250000}};
    setitimer(ITIMER_REAL, &interval, NULL);
    struct timespec t = span(1000 * MS), left = {0, 0};
    end("setitimer", nanosleep(&t, &left));
    end("remaining in ms", left.tv_nsec / MS + 1);
    setitimer(ITIMER_REAL, &interval, NULL);
    getitimer(ITIMER_REAL, &interval);
    end("getitimer in ms", interval.it_value.tv_usec / 1000 + 1);
    struct pollfd none;
    end("poll interrupted", poll(&none, 0, 1000));

    struct sigaction action = {.sa_sigaction = on_value, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &action, NULL);
    timer_t posix;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 42};
    timer_create(CLOCK_REALTIME, &event, &posix);
    setting = (struct itimerspec){.it_value = span(300 * MS)};
    timer_settime(posix, 0, &setting, NULL);
    pause();
    end("timer_create", caught_value);
    timer_delete(posix);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, NULL);
    t = span(400 * MS);
    end("sigtimedwait", sigtimedwait(&set, NULL, &t));
    event = (struct sigevent){.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2};
    timer_create(CLOCK_MONOTONIC, &event, &posix);
    timer_settime(posix, 0, &setting, NULL);
    end("sigwait", sigwaitinfo(&set, NULL) == SIGUSR2);
}

static void *interrupt(void *thread) {
    usleep(100000);
    pthread_kill(*(pthread_t *)thread, SIGUSR1);
    usleep(100000);
    if (write(fds[1], "x", 1) != 1) exit(1);
    return NULL;
}

static void interruptions(void) {
    if (pipe(fds)) exit(1);
    char byte;
    pthread_t self = pthread_self(), thread;
    handle(SIGUSR1, SA_RESTART);
    pthread_create(&thread, NULL, interrupt, &self);
    end("read restarts", read(fds[0], &byte, 1));
    pthread_join(thread, NULL);
    handle(SIGUSR1, 0);
    pthread_create(&thread, NULL, interrupt, &self);
    end("read is interrupted", read(fds[0], &byte, 1));
    pthread_join(thread, NULL);
    signal(SIGUSR1, SIG_IGN);
    begin();
    pthread_create(&thread, NULL, interrupt, &self);
    struct timespec t = span(500 * MS);
    end("an ignored signal", nanosleep(&t, NULL));
    pthread_join(thread, NULL);
}

static void *execute(void *program) {
    execl(program, program, "executed", NULL);
    return NULL;
}

static void processes(char *program) {
    begin();
    if (!fork()) {
        usleep(300000);
        _exit(3);
    }
    int status;
    wait(&status);
    end("wait", WEXITSTATUS(status));
    end("system", system("sleep 0.25"));
    int file = open("lock", O_RDWR | O_CREAT, 0600);
    flock(file, LOCK_EX);
    pid_t child = fork();
    if (!child) {
        int own = open("lock", O_RDWR);
        _exit(flock(own, LOCK_EX));
    }
    usleep(200000);
    flock(file, LOCK_UN);
    waitpid(child, &status, 0);
    end("flock", WEXITSTATUS(status));
    struct flock lock = {.l_type = F_WRLCK};
    fcntl(file, F_SETLK, &lock);
    child = fork();
    if (!child) _exit(fcntl(file, F_SETLKW, &lock));
    usleep(200000);
    lock.l_type = F_UNLCK;
    fcntl(file, F_SETLK, &lock);
    waitpid(child, &status, 0);
    end("fcntl", WEXITSTATUS(status));
    child = fork();
    if (!child) {
        raise(SIGSTOP);
        _exit(4);
    }
    waitpid(child, &status, WUNTRACED);
    end("stopped", WIFSTOPPED(status));
    usleep(100000);
    kill(child, SIGCONT);
    waitpid(child, &status, 0);
    end("continued", WEXITSTATUS(status));
    child = fork();
    if (!child) {
        pause();
        _exit(0);
    }
    usleep(1000);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    end("killed", WTERMSIG(status));
    child = fork();
    if (!child) {
        pthread_t thread;
        pthread_create(&thread, NULL, execute, program);
        for (;;) pause();
    }
    waitpid(child, &status, 0);
    end("exec in a thread", WEXITSTATUS(status));
}

int main(int count, char **args) {
    if (count > 1) return 9;
    begin();
    sleeps();
    multiplexing();
    threads();
    timers();
    interruptions();
    processes(args[0]);
    end("io_uring", syscall(425, 1, NULL));
    end("processors", sysconf(_SC_NPROCESSORS_ONLN));
    end("parent", getppid());
    return 0;
}

// Time limits of sockets, locks and sets of semaphores, and events that end a wait earlier.
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/uio.h>
#include <sys/un.h>
#define SECOND (1000 * MS)

static void *later(void *action) {
    usleep(200000);
    ((void (*)(void))action)();
    return NULL;
}
static void in_200_ms(void (*action)(void)) {
    pthread_t thread;
    pthread_create(&thread, NULL, later, (void *)action);
    pthread_detach(thread);
    begin();
}

static int set;
static struct sembuf down = {0, -1, 0};
static const struct sembuf both[] = {{0, -1, 0}, {1, -1, 0}};
static void up(void) { semop(set, &(struct sembuf){0, 1, 0}, 1); }
static pthread_t waiting;
static void signal_main(void) { pthread_kill(waiting, SIGUSR1); }
static void remove_set(void) { semctl(set, 0, IPC_RMID); }

static void semaphores(void) {
    set = semget(IPC_PRIVATE, 2, 0600);
    struct timespec t = span(5 * SECOND);
    end("semtimedop", semtimedop(set, &down, 1, &t));
    end("semtimedop of two", semtimedop(set, (struct sembuf *)both, 2, &t));
    end("its operations are as they were", down.sem_flg);
    struct sembuf refusing = {0, -1, IPC_NOWAIT};
    end("semtimedop refusing", semtimedop(set, &refusing, 1, &t));
    in_200_ms(up);
    end("semtimedop done", semtimedop(set, &down, 1, &t));
    in_200_ms(up);
    end("semop done", semop(set, &down, 1));
    handle(SIGUSR1, 0);
    in_200_ms(signal_main);
    end("semop interrupted", semop(set, &down, 1));
    signal(SIGUSR1, SIG_IGN);
    in_200_ms(signal_main);
    end("semtimedop not interrupted", semtimedop(set, &down, 1, &t));
    in_200_ms(remove_set);
    end("semtimedop removed", semtimedop(set, &down, 1, &t));
}

static int pair[2];
static void limit(int socket, int option) {
    struct timeval v = {5, 0}, back = {0};
    socklen_t length = sizeof back;
    setsockopt(socket, SOL_SOCKET, option, &v, sizeof v);
    getsockopt(socket, SOL_SOCKET, option, &back, &length);
    end("limit", length == sizeof back ? back.tv_sec * 1000000 + back.tv_usec : -1);
}
static void no_limit(int socket, int option) {
    struct timeval v = {0, 0};
    setsockopt(socket, SOL_SOCKET, option, &v, sizeof v);
}
static void send_one(void) { send(pair[1], "x", 1, 0); }

static void receiving(void) {
    char text[9];
    struct iovec part = {text, sizeof text};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
    limit(pair[0], SO_RCVTIMEO);
    end("recv", recv(pair[0], text, sizeof text, 0));
    end("recvmsg", recvmsg(pair[0], &message, 0));
    end("read", read(pair[0], text, sizeof text));
    end("readv", readv(pair[0], &part, 1));
    in_200_ms(send_one);
    end("recv done", recv(pair[0], text, sizeof text, 0));
    handle(SIGUSR1, SA_RESTART);
    in_200_ms(signal_main);
    end("recv interrupted", recv(pair[0], text, sizeof text, 0));
    no_limit(pair[0], SO_RCVTIMEO);

    struct mmsghdr many[3] = {{.msg_hdr = message}, {.msg_hdr = message}, {.msg_hdr = message}};
    struct timespec t = span(5 * SECOND);
    end("recvmmsg", recvmmsg(pair[0], many, 3, 0, &t));
    in_200_ms(send_one);
    t = span(5 * SECOND);
    end("recvmmsg of some", recvmmsg(pair[0], many, 3, 0, &t));
    end("remaining", t.tv_sec * 1000 + t.tv_nsec / MS);
    in_200_ms(send_one);
    t = span(5 * SECOND);
    end("recvmmsg for one", recvmmsg(pair[0], many, 3, MSG_WAITFORONE, &t));
    end("remaining", t.tv_sec * 1000 + t.tv_nsec / MS);
    send_one();
    in_200_ms(send_one);
    end("recvmmsg of all", recvmmsg(pair[0], many, 2, 0, NULL));
    send_one();
    t = span(1);
    end("recvmmsg without waiting", recvmmsg(pair[0], many, 3, MSG_DONTWAIT, &t));
    end("recvmmsg of nothing", recvmmsg(pair[0], many, 3, MSG_DONTWAIT, &t));
    in_200_ms(send_one);
    t = span(SECOND / 4);
    end("recvmmsg of too few", recvmmsg(pair[0], many, 3, 0, &t));
}

static char much[4 << 20];
static void drain(void) {
    for (size_t left = sizeof much; left > 0;) {
        ssize_t got = recv(pair[1], much, sizeof much, 0);
        if (got <= 0) break;
        left -= got;
    }
}

static void sending(void) {
    struct iovec part = {much, sizeof much};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    limit(pair[0], SO_SNDTIMEO);
    long sent = send(pair[0], much, sizeof much, 0);
    end("send of a part", sent > 0 && sent < (long)sizeof much);
    end("send", send(pair[0], much, sizeof much, 0));
    end("write", write(pair[0], much, sizeof much));
    end("writev", writev(pair[0], &part, 1));
    end("sendmsg", sendmsg(pair[0], &message, 0));
    handle(SIGUSR1, SA_RESTART);
    in_200_ms(signal_main);
    end("send interrupted", send(pair[0], much, sizeof much, 0));
    no_limit(pair[0], SO_SNDTIMEO);
    handle(SIGUSR1, 0);
    in_200_ms(signal_main);
    end("send without limit interrupted", send(pair[0], much, sizeof much, 0));
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    limit(pair[0], SO_SNDTIMEO);
    in_200_ms(drain);
    end("send done", send(pair[0], much, sizeof much, 0));
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    handle(SIGUSR1, 0);
    in_200_ms(signal_main);
    sent = write(pair[0], much, sizeof much);
    end("write of a part interrupted", sent > 0 && sent < (long)sizeof much);
}

static void connecting(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "\0maelstrom-limits"};
    int listener = socket(AF_UNIX, SOCK_STREAM, 0), first = socket(AF_UNIX, SOCK_STREAM, 0),
        second = socket(AF_UNIX, SOCK_STREAM, 0);
    bind(listener, (struct sockaddr *)&address, sizeof address);
    listen(listener, 0);
    limit(listener, SO_RCVTIMEO);
    end("accept", accept(listener, NULL, NULL));
    end("connect at once", connect(first, (struct sockaddr *)&address, sizeof address));
    limit(second, SO_SNDTIMEO);
    end("connect", connect(second, (struct sockaddr *)&address, sizeof address));
}

static pthread_mutex_t inheriting;
static void *hold_for_ever(void *unused) {
    pthread_mutex_lock(&inheriting);
    pause();
    return unused;
}
static void *hold_for_long(void *unused) {
    pthread_mutex_lock(&inheriting);
    usleep(200000);
    pthread_mutex_unlock(&inheriting);
    return unused;
}

static void locks(void) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
    pthread_mutex_init(&inheriting, &attributes);
    pthread_t thread;
    pthread_create(&thread, NULL, hold_for_long, NULL);
    usleep(1000);
    begin();
    struct timespec t = span(now(CLOCK_REALTIME) + 5 * SECOND);
    end("timedlock done", pthread_mutex_timedlock(&inheriting, &t));
    pthread_mutex_unlock(&inheriting);
    pthread_create(&thread, NULL, hold_for_ever, NULL);
    usleep(1000);
    begin();
    t = span(now(CLOCK_REALTIME) + 5 * SECOND);
    end("timedlock", pthread_mutex_timedlock(&inheriting, &t) == ETIMEDOUT);
    t = span(now(CLOCK_MONOTONIC) + 5 * SECOND);
    end("clocklock", pthread_mutex_clocklock(&inheriting, CLOCK_MONOTONIC, &t) == ETIMEDOUT);
    handle(SIGUSR1, 0);
    in_200_ms(signal_main);
    t = span(now(CLOCK_REALTIME) + 5 * SECOND);
    end("timedlock goes on after a signal", pthread_mutex_timedlock(&inheriting, &t) == ETIMEDOUT);
    int word = 0;
    end("condition that inherits", syscall(SYS_futex, &word, 11, 0, NULL, &word));
}

int main() {
    waiting = pthread_self();
    begin();
    semaphores();
    receiving();
    sending();
    connecting();
    locks();
    return 0;
}

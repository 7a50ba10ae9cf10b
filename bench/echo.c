/*
 * What the network layer itself costs: a bare echo server on each backend, beside a blocking one.
 *
 * The server is a process of its own. The client is the same for all: blocking sockets, one message
 * out on each connection, then one message in from each; so `connections` is also the number in
 * flight. Printed for each server: round trips, median and 99th percentile of a round, CPU time of
 * the server (user and system, clock of the process) for each message, and the backend's own count
 * of system calls for each message. The blocking server is the floor: read(2) and write(2), one
 * connection. Closed loop: it shows service time, not what a queue does to latency.
 *
 *   bench_echo [--size N] [--seconds S] [--busy-poll US] [--cpus same|cross]
 */
#define _GNU_SOURCE /* sched_setaffinity */
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/histogram.h"
#include "io/io.h"
#include "io/probe.h"
#include "io/socket.h"

#define CONNECTIONS_MAX 1024U
#define WARM_UP_NS      200000000ULL

struct settings {
    uint32_t size;
    double seconds;
    uint64_t busy_poll_ns;
    bool cross;
};

/* What the two processes share. */
struct shared {
    atomic_int port;
    atomic_int report; /* the client asks: 1 begin, 2 end; the server answers with the negative */
    uint64_t cpu_ns;
    uint64_t system_calls;
};

static struct shared *shared;
static struct settings settings = {.size = 64, .seconds = 1.0};

static uint64_t clock_ns(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "bench_echo: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void pin(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    (void)sched_setaffinity(0, sizeof(set), &set);
}

static int listener(void)
{
    struct oc_io_listen_options options = {.congestion = "reno"};
    struct oc_io_address any;
    struct oc_io_address bound;
    char error[OC_IO_SOCKET_ERROR_BYTES];
    struct sockaddr_in in;

    if (oc_io_address_parse("127.0.0.1:0", &any, error) < 0) {
        die(error);
    }
    int fd = oc_io_listen_open(&any, &options, &bound, error);
    if (fd < 0) {
        die(error);
    }
    memcpy(&in, &bound.storage, sizeof(in));
    atomic_store(&shared->port, ntohs(in.sin_port));
    return fd;
}

/** Answers the client's wish for numbers. */
static void report(uint64_t system_calls)
{
    int wish = atomic_load(&shared->report);

    if (wish > 0) {
        shared->cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
        shared->system_calls = system_calls;
        atomic_store(&shared->report, -wish);
    }
}

static void serve_blocking(void)
{
    char bytes[65536];
    uint64_t calls = 0;
    int listening = listener();

    int fd = accept(listening, NULL, NULL);
    while (fd < 0 && errno == EAGAIN) {
        fd = accept(listening, NULL, NULL);
    }
    for (;;) {
        ssize_t size = read(fd, bytes, sizeof(bytes));
        if (size <= 0 || write(fd, bytes, (size_t)size) != size) {
            exit(0);
        }
        calls += 2;
        report(calls);
    }
}

static void serve_io(const struct oc_io_ops *ops)
{
    static struct oc_io_event events[OC_IO_EVENTS_MAX];
    struct oc_io_config config = OC_IO_CONFIG_DEFAULT;
    struct oc_arena arena;
    struct oc_io_stats stats;
    struct oc_io *io = NULL;
    uint64_t now_ns;

    oc_arena_init(&arena);
    config.arena = &arena;
    config.busy_poll_ns = settings.busy_poll_ns;
    int rc = ops->open(&config, &io);
    rc = rc < 0 ? rc : ops->start(io);
    rc = rc < 0 ? rc : ops->listen(io, listener(), 0);
    if (rc < 0) {
        errno = -rc;
        die(ops->name);
    }
    for (;;) {
        int count = ops->poll(io, events, OC_IO_EVENTS_MAX, UINT64_MAX, &now_ns);
        for (int i = 0; i < count; i++) {
            if (events[i].kind == OC_IO_RECEIVED) {
                (void)ops->send(io, events[i].conn, events[i].bytes, events[i].size);
            } else if (events[i].kind == OC_IO_EOF) {
                (void)ops->close(io, events[i].conn, OC_IO_CLOSE_FLUSH);
            }
        }
        if (atomic_load_explicit(&shared->report, memory_order_relaxed) > 0) {
            ops->stats(io, &stats);
            report(stats.system_calls);
        }
    }
}

static pid_t start_server(const struct oc_io_ops *ops)
{
    atomic_store(&shared->port, 0);
    pid_t child = fork();
    if (child < 0) {
        die("fork");
    }
    if (child == 0) {
        pin(0);
        if (ops == NULL) {
            serve_blocking();
        }
        serve_io(ops);
    }
    while (atomic_load(&shared->port) == 0) {
        sched_yield();
    }
    return child;
}

static int connect_one(void)
{
    struct sockaddr_in in = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons((uint16_t)atomic_load(&shared->port)),
    };
    const int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4) < 0 ||
        connect(fd, (struct sockaddr *)&in, sizeof(in)) < 0) {
        die("connect");
    }
    return fd;
}

/** One message out on every connection, one in from every connection. Returns ns. */
static uint64_t exchange(const int *fds, uint32_t count)
{
    static char bytes[65536];
    uint64_t start_ns = clock_ns(CLOCK_MONOTONIC);

    for (uint32_t i = 0; i < count; i++) {
        if (send(fds[i], bytes, settings.size, MSG_NOSIGNAL) != (ssize_t)settings.size) {
            die("send");
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        if (recv(fds[i], bytes, settings.size, MSG_WAITALL) != (ssize_t)settings.size) {
            die("recv");
        }
    }
    return clock_ns(CLOCK_MONOTONIC) - start_ns;
}

/** The server's numbers; its answer needs a message to wake it. */
static void ask(const int *fds, int wish, uint64_t *cpu_ns, uint64_t *system_calls)
{
    atomic_store(&shared->report, wish);
    while (atomic_load(&shared->report) != -wish) {
        exchange(fds, 1);
    }
    *cpu_ns = shared->cpu_ns;
    *system_calls = shared->system_calls;
}

static void measure(const struct oc_io_ops *ops, uint32_t connections)
{
    static struct oc_histogram histogram;
    int fds[CONNECTIONS_MAX];
    uint64_t cpu_ns[2];
    uint64_t calls[2];
    uint64_t rounds = 0;

    pid_t child = start_server(ops);
    for (uint32_t i = 0; i < connections; i++) {
        fds[i] = connect_one();
    }
    oc_histogram_reset(&histogram);
    for (uint64_t start_ns = clock_ns(CLOCK_MONOTONIC);
         clock_ns(CLOCK_MONOTONIC) - start_ns < WARM_UP_NS;) {
        exchange(fds, connections);
    }
    ask(fds, 1, &cpu_ns[0], &calls[0]);
    uint64_t start_ns = clock_ns(CLOCK_MONOTONIC);
    uint64_t end_ns = start_ns + (uint64_t)(settings.seconds * 1e9);
    while (clock_ns(CLOCK_MONOTONIC) < end_ns) {
        oc_histogram_record(&histogram, exchange(fds, connections));
        rounds++;
    }
    double elapsed_s = (double)(clock_ns(CLOCK_MONOTONIC) - start_ns) / 1e9;
    ask(fds, 2, &cpu_ns[1], &calls[1]);
    double messages = (double)rounds * connections;
    printf("%-9s %5u %10.0f %9.1f %9.1f %9.2f %9.2f\n", ops == NULL ? "blocking" : ops->name,
           connections, messages / elapsed_s,
           (double)oc_histogram_percentile_ns(&histogram, 50.0) / 1e3,
           (double)oc_histogram_percentile_ns(&histogram, 99.0) / 1e3,
           (double)(cpu_ns[1] - cpu_ns[0]) / messages / 1e3,
           (double)(calls[1] - calls[0]) / messages);
    fflush(stdout);
    for (uint32_t i = 0; i < connections; i++) {
        close(fds[i]);
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static void read_arguments(int argc, char **argv)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--size") == 0) {
            settings.size = (uint32_t)strtoul(argv[i + 1], NULL, 10);
        } else if (strcmp(argv[i], "--seconds") == 0) {
            settings.seconds = strtod(argv[i + 1], NULL);
        } else if (strcmp(argv[i], "--busy-poll") == 0) {
            settings.busy_poll_ns = 1000ULL * strtoull(argv[i + 1], NULL, 10);
        } else if (strcmp(argv[i], "--cpus") == 0) {
            settings.cross = strcmp(argv[i + 1], "cross") == 0;
        }
    }
    if (settings.size < 1 || settings.size > 16384) {
        fprintf(stderr, "bench_echo: --size is 1 to 16384\n");
        exit(2);
    }
}

int main(int argc, char **argv)
{
    static const uint32_t COUNTS[] = {1, 8, 64, 512};
    struct oc_io_probe_report probe;
    char reason[OC_IO_REASON_BYTES];

    read_arguments(argc, argv);
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        die("mmap");
    }
    const struct oc_io_ops *uring = oc_io_choose(OC_IO_MODE_URING, &probe, reason, sizeof(reason));
    printf("%s\n%u bytes, %s, busy poll %" PRIu64 " us, %.1f s each\n", reason, settings.size,
           settings.cross ? "client and server on two cores" : "client and server on one core",
           settings.busy_poll_ns / 1000, settings.seconds);
    printf("%-9s %5s %10s %9s %9s %9s %9s\n", "server", "conns", "messages/s", "p50 us", "p99 us",
           "cpu us/m", "calls/m");
    pin(settings.cross ? 1 : 0);
    measure(NULL, 1);
    for (size_t i = 0; i < sizeof(COUNTS) / sizeof(COUNTS[0]); i++) {
        measure(&oc_io_epoll_ops, COUNTS[i]);
        if (uring != NULL) {
            measure(uring, COUNTS[i]);
        }
    }
    return 0;
}

/*
 * Echo servers: on the io table, and blocking.
 */
#include "verify/echo.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/socket.h"
#include "verify/clock.h"
#include "verify/counters.h"

#define PIECE_BYTES 65536U

/* What the signal handler tells about. Of the one thread. */
static struct {
    const struct oc_io_ops *ops;
    struct oc_io *io;
    volatile uint64_t floor_calls;
} told;

static int listen_on(const char *text, int *listening);
static int serve_io(const struct oc_verify_echo_config *config, int listening);
static int serve_floor(const struct oc_verify_echo_config *config, int listening);
static bool echo_floor(const struct oc_verify_echo_config *config, int fd, uint64_t *owed);
static void delay(const struct oc_verify_echo_config *config, uint64_t *owed, uint32_t size);
static void on_signal(int number);

int oc_verify_echo_run(const struct oc_verify_echo_config *config)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    int listening;

    (void)signal(SIGPIPE, SIG_IGN);
    told.ops = config->ops;
    (void)sigaction(SIGUSR2, &action, NULL);
    if (listen_on(config->listen, &listening) < 0) {
        return 1;
    }
    return config->ops == NULL ? serve_floor(config, listening) : serve_io(config, listening);
}

static int listen_on(const char *text, int *listening)
{
    struct oc_io_listen_options options = {.congestion = "reno", .backlog = 4096};
    struct oc_io_address wanted;
    struct oc_io_address bound;
    char error[OC_IO_SOCKET_ERROR_BYTES];
    char address[OC_IO_ADDRESS_TEXT_BYTES];

    *listening = oc_io_address_parse(text, &wanted, error);
    if (*listening == 0) {
        *listening = oc_io_listen_open(&wanted, &options, &bound, error);
    }
    if (*listening < 0) {
        (void)fprintf(stderr, "outcry: %s\n", error);
        return -1;
    }
    (void)oc_io_address_text(&bound, address, sizeof(address));
    (void)fprintf(stderr, "listening on %s\n", address);
    return 0;
}

static int serve_io(const struct oc_verify_echo_config *config, int listening)
{
    static struct oc_io_event events[OC_IO_EVENTS_MAX];
    const struct oc_io_ops *ops = config->ops;
    struct oc_io_config io_config = OC_IO_CONFIG_DEFAULT;
    struct oc_arena arena;
    uint64_t owed = 0;
    uint64_t now_ns;
    int rc;

    oc_arena_init(&arena);
    io_config.arena = &arena;
    io_config.busy_poll_ns = config->busy_poll_ns;
    rc = ops->open(&io_config, &told.io);
    rc = rc < 0 ? rc : ops->start(told.io);
    rc = rc < 0 ? rc : ops->listen(told.io, listening, 0);
    while (rc >= 0) {
        rc = ops->poll(told.io, events, OC_IO_EVENTS_MAX, UINT64_MAX, &now_ns);
        for (int i = 0; i < rc; i++) {
            if (events[i].kind == OC_IO_RECEIVED) {
                delay(config, &owed, events[i].size);
                (void)ops->send(told.io, events[i].conn, events[i].bytes, events[i].size);
            } else if (events[i].kind == OC_IO_EOF) {
                (void)ops->close(told.io, events[i].conn, OC_IO_CLOSE_FLUSH);
            }
        }
    }
    (void)fprintf(stderr, "outcry: %s: %s\n", ops->name, strerror(-rc));
    return 1;
}

static int serve_floor(const struct oc_verify_echo_config *config, int listening)
{
    uint64_t owed = 0;

    for (;;) {
        const int one = 1;
        struct pollfd wanted = {.fd = listening, .events = POLLIN};
        int fd = accept(listening, NULL, NULL);
        told.floor_calls++;
        if (fd < 0 && errno == EAGAIN) {
            /* The listener does not block; connections are rare or right behind each other. */
            (void)poll(&wanted, 1, -1);
            told.floor_calls++;
            continue;
        }
        if (fd < 0) {
            (void)fprintf(stderr, "outcry: accept: %s\n", strerror(errno));
            return 1;
        }
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        while (echo_floor(config, fd, &owed)) {
            ;
        }
        (void)close(fd);
        told.floor_calls += 2;
    }
}

static bool echo_floor(const struct oc_verify_echo_config *config, int fd, uint64_t *owed)
{
    static char bytes[PIECE_BYTES];
    ssize_t size;

    do {
        size = recv(fd, bytes, sizeof(bytes), config->busy_poll_ns > 0 ? MSG_DONTWAIT : 0);
        told.floor_calls++;
    } while (size < 0 && (errno == EAGAIN || errno == EINTR));
    if (size <= 0) {
        return false;
    }
    delay(config, owed, (uint32_t)size);
    told.floor_calls++;
    return send(fd, bytes, (size_t)size, MSG_NOSIGNAL) == size;
}

/* Pieces of messages add up in *owed, so that the delay is exact by message in the long run. */
static void delay(const struct oc_verify_echo_config *config, uint64_t *owed, uint32_t size)
{
    uint64_t end_ns;

    if (config->delay_ns == 0) {
        return;
    }
    *owed += size;
    end_ns = oc_verify__clock_ns() + *owed / config->message_size * config->delay_ns;
    *owed %= config->message_size;
    while (oc_verify__clock_ns() < end_ns) {
        ;
    }
}

static void on_signal(int number)
{
    struct oc_verify_counters counters = {.system_calls = told.floor_calls};
    struct oc_io_stats stats;
    int saved = errno;

    (void)number;
    if (told.io != NULL) {
        told.ops->stats(told.io, &stats);
        oc_verify_counters_take(&stats, &counters);
    }
    oc_verify_counters_write(STDERR_FILENO, &counters);
    errno = saved;
}

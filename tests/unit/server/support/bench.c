/*
 * A server in a thread of the test, and a blocking client of a few calls.
 */
#include "support/bench.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <cmocka.h>

#include "io/probe.h"

static uint64_t utc_standing(void *context, uint64_t now_ns)
{
    (void)context;
    (void)now_ns;
    return BENCH_UTC_NS;
}

static void *run_thread(void *argument)
{
    struct bench_server *bench = argument;
    bench->rc = oc_server_run(bench->server);
    return NULL;
}

static int run_on(const struct oc_io_ops *ops, int (*run)(const struct bench_mode *mode))
{
    struct bench_mode mode = {.ops = ops, .engine = OC_SERVER_INLINE, .io_threads = 1};
    int failed;
    (void)snprintf(mode.name, sizeof mode.name, "%s, inline", ops->name);
    failed = run(&mode);
    mode.engine = OC_SERVER_DEDICATED;
    for (; mode.io_threads <= 4; mode.io_threads *= 2) {
        (void)snprintf(mode.name, sizeof mode.name, "%s, dedicated with %u io threads", ops->name,
                       mode.io_threads);
        failed += run(&mode);
    }
    return failed;
}

int bench_for_each_mode(int (*run)(const struct bench_mode *mode))
{
    struct oc_io_probe_report report;
    char reason[OC_IO_REASON_BYTES];
    const struct oc_io_ops *uring = oc_io_choose(OC_IO_MODE_URING, &report, reason, sizeof reason);
    int failed = run_on(&oc_io_epoll_ops, run);
    if (uring == NULL) {
        (void)printf("io_uring not tested: %s\n", reason);
        return failed;
    }
    return failed + run_on(uring, run);
}

struct oc_server_config bench_config(const struct bench_mode *mode)
{
    struct oc_server_config config = {
        .ops = mode->ops,
        .engine = mode->engine,
        .io_threads = mode->io_threads,
        .ops_reason = "chosen by the test",
        .listener_count = 1,
        .limits = {.orders_max = 4096,
                   .levels_max = 4096,
                   .instruments_max = 16,
                   .users_max = 64,
                   .sessions_max = 64,
                   .client_ids_max = 16,
                   .client_ids_total = 256},
        .io = OC_IO_CONFIG_DEFAULT,
        .large_frames_max = 4,
        .instruments_on_first_use = true,
        .utc_ns = utc_standing,
    };
    memcpy(config.listeners[0].address, "127.0.0.1:0", sizeof "127.0.0.1:0");
    config.io.queue_depth = 64;
    config.io.buffer_count = 16;
    config.io.chunk_count = 4096;
    config.io.out_bytes_max = 1U << 20;
    return config;
}

void bench_start(struct bench_server *bench, const struct oc_server_config *config)
{
    char error[400];
    if (oc_server_open(&bench->server, config, error, sizeof error) != 0) {
        fail_msg("%s", error);
    }
    assert_int_equal(pthread_create(&bench->thread, NULL, run_thread, bench), 0);
}

void bench_join(struct bench_server *bench)
{
    oc_server_stop(bench->server);
    assert_int_equal(pthread_join(bench->thread, NULL), 0);
    assert_int_equal(bench->rc, 0);
}

void bench_close(struct bench_server *bench)
{
    oc_server_close(bench->server);
    bench->server = NULL;
}

void bench_stop(struct bench_server *bench)
{
    bench_join(bench);
    bench_close(bench);
}

int bench_connect(const struct bench_server *bench)
{
    const char *address = oc_server_address(bench->server, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 20};
    const int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    to.sin_port = htons((uint16_t)strtoul(strrchr(address, ':') + 1, NULL, 10));
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    return fd;
}

void bench_send(int fd, const char *json)
{
    size_t size = strlen(json);
    uint8_t bytes[4096];
    assert_true(size + 4 <= sizeof bytes);
    bytes[0] = 0;
    bytes[1] = (uint8_t)(size >> 16);
    bytes[2] = (uint8_t)(size >> 8);
    bytes[3] = (uint8_t)size;
    memcpy(bytes + 4, json, size);
    assert_int_equal(send(fd, bytes, size + 4, MSG_NOSIGNAL), size + 4);
}

static bool receive_all(int fd, void *out, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t rc = recv(fd, (char *)out + done, size - done, 0);
        if (rc == 0) {
            return false;
        }
        if (rc < 0 && errno == EINTR) {
            continue; /* the end of a probe's ring is work that the kernel does in our name */
        }
        if (rc < 0) {
            fail_msg("recv: %s", strerror(errno));
        }
        done += (size_t)rc;
    }
    return true;
}

const char *bench_receive(int fd)
{
    static char text[65537];
    uint8_t head[4];
    size_t size;
    if (!receive_all(fd, head, 4)) {
        return "EOF";
    }
    size = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
    assert_true(size > 0 && size < sizeof text);
    assert_true(receive_all(fd, text, size));
    text[size] = '\0';
    return text;
}

void bench_expect(int fd, const char *json)
{
    assert_string_equal(bench_receive(fd), json);
}

void bench_settle(int fd)
{
    bench_send(fd, "{\"session\":{\"ping\":990099}}");
    while (strstr(bench_receive(fd), "\"ping\":990099") == NULL) {
    }
}

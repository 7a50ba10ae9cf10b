/*
 * Goal: one command that tells more than a session may owe costs nobody his session who reads.
 * Method: a sweep of 60,000 orders before three readers with 6 MiB each; every frame is counted.
 * Fails when a frame is missing or a reader is disconnected. It takes readers that run while the
 * server waits for them, so it is not run where threads take turns (valgrind).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "support/bench.h"

static const struct bench_mode *mode;

static struct bench_server bench;

static void send_order(int fd, const char *user, const char *side, const char *price,
                       const char *quantity)
{
    char json[200];
    (void)snprintf(json, sizeof json,
                   "{\"user_id\":%s,\"symbol\":\"BTC/USD\",\"order_type\":\"%s\",\"price\":%s,"
                   "\"quantity\":%s}",
                   user, side, price, quantity);
    bench_send(fd, json);
}

/* Frames counted as they come, so that nobody of the three is slow. */
struct counter {
    int fd;
    uint32_t frames;
    uint8_t head[4];
    uint32_t head_size;
    uint32_t left;
};

static void count_frames(struct counter *counter, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        size_t piece = counter->left < size ? counter->left : size;
        if (counter->left == 0) {
            counter->head[counter->head_size++] = *bytes++;
            size--;
            if (counter->head_size == 4) {
                counter->left = (uint32_t)counter->head[2] << 8 | counter->head[3];
                counter->head_size = 0;
            }
            continue;
        }
        counter->left -= (uint32_t)piece;
        counter->frames += counter->left == 0 ? 1 : 0;
        bytes += piece;
        size -= piece;
    }
}

static void read_until(struct counter *counters, size_t count, uint32_t frames)
{
    static uint8_t bytes[1 << 18];
    for (;;) {
        struct pollfd waits[4];
        bool done = true;
        for (size_t i = 0; i < count; i++) {
            waits[i] = (struct pollfd){.fd = counters[i].fd, .events = POLLIN};
            done = done && counters[i].frames >= frames;
        }
        if (done) {
            return;
        }
        assert_true(poll(waits, (nfds_t)count, 20000) > 0);
        for (size_t i = 0; i < count; i++) {
            if (waits[i].revents != 0) {
                ssize_t rc = recv(counters[i].fd, bytes, sizeof bytes, MSG_DONTWAIT);
                if (rc <= 0) {
                    fail_msg("counter %zu after %u frames: %s", i, counters[i].frames,
                             rc == 0 ? "FIN" : strerror(errno));
                }
                count_frames(&counters[i], bytes, (size_t)rc);
            }
        }
    }
}

#define MAKERS 60000

/* 10 MB of trades for each of three who read, with 6 MiB that each may owe. */
static void test_a_deep_sweep_disconnects_nobody_who_reads(void **state)
{
    struct oc_server_config config = bench_config(mode);
    struct oc_gateway_stats stats;
    struct counter counters[3];
    (void)state;
    config.limits.orders_max = MAKERS;
    config.io.chunk_count = 1 << 14;
    config.io.out_bytes_max = 6U << 20;
    bench_start(&bench, &config);
    for (size_t i = 0; i < 3; i++) {
        counters[i] = (struct counter){.fd = bench_connect(&bench)};
        bench_settle(counters[i].fd);
    }
    for (uint32_t i = 0; i < MAKERS; i++) {
        send_order(counters[0].fd, "1", "Sell", i % 2 == 0 ? "10" : "11", "1");
        if (i % 1000 == 999) {
            read_until(counters, 1, i + 1); /* the confirmations */
        }
    }
    counters[0].frames = 0;
    send_order(counters[1].fd, "2", "Buy", "11", "60000");
    bench_send(counters[2].fd, "{\"session\":{\"ping\":1}}"); /* answered behind the sweep */
    read_until(counters, 3, MAKERS);
    read_until(&counters[2], 1, MAKERS + 1);
    for (size_t i = 0; i < 3; i++) {
        (void)close(counters[i].fd);
    }
    bench_join(&bench);
    oc_server_stats_read(bench.server, NULL, &stats, NULL);
    assert_int_equal(stats.slow_readers + stats.out_of_chunks, 0);
    bench_close(&bench);
}

static int run(const struct bench_mode *run_mode)
{
    char group[96];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_deep_sweep_disconnects_nobody_who_reads),
    };
    mode = run_mode;
    (void)snprintf(group, sizeof group, "deep sweep on %s", mode->name);
    return cmocka_run_group_tests_name(group, tests, NULL, NULL);
}

int main(void)
{
    return bench_for_each_mode(run);
}

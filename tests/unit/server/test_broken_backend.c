/*
 * Goal: a backend that cannot start, or breaks while it serves, ends the server with -1 and no
 * thread waits for one that is gone.
 * Method: epoll with one slot of its table replaced: start() of one instance fails, or poll() of
 * one after 20 turns under load; inline and dedicated with 1, 2 and 4 io threads, each instance in
 * turn. Fails when run() returns 0 or hangs, or when a descriptor is left.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <dirent.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "support/bench.h"

#define CLIENTS 8

static struct oc_io_ops table;

/* Which instance, counted from 0 as they are opened; and what breaks in it. */
static uint32_t opened;
static uint32_t broken_number;
static struct oc_io *broken;
static bool breaks_at_start;
static atomic_uint polls;

static int open_wrapped(const struct oc_io_config *config, struct oc_io **io)
{
    int rc = oc_io_epoll_ops.open(config, io);
    if (rc == 0) {
        (*io)->ops = &table;
        broken = opened == broken_number ? *io : broken;
        opened++;
    }
    return rc;
}

static int start_wrapped(struct oc_io *io)
{
    return io == broken && breaks_at_start ? -ENOMEM : oc_io_epoll_ops.start(io);
}

static int poll_wrapped(struct oc_io *io, struct oc_io_event *events, uint32_t capacity,
                        uint64_t timeout_ns, uint64_t *now_ns)
{
    if (io == broken && atomic_fetch_add(&polls, 1) >= 20) {
        return -EIO;
    }
    return oc_io_epoll_ops.poll(io, events, capacity, timeout_ns, now_ns);
}

static int count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;
    assert_non_null(folder);
    while (readdir(folder) != NULL) {
        count++;
    }
    (void)closedir(folder);
    return count;
}

static void *run_thread(void *argument)
{
    struct bench_server *bench = argument;
    bench->rc = oc_server_run(bench->server);
    return NULL;
}

/* Orders from several clients until the server is gone. */
static void load(const struct bench_server *bench)
{
    int clients[CLIENTS];
    bool is_over = false;
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = bench_connect(bench);
    }
    for (uint32_t round = 0; !is_over; round++) {
        static const char BYTES[] = "\0\0\0\027{\"session\":{\"ping\":77}}";
        for (int i = 0; i < CLIENTS; i++) {
            ssize_t rc = send(clients[i], BYTES, sizeof BYTES - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
            is_over = is_over || (rc < 0 && errno != EAGAIN && errno != EINTR);
        }
    }
    for (int i = 0; i < CLIENTS; i++) {
        (void)close(clients[i]);
    }
}

static void break_one(const struct bench_mode *mode, uint32_t number, bool at_start)
{
    struct bench_server bench = {0};
    struct oc_server_config config = bench_config(mode);
    char error[400];
    table = oc_io_epoll_ops;
    table.open = open_wrapped;
    table.start = start_wrapped;
    table.poll = poll_wrapped;
    opened = 0;
    broken_number = number;
    breaks_at_start = at_start;
    atomic_store(&polls, 0);
    config.ops = &table;
    assert_int_equal(oc_server_open(&bench.server, &config, error, sizeof error), 0);
    assert_int_equal(pthread_create(&bench.thread, NULL, run_thread, &bench), 0);
    if (!at_start) {
        load(&bench);
    }
    assert_int_equal(pthread_join(bench.thread, NULL), 0);
    assert_int_equal(bench.rc, -1);
    bench_close(&bench);
}

static int break_each(const struct bench_mode *mode)
{
    int before;
    if (mode->ops != &oc_io_epoll_ops) {
        return 0;
    }
    before = count_descriptors();
    for (uint32_t number = 0; number < mode->io_threads; number++) {
        break_one(mode, number, true);
        break_one(mode, number, false);
    }
    assert_int_equal(count_descriptors(), before);
    return 0;
}

static void test_a_broken_backend_ends_the_server(void **state)
{
    (void)state;
    assert_int_equal(bench_for_each_mode(break_each), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_broken_backend_ends_the_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

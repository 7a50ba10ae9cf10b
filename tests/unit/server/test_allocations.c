/*
 * Goal: nothing is allocated after start.
 * Method: this program's own malloc, calloc, realloc and free count the calls of the server's
 * threads from its "listening" on, over 10,000 connects and disconnects (half of them resets),
 * rejects and sweeps, on each backend, inline and dedicated. Fails on the first call. Not in
 * sanitizer builds: those own malloc.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "support/bench.h"

#define ROUNDS 2500 /* of each mode: 10,000 of each backend */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OWN_MALLOC 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define OWN_MALLOC 0
#endif
#endif
#ifndef OWN_MALLOC
#define OWN_MALLOC 1
#endif

static _Thread_local bool is_client; /* the test's own thread; all others are the server's */
static atomic_bool counting;
static atomic_uint allocations;

#if OWN_MALLOC
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void __libc_free(void *memory);

static void count_call(void)
{
    if (!is_client && atomic_load(&counting)) {
        (void)atomic_fetch_add(&allocations, 1);
    }
}

void *malloc(size_t size)
{
    count_call();
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    count_call();
    return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    count_call();
    return __libc_realloc(old, size);
}

void free(void *memory)
{
    count_call();
    __libc_free(memory);
}
#endif

static void one_round(const struct bench_server *bench, int round)
{
    static const char REST[] =
        "{\"user_id\":1,\"symbol\":\"A\",\"order_type\":\"Sell\",\"price\":9,"
        "\"quantity\":1}";
    static const char SWEEP[] = "{\"user_id\":2,\"symbol\":\"A\",\"order_type\":\"Buy\","
                                "\"price\":10,\"quantity\":5,\"time_in_force\":\"IOC\"}";
    int fd = bench_connect(bench);
    bench_send(fd, "{\"session\":{\"cancel_on_disconnect\":true,\"reports\":\"on\"}}");
    bench_send(fd, "{\"nonsense\":1}");
    bench_send(fd, "no json");
    for (int i = 0; i < 4; i++) {
        bench_send(fd, REST);
    }
    if (round % 3 != 0) {
        bench_send(fd, SWEEP);
    }
    bench_send(fd, "{\"book\":\"A\"}");
    if (round % 2 == 0) {
        bench_settle(fd);
    } else {
        struct linger reset = {.l_onoff = 1};
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    }
    (void)close(fd);
}

static int count(const struct bench_mode *mode)
{
    struct bench_server bench = {0};
    struct oc_server_config config = bench_config(mode);
    struct oc_engine_stats engine;
    struct oc_io_stats io;
    int fd;
    bench_start(&bench, &config);
    fd = bench_connect(&bench);
    bench_send(fd, "{\"session\":{\"trades\":\"off\"}}");
    bench_settle(fd);
    atomic_store(&allocations, 0);
    atomic_store(&counting, true);
    for (int round = 0; round < ROUNDS; round++) {
        one_round(&bench, round);
    }
    bench_settle(fd);
    atomic_store(&counting, false);
    (void)close(fd);
    bench_join(&bench);
    oc_server_stats_read(bench.server, &engine, NULL, &io);
    (void)printf("%s: %u allocations, %llu connections, %llu commands, %llu rejects, %llu trades\n",
                 mode->name, atomic_load(&allocations), (unsigned long long)io.accepted,
                 (unsigned long long)engine.commands, (unsigned long long)engine.rejects,
                 (unsigned long long)engine.trades);
    bench_close(&bench);
    assert_int_equal(atomic_load(&allocations), 0);
    assert_true(io.accepted >= ROUNDS);
    assert_true(engine.rejects >= ROUNDS);
    assert_true(engine.trades >= ROUNDS);
    return 0;
}

static void test_nothing_is_allocated_after_start(void **state)
{
    (void)state;
    is_client = true;
    assert_int_equal(bench_for_each_mode(count), 0);
    is_client = false;
}

/* The counter itself must be able to count. */
static void test_the_counter_counts(void **state)
{
    void *volatile memory;
    (void)state;
    atomic_store(&allocations, 0);
    atomic_store(&counting, true);
    memory = malloc(10);
    free(memory);
    atomic_store(&counting, false);
    assert_int_equal(atomic_load(&allocations), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_counter_counts),
        cmocka_unit_test(test_nothing_is_allocated_after_start),
    };
    if (!OWN_MALLOC) {
        (void)printf("skipped: the sanitizer owns malloc\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Goal: turns, time, wake-ups and counters are the same on every backend, and nothing leaks.
 * Method: threads, signals, clocks and thousands of short connections on loopback.
 * Fails if: a wake-up is lost or a wait ends early or late, counters disagree with what was seen,
 * descriptors, chunks or buffers do not come back, a worker thread of io_uring appears, a turn of
 * io_uring for few, or an accepted connection, takes more system calls than it has to, or what came
 * for many takes several turns.
 */
#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "support/contract.h"

#define OPS(contract) ((contract).ops)
#define WAKE_ROUNDS   5000U

static struct oc_io *waking;
static atomic_uint rounds_done;

static void *wake_once_later(void *context)
{
    struct timespec wait = {.tv_nsec = 50000000};

    nanosleep(&wait, NULL);
    contract_ops->wake(context);
    return NULL;
}

static void wake_ends_a_wait(void **state)
{
    struct oc_io_config config = contract_config();
    struct contract contract;
    pthread_t thread;

    (void)state;
    contract_open(&contract, &config);
    uint64_t start_ns = contract_clock_ns();
    assert_int_equal(pthread_create(&thread, NULL, wake_once_later, contract.io), 0);
    contract_until(&contract, &contract.woken, 1);
    uint64_t elapsed_ns = contract_clock_ns() - start_ns;
    assert_true(elapsed_ns >= 50000000ULL && elapsed_ns < 1000000000ULL);
    pthread_join(thread, NULL);
    /* Coalesced, sticky, and over when told. */
    for (uint32_t i = 0; i < 1000; i++) {
        OPS(contract)->wake(contract.io);
    }
    contract_poll(&contract, UINT64_MAX);
    assert_int_equal(contract.woken, 2);
    contract_poll_for_ms(&contract, 10);
    assert_int_equal(contract.woken, 2);
    assert_true(contract_stats(&contract).wakes == 2);
    contract_close(&contract);
}

static void *wake_in_rounds(void *context)
{
    for (uint32_t round = 0; round < WAKE_ROUNDS; round++) {
        while (atomic_load(&rounds_done) < round) {
            sched_yield();
        }
        contract_ops->wake(context);
    }
    return NULL;
}

/** Each wake waits for the answer to the one before: one lost wake-up and nothing goes on. */
static void no_wake_is_lost(void **state)
{
    struct oc_io_config config = contract_config();
    struct contract contract;
    pthread_t thread;

    (void)state;
    for (uint32_t spin = 0; spin < 2; spin++) {
        config.busy_poll_ns = spin * 20000;
        contract_open(&contract, &config);
        atomic_store(&rounds_done, 0);
        assert_int_equal(pthread_create(&thread, NULL, wake_in_rounds, contract.io), 0);
        while (contract.woken < WAKE_ROUNDS) {
            uint32_t before = contract.woken;
            contract_until(&contract, &contract.woken, before + 1);
            atomic_store(&rounds_done, contract.woken);
        }
        pthread_join(thread, NULL);
        assert_int_equal(contract.woken, WAKE_ROUNDS);
        contract_close(&contract);
    }
}

static void on_alarm(int number)
{
    (void)number;
    contract_ops->wake(waking);
}

static void wake_works_in_a_signal_handler(void **state)
{
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct sigaction action = {.sa_handler = on_alarm};
    struct itimerval soon = {.it_value = {.tv_usec = 50000}};

    (void)state;
    contract_open(&contract, &config);
    waking = contract.io;
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
    uint64_t start_ns = contract_clock_ns();
    for (uint32_t i = 0; i < 3 && contract.woken == 0; i++) {
        contract_poll(&contract, UINT64_MAX); /* a signal may end it without an event */
    }
    assert_int_equal(contract.woken, 1);
    assert_true(contract_clock_ns() - start_ns < 1000000000ULL);
    assert_int_equal(signal(SIGALRM, SIG_DFL) == SIG_ERR, 0);
    contract_close(&contract);
}

static void waits_are_as_long_as_asked(void **state)
{
    static const uint64_t WAITS_NS[] = {100000, 1000000, 20000000, 150000000};
    struct oc_io_config config = contract_config();
    struct contract contract;

    (void)state;
    for (uint32_t spin = 0; spin < 2; spin++) {
        config.busy_poll_ns = spin * 5000000;
        contract_open(&contract, &config);
        contract_poll(&contract, 0);
        for (uint32_t i = 0; i < sizeof(WAITS_NS) / sizeof(WAITS_NS[0]); i++) {
            uint64_t start_ns = contract_clock_ns();
            assert_int_equal(contract_poll(&contract, WAITS_NS[i]), 0);
            uint64_t end_ns = contract_clock_ns();
            assert_true(end_ns - start_ns >= WAITS_NS[i]);
            /* A shared machine may take its time to wake anybody up. */
            assert_true(end_ns - start_ns < WAITS_NS[i] + 500000000ULL);
            assert_true(contract.now_ns >= start_ns && contract.now_ns <= end_ns);
        }
        /* No wait: no system call is needed at all if there is nothing to do. */
        uint64_t calls = contract_stats(&contract).system_calls;
        uint64_t start_ns = contract_clock_ns();
        for (uint32_t i = 0; i < 100; i++) {
            assert_int_equal(contract_poll(&contract, 0), 0);
        }
        assert_true(contract_clock_ns() - start_ns < 50000000ULL);
        if (contract_is_uring()) {
            assert_true(contract_stats(&contract).system_calls == calls);
        }
        contract_close(&contract);
    }
}

static void counters_agree_with_what_happened(void **state)
{
    enum { PEERS = 10, BYTES = 5000 };
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conns[PEERS];
    int peers[PEERS];
    static uint8_t bytes[BYTES];

    (void)state;
    contract_open(&contract, &config);
    contract.echo = true;
    for (uint32_t p = 0; p < PEERS; p++) {
        peers[p] = contract_accepted_peer(&contract, &conns[p]);
        contract_peer_write(&contract, peers[p], bytes, BYTES);
        contract_peer_expect(&contract, peers[p], bytes, BYTES);
    }
    contract_poll(&contract, 0);
    struct oc_io_stats stats = contract_stats(&contract);
    assert_true(stats.accepted == PEERS);
    assert_int_equal(stats.connections, PEERS);
    assert_true(stats.received_bytes == PEERS * BYTES);
    assert_true(stats.sent_bytes == PEERS * BYTES);
    assert_true(stats.closed == 0);
    assert_true(stats.polls > 0 && stats.system_calls > 0);
    assert_true(stats.batch->count > 0 && stats.batch->count <= stats.polls);
    assert_true(stats.chunks_used_max > 0);
    assert_true(stats.overflows == 0);
    for (uint32_t p = 0; p < PEERS; p++) {
        assert_int_equal(OPS(contract)->close(contract.io, conns[p], OC_IO_CLOSE_ABORT), 0);
        close(peers[p]);
    }
    contract_until(&contract, &contract.closed, PEERS);
    stats = contract_stats(&contract);
    assert_true(stats.closed == PEERS);
    assert_int_equal(stats.connections, 0);
    contract_close(&contract);
}

static uint32_t worker_threads(void)
{
    DIR *folder = opendir("/proc/self/task");
    struct dirent *entry;
    uint32_t count = 0;

    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL) {
        char path[300];
        char name[32] = "";
        snprintf(path, sizeof(path), "/proc/self/task/%s/comm", entry->d_name);
        FILE *file = fopen(path, "re");
        if (file != NULL) {
            count += fgets(name, sizeof(name), file) != NULL && strncmp(name, "iou-", 4) == 0;
            fclose(file);
        }
    }
    closedir(folder);
    return count;
}

static void two_thousand_connections_leave_nothing(void **state)
{
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conn;
    char byte;
    int end;

    (void)state;
    contract_open(&contract, &config);
    contract.echo = true;
    contract_poll(&contract, 0);
    uint32_t fds = contract_fd_count();
    for (uint32_t i = 0; i < 2000; i++) {
        int peer = contract_accepted_peer(&contract, &conn);
        uint32_t closed = contract.closed;
        if (i % 4 != 3) {
            contract_peer_write(&contract, peer, "order", 5);
        }
        if (i % 4 == 0) {
            contract_peer_expect(&contract, peer, "order", 5);
        }
        if (i % 2 == 0) {
            assert_int_equal(OPS(contract)->close(contract.io, conn, OC_IO_CLOSE_FLUSH), 0);
            contract_poll(&contract, 0);
            if (i % 4 == 0) {
                assert_int_equal(contract_peer_read(&contract, peer, &byte, 1, &end), 0);
                assert_int_equal(end, 1);
            }
            close(peer);
        } else if (i % 4 == 1) {
            assert_int_equal(OPS(contract)->close(contract.io, conn, OC_IO_CLOSE_ABORT), 0);
            close(peer);
        } else {
            contract_peer_reset(peer);
        }
        contract_until(&contract, &contract.closed, closed + 1);
    }
    struct oc_io_stats stats = contract_stats(&contract);
    assert_int_equal(stats.connections, 0);
    assert_int_equal(stats.chunks_used, 0);
    contract_poll(&contract, 0);
    contract_poll(&contract, 0);
    assert_int_equal(contract_stats(&contract).buffers_used, 0);
    assert_int_equal(contract_fd_count(), fds);
    assert_int_equal(worker_threads(), 0);
    contract_close(&contract);
}

static void shutdown_frees_all(void **state)
{
    enum { PEERS = 20 };
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conn;
    static uint8_t bytes[100000];
    int peers[PEERS];
    char byte;
    int idle = 0;

    (void)state;
    config.chunk_count = 1024;
    uint32_t fds = contract_fd_count();
    contract_open(&contract, &config);
    for (uint32_t p = 0; p < PEERS; p++) {
        peers[p] = contract_accepted_peer(&contract, &conn);
        if (p % 4 == 0) {
            (void)contract_fill(&contract, conn, bytes, sizeof(bytes) / 10);
        }
        if (p % 4 == 1) {
            assert_int_equal(OPS(contract)->receive(contract.io, conn, false), 0);
        }
        if (p % 4 == 2) {
            assert_int_equal(OPS(contract)->close(contract.io, conn, OC_IO_CLOSE_FLUSH), 0);
        }
    }
    OPS(contract)->wake(contract.io);
    contract_close(&contract);
    /* All were reset, now and not when the kernel gets round to it. */
    for (uint32_t p = 0; p < PEERS; p++) {
        ssize_t rc;
        while ((rc = recv(peers[p], &byte, 1, MSG_DONTWAIT)) > 0) {
        }
        idle += rc < 0 && errno == EAGAIN;
        close(peers[p]);
    }
    assert_int_equal(idle, 0);
    assert_int_equal(contract_fd_count(), fds);
}

static void a_turn_is_one_system_call(void **state)
{
    enum { PEERS = 16, ROUNDS = 200 }; /* what the kernel runs in one enter: 20 at least */
    struct oc_io_config config = contract_config();
    struct contract contract;
    int peers[PEERS];
    struct oc_conn conn;
    char got[16];

    (void)state;
    config.buffer_count = 128;
    contract_open(&contract, &config);
    contract.echo = true;
    for (uint32_t p = 0; p < PEERS; p++) {
        peers[p] = contract_accepted_peer(&contract, &conn);
    }
    contract_poll(&contract, 0);
    struct oc_io_stats before = contract_stats(&contract);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (uint32_t p = 0; p < PEERS; p++) {
            assert_int_equal(send(peers[p], "0123456789abcdef", 16, MSG_NOSIGNAL), 16);
        }
        uint64_t wanted = before.sent_bytes + (uint64_t)(round + 1) * PEERS * 16;
        while (contract_stats(&contract).sent_bytes < wanted) {
            contract_poll(&contract, 0);
        }
        for (uint32_t p = 0; p < PEERS; p++) {
            assert_int_equal(recv(peers[p], got, 16, MSG_WAITALL), 16);
        }
    }
    struct oc_io_stats after = contract_stats(&contract);
    uint64_t calls = after.system_calls - before.system_calls;
    uint64_t polls = after.polls - before.polls;
    printf("             %u x %u echoes: %llu system calls in %llu polls\n", ROUNDS, PEERS,
           (unsigned long long)calls, (unsigned long long)polls);
    if (contract_is_uring()) {
        assert_true(calls <= polls);
        assert_true(after.rearms == before.rearms);
    } else {
        /* A receive and a send for each message, and the waits. */
        assert_true(calls <= 2 * PEERS * ROUNDS + polls);
    }
    for (uint32_t p = 0; p < PEERS; p++) {
        close(peers[p]);
    }
    contract_close(&contract);
}

static void one_turn_takes_all_that_came(void **state)
{
    enum { PEERS = 100, ROUNDS = 50 };
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conn;
    int peers[PEERS];
    uint32_t turns = 0;

    (void)state;
    config.buffer_count = 128;
    contract_open(&contract, &config);
    for (uint32_t p = 0; p < PEERS; p++) {
        peers[p] = contract_accepted_peer(&contract, &conn);
    }
    contract_poll(&contract, 0);
    uint64_t wanted = contract_stats(&contract).received_bytes;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (uint32_t p = 0; p < PEERS; p++) {
            assert_int_equal(send(peers[p], "0123456789abcdef", 16, MSG_NOSIGNAL), 16);
        }
        wanted += (uint64_t)PEERS * 16;
        while (contract_stats(&contract).received_bytes < wanted) {
            contract_poll(&contract, 1000000000ULL);
            turns++;
        }
    }
    printf("             %u x %u messages in %u turns\n", ROUNDS, PEERS, turns);
    assert_true(turns <= 2 * ROUNDS);
    for (uint32_t p = 0; p < PEERS; p++) {
        close(peers[p]);
    }
    contract_close(&contract);
}

static void a_waiting_turn_is_one_system_call(void **state)
{
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct contract other;
    struct oc_conn conn;
    struct oc_conn peer;

    (void)state;
    contract_open(&contract, &config);
    contract_open(&other, &config);
    contract.echo = true;
    assert_int_equal(OPS(other)->connect(other.io,
                                         (const struct sockaddr *)&contract.address.storage,
                                         contract.address.size, "reno", 1, &peer),
                     0);
    contract_until(&other, &other.connected, 1);
    contract_until(&contract, &contract.accepted, 1);
    conn = contract.last;
    contract_poll(&other, 0);
    struct oc_io_stats before = contract_stats(&contract);
    for (uint32_t round = 0; round < 500; round++) {
        assert_int_equal(OPS(other)->send(other.io, peer, "ping", 4), 0);
        contract_poll(&other, 0);
        /* Sends the last round's answer, and finds this round's question. */
        assert_int_equal(contract_poll(&contract, 1000000000ULL), 1);
    }
    struct oc_io_stats after = contract_stats(&contract);
    uint64_t calls = after.system_calls - before.system_calls;
    assert_true(calls <= (contract_is_uring() ? 500U : 1501U));
    assert_int_equal(contract_conn(&contract, conn)->size, 2000);
    contract_close(&other);
    contract_close(&contract);
}

/** A connection costs what it has to; many at once are not taken in one by one. */
static void an_accept_is_not_asked_twice(void **state)
{
    enum { PEERS = 120 };
    struct oc_io_config config = contract_config();
    struct contract contract;
    int peers[PEERS];

    (void)state;
    contract_open(&contract, &config);
    contract_poll(&contract, 1); /* the first wait finds out whether there is epoll_pwait2 */
    for (uint32_t p = 0; p < PEERS / 6; p++) {
        contract_poll(&contract, 0);
        contract_poll(&contract, 0);
        uint64_t calls = contract_stats(&contract).system_calls;
        peers[p] = contract_peer(&contract);
        assert_int_equal(contract_poll(&contract, 1000000000ULL), 1);
        calls = contract_stats(&contract).system_calls - calls;
        /* The wait, accept4 and epoll_ctl. */
        assert_true(calls <= (contract_is_uring() ? 1U : 3U));
    }
    for (uint32_t p = PEERS / 6; p < PEERS; p++) {
        peers[p] = contract_peer(&contract);
    }
    uint64_t polls = contract_stats(&contract).polls;
    contract_until(&contract, &contract.accepted, PEERS);
    assert_true(contract_stats(&contract).polls - polls <= 10);
    for (uint32_t p = 0; p < PEERS; p++) {
        close(peers[p]);
    }
    contract_close(&contract);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wake_ends_a_wait),
        cmocka_unit_test(no_wake_is_lost),
        cmocka_unit_test(wake_works_in_a_signal_handler),
        cmocka_unit_test(waits_are_as_long_as_asked),
        cmocka_unit_test(counters_agree_with_what_happened),
        cmocka_unit_test(two_thousand_connections_leave_nothing),
        cmocka_unit_test(shutdown_frees_all),
        cmocka_unit_test(a_turn_is_one_system_call),
        cmocka_unit_test(one_turn_takes_all_that_came),
        cmocka_unit_test(a_waiting_turn_is_one_system_call),
        cmocka_unit_test(an_accept_is_not_asked_twice),
    };

    return contract_run(tests, sizeof(tests) / sizeof(tests[0]));
}

/*
 * Goal: what kernels do in their corners changes nothing for the caller of the table.
 * Method: the corners are brought about with real sockets: completion queues that overflow, resets
 * in the middle of a message, closes with everything in flight, a slot that is used again and
 * again, signals, and descriptors that run out. docs/io-backends.md lists every corner with the
 * tests that stand for it.
 * Fails if: a byte is lost, doubled or comes to a connection that it was not sent to, an end is
 * told as another one or twice, something leaks, or a process without descriptors burns the
 * processor.
 */
#define _GNU_SOURCE /* SOCK_CLOEXEC, pipe2 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "io/base.h"
#include "support/contract.h"

#define OPS(contract) ((contract).ops)
#define PIECE_BYTES   700U

static uint8_t bytes[1U << 18];

static void expect_nothing_held(struct contract *contract)
{
    contract_poll(contract, 0);
    contract_poll(contract, 0);
    assert_int_equal(contract_stats(contract).buffers_used, 0);
    assert_int_equal(contract_stats(contract).chunks_used, 0);
}

/** Receives that ended with bytes, among the last operations: the flight recorder knows. */
static uint32_t receives_ended_with_bytes(const struct contract *contract)
{
    const struct oc_io__base *base = (const struct oc_io__base *)contract->io;
    uint32_t count = 0;

    for (uint32_t i = 0; i < OC_IO_FLIGHT_COUNT; i++) {
        count += base->flight[i].kind == OC_IO_FLIGHT_RECEIVE_ENDED && base->flight[i].result > 0;
    }
    return count;
}

/**
 * A completion queue of 32 (a queue of 4) for 100 connections that all have something to say, while
 * the caller takes one event at a time. A multishot receive whose completion finds no room ends
 * with its last bytes.
 */
static void the_completion_queue_overflows(void **state)
{
    enum { PEERS = 100, ROUNDS = 10 };
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conns[PEERS];
    int peers[PEERS];

    (void)state;
    config.queue_depth = 4;
    config.buffer_count = 128;
    contract_open(&contract, &config);
    for (uint32_t p = 0; p < PEERS; p++) {
        peers[p] = contract_accepted_peer(&contract, &conns[p]);
    }
    contract_poll_for_ms(&contract, 5);
    uint64_t rearms = contract_stats(&contract).rearms;
    contract.echo = true;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (uint32_t p = 0; p < PEERS; p++) {
            contract_pattern(bytes, PIECE_BYTES, p + round);
            assert_int_equal(send(peers[p], bytes, PIECE_BYTES, MSG_NOSIGNAL), PIECE_BYTES);
        }
        /* Each echo is submitted by an enter, which brings more completions than are taken. */
        contract.capacity = 1;
        for (uint32_t i = 0; i < PEERS / 2; i++) {
            contract_poll(&contract, 0);
        }
        contract.capacity = OC_IO_EVENTS_MAX;
        for (uint32_t p = 0; p < PEERS; p++) {
            contract_pattern(bytes, PIECE_BYTES, p + round);
            contract_peer_expect(&contract, peers[p], bytes, PIECE_BYTES);
        }
    }
    if (contract_is_uring()) {
        assert_true(receives_ended_with_bytes(&contract) > 0);
        assert_true(contract_stats(&contract).overflows > 0);
        assert_true(contract_stats(&contract).rearms > rearms);
    }
    for (uint32_t p = 0; p < PEERS; p++) {
        assert_int_equal(contract_conn(&contract, conns[p])->size, ROUNDS * PIECE_BYTES);
        close(peers[p]);
    }
    expect_nothing_held(&contract);
    contract_close(&contract);
}

static void a_reset_in_mid_message_is_no_eof(void **state)
{
    enum { ROUNDS = 40 };
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn healthy;
    struct oc_conn conn;

    (void)state;
    contract_open(&contract, &config);
    int peer = contract_accepted_peer(&contract, &healthy);
    contract_pattern(bytes, 1000, 1);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        int broken = contract_accepted_peer(&contract, &conn);
        struct contract_conn *tracked = contract_conn(&contract, conn);
        assert_int_equal(send(broken, bytes, 500, MSG_NOSIGNAL), 500);
        if (round % 2 == 0) {
            contract_until_received(&contract, conn, 500);
        }
        if (round % 4 >= 2) {
            /* A reply is owed to who is not there any more. */
            assert_int_equal(OPS(contract)->send(contract.io, conn, bytes, 1000), 0);
        }
        contract_peer_reset(broken);
        contract_until_closed(&contract, conn);
        assert_false(tracked->eof);
        assert_true(tracked->error == -ECONNRESET || tracked->error == -EPIPE);
        assert_true(tracked->size <= 500);
        assert_memory_equal(tracked->bytes, bytes, tracked->size);
        contract_peer_write(&contract, peer, "whole", 5);
        contract_until_received(&contract, healthy, 5 * (round + 1));
    }
    assert_int_equal(contract.closed, ROUNDS);
    close(peer);
    expect_nothing_held(&contract);
    contract_close(&contract);
}

static void a_close_with_everything_in_flight(void **state)
{
    enum { ROUNDS = 10, MORE = 5000 };
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conn;
    uint8_t *got = malloc(1U << 24);
    int end;

    (void)state;
    assert_non_null(got);
    contract_open(&contract, &config);
    contract_poll(&contract, 0);
    uint32_t fds = contract_fd_count();
    contract_pattern(bytes, sizeof(bytes), 3);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        int peer = contract_accepted_peer(&contract, &conn);
        const int small = 1 << 16;
        assert_int_equal(setsockopt(peer, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
        /* A send waits in the kernel, one more is queued, input arrives, a receive is armed. */
        uint64_t sent = contract_fill(&contract, conn, bytes, 1U << 15);
        if (OPS(contract)->send(contract.io, conn, bytes, MORE) == 0) {
            sent += MORE;
        }
        assert_int_equal(send(peer, bytes, MORE, MSG_NOSIGNAL), MORE);
        assert_int_equal(OPS(contract)->close(contract.io, conn, OC_IO_CLOSE_FLUSH), 0);
        assert_true(sent < 1U << 24);
        assert_int_equal(contract_peer_read(&contract, peer, got, sent, &end), sent);
        for (uint64_t at = 0; at + (1U << 15) <= sent; at += 1U << 15) {
            assert_memory_equal(got + at, bytes, 1U << 15);
        }
        assert_int_equal(contract_peer_read(&contract, peer, got, 1, &end), 0);
        assert_int_equal(end, 1);
        close(peer);
        contract_until_closed(&contract, conn);
        assert_int_equal(contract_conn(&contract, conn)->error, 0);
        expect_nothing_held(&contract);
        assert_int_equal(contract_fd_count(), fds);
    }
    free(got);
    contract_close(&contract);
}

/** One slot, used again at once after every kind of end: what is late must not reach the next. */
static void a_reused_slot_hears_nothing_of_its_past(void **state)
{
    enum { ROUNDS = 300, LARGE = 60000 };
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conn;
    struct oc_conn before = {0};
    int old = -1;

    (void)state;
    config.connections_max = 1;
    contract_open(&contract, &config);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        int peer = contract_accepted_peer(&contract, &conn);
        struct contract_conn *tracked = contract_conn(&contract, conn);
        assert_int_equal(conn.index, 0);
        assert_int_not_equal(conn.generation, before.generation);
        if (old >= 0) {
            close(old);
        }
        /* Its first bytes are its own, and so is the reply. */
        contract_pattern(bytes, 1000, round);
        assert_int_equal(send(peer, bytes, 1000, MSG_NOSIGNAL), 1000);
        contract_until_received(&contract, conn, 1000);
        assert_memory_equal(tracked->bytes, bytes, 1000);
        assert_int_equal(OPS(contract)->send(contract.io, before, "x", 1), -ENOTCONN);
        assert_int_equal(OPS(contract)->send(contract.io, conn, bytes, 1000), 0);
        contract_peer_expect(&contract, peer, bytes, 1000);
        /* Then everything at once: input, output, and the end. */
        (void)send(peer, bytes, LARGE, MSG_NOSIGNAL | MSG_DONTWAIT);
        assert_int_equal(OPS(contract)->send(contract.io, conn, bytes, LARGE), 0);
        if (round % 3 > 0) {
            contract_poll(&contract, 0);
        }
        if (round % 2 == 0) {
            assert_int_equal(OPS(contract)->close(contract.io, conn, OC_IO_CLOSE_ABORT), 0);
            old = peer; /* closed when the slot has its next user */
        } else {
            contract_peer_reset(peer);
            old = -1;
        }
        contract_until_closed(&contract, conn);
        before = conn;
    }
    assert_int_equal(contract.closed, ROUNDS);
    expect_nothing_held(&contract);
    contract_close(&contract);
}

static void on_signal(int number)
{
    (void)number;
}

static void signals_interrupt_nothing(void **state)
{
    enum { ROUNDS = 400 };
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conn;
    struct sigaction action = {.sa_handler = on_signal}; /* without SA_RESTART */
    struct itimerval often = {.it_interval = {.tv_usec = 300}, .it_value = {.tv_usec = 300}};
    struct itimerval never = {0};

    (void)state;
    contract_open(&contract, &config);
    contract.echo = true;
    int peer = contract_accepted_peer(&contract, &conn);
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        contract_pattern(bytes, 5000, round);
        contract_peer_write(&contract, peer, bytes, 5000);
        contract_peer_expect(&contract, peer, bytes, 5000);
        if (round % 8 == 0) {
            (void)contract_poll(&contract, 2000000); /* a wait that is cut short says 0 */
        }
    }
    assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
    assert_true(signal(SIGALRM, SIG_DFL) != SIG_ERR);
    close(peer);
    expect_nothing_held(&contract);
    contract_close(&contract);
}

static uint64_t thread_cpu_ns(void)
{
    struct timespec used;

    assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used), 0);
    return (uint64_t)used.tv_sec * 1000000000ULL + (uint64_t)used.tv_nsec;
}

/**
 * While clients wait in the backlog and no descriptor is left: 5 % of a core at the most. The best
 * of a few times counts: an emulated CPU that its host lets wait (make test-kernels) is charged to
 * whoever was on it.
 */
static void no_descriptor_left_costs_little(void **state)
{
    enum { LIMIT = 64, WAITING = 20, LASTS_MS = 600, TRIES = 5 };
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conn;
    struct rlimit limit;
    int peers[WAITING];
    int fillers[LIMIT];
    uint32_t filler_count = 0;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    struct rlimit low = {.rlim_cur = LIMIT, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    contract_open(&contract, &config);
    int first = contract_accepted_peer(&contract, &conn);
    for (uint32_t i = 0; i < WAITING; i++) {
        peers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(peers[i] >= 0);
    }
    while ((fillers[filler_count] = dup(first)) >= 0) {
        filler_count++;
    }
    for (uint32_t i = 0; i < WAITING; i++) {
        assert_int_equal(
            connect(peers[i], (struct sockaddr *)&contract.address.storage, contract.address.size),
            0);
    }
    contract_until(&contract, &contract.accept_failed, 1);
    uint64_t used_ns = UINT64_MAX;
    for (uint32_t i = 0; i < TRIES && used_ns >= LASTS_MS * 1000000ULL / 20; i++) {
        uint32_t failed = contract.accept_failed;
        uint64_t start_ns = thread_cpu_ns();
        contract_poll_for_ms(&contract, LASTS_MS);
        used_ns = thread_cpu_ns() - start_ns;
        assert_true(contract.accept_failed - failed < 20); /* nor does it fill the log */
    }
    assert_true(used_ns < LASTS_MS * 1000000ULL / 20);
    assert_int_equal(contract.accept_error, -EMFILE);
    while (filler_count > 0) {
        close(fillers[--filler_count]);
    }
    contract_until(&contract, &contract.accepted, 1 + WAITING);
    close(first);
    for (uint32_t i = 0; i < WAITING; i++) {
        close(peers[i]);
    }
    contract_close(&contract);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_completion_queue_overflows),
        cmocka_unit_test(a_reset_in_mid_message_is_no_eof),
        cmocka_unit_test(a_close_with_everything_in_flight),
        cmocka_unit_test(a_reused_slot_hears_nothing_of_its_past),
        cmocka_unit_test(signals_interrupt_nothing),
        cmocka_unit_test(no_descriptor_left_costs_little),
    };

    return contract_run(tests, sizeof(tests) / sizeof(tests[0]));
}

/*
 * Goal: bytes that the caller gives back or holds up are told again, first, in order and once, on
 * every backend, cost the other connections nothing, and has_input() knows of them.
 * Method: the driver takes so many bytes of each batch and gives back the rest (contract.quota),
 * with small and large quotas, tiny buffers, pauses, resets and closes, on loopback.
 * Fails if: a byte is lost, doubled or overtaken, EOF comes before them, a poll waits although some
 * are due, they come while receiving is off, buffers or chunks do not return or grow without bound,
 * a flooding connection starves another, a hole in the stream is not asserted, a send that fails
 * while receiving is off costs input, or has_input() says other than what the next poll() tells.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/assert.h"
#include "core/random.h"
#include "support/contract.h"

#define OPS(contract) ((contract).ops)
#define STREAM_BYTES  60000U

static uint8_t stream[STREAM_BYTES];

static void wait_us(long us)
{
    const struct timespec wait = {.tv_nsec = us * 1000};

    (void)nanosleep(&wait, NULL);
}

/** Everything is there and nothing is held any more. */
static void expect_nothing_held(struct contract *contract)
{
    contract->quota = 0;
    contract_poll(contract, 0);
    contract_poll(contract, 0);
    assert_int_equal(contract_stats(contract).buffers_used, 0);
    assert_int_equal(contract_stats(contract).chunks_used, 0);
}

static void every_quota_gets_the_same_stream(void **state)
{
    static const uint32_t QUOTAS[] = {1, 7, 63, 64, 65, 1000, 2048, 5000};
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conn;

    (void)state;
    contract_open(&contract, &config);
    for (uint32_t i = 0; i < sizeof(QUOTAS) / sizeof(QUOTAS[0]); i++) {
        uint32_t size = QUOTAS[i] < 60 ? 2000 * QUOTAS[i] : STREAM_BYTES;
        int peer = contract_accepted_peer(&contract, &conn);
        struct contract_conn *tracked = contract_conn(&contract, conn);
        contract_pattern(stream, size, i);
        contract.quota = QUOTAS[i];
        contract.quota_returned = 0;
        contract_peer_write(&contract, peer, stream, size);
        assert_int_equal(shutdown(peer, SHUT_WR), 0);
        while (!tracked->eof) {
            uint64_t waits = contract_stats(&contract).waits;
            bool is_due = tracked->gives_back;
            int count = contract_poll(&contract, 1000000000ULL);
            assert_true(!is_due || (count > 0 && contract_stats(&contract).waits == waits));
        }
        assert_int_equal(tracked->size, size);
        assert_memory_equal(tracked->bytes, stream, size);
        assert_true(contract.quota_returned > 0);
        assert_int_equal(OPS(contract)->close(contract.io, conn, OC_IO_CLOSE_FLUSH), 0);
        contract_until_closed(&contract, conn);
        close(peer);
        expect_nothing_held(&contract);
    }
    /* Bytes count once, however often they are told. */
    assert_true(contract_stats(&contract).received_bytes ==
                2000 * 1 + 2000 * 7 + 6 * (uint64_t)STREAM_BYTES);
    contract_close(&contract);
}

/** Several connections, sizes, quotas, pauses and batch sizes, as a seed says. */
static void play(uint64_t seed)
{
    enum { PEERS = 6 };
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_random random;
    struct oc_conn conns[PEERS];
    int peers[PEERS];
    uint32_t sent[PEERS] = {0};
    uint32_t done = 0;

    oc_random_init(&random, seed);
    config.buffer_count = 2U << oc_random_below(&random, 4);
    config.buffer_size = 64U << oc_random_below(&random, 6);
    config.chunk_count = 2 + (uint32_t)oc_random_below(&random, 20);
    contract_open(&contract, &config);
    contract_pattern(stream, STREAM_BYTES, (uint32_t)seed);
    for (uint32_t p = 0; p < PEERS; p++) {
        peers[p] = contract_accepted_peer(&contract, &conns[p]);
    }
    uint64_t deadline_ns = contract_clock_ns() + CONTRACT_PATIENCE_MS * 1000000ULL;
    while (done < PEERS) {
        if (contract_clock_ns() > deadline_ns) {
            fail_msg("%s: seed %llu does not end", contract_ops->name, (unsigned long long)seed);
        }
        uint32_t p = (uint32_t)oc_random_below(&random, PEERS);
        uint32_t size = 1 + (uint32_t)oc_random_below(&random, 4000);
        size = size < 20000 - sent[p] ? size : 20000 - sent[p];
        ssize_t taken = send(peers[p], stream + 7 * p + sent[p], size, MSG_DONTWAIT | MSG_NOSIGNAL);
        sent[p] += taken > 0 ? (uint32_t)taken : 0;
        if (sent[p] == 20000) {
            (void)shutdown(peers[p], SHUT_WR);
        }
        contract.capacity = 1 + (uint32_t)oc_random_below(&random, 9);
        contract.quota = 1 + (uint32_t)oc_random_below(&random, 3000);
        contract_poll(&contract, 0);
        bool on = oc_random_below(&random, 3) > 0;
        assert_int_equal(OPS(contract)->receive(contract.io, conns[p], on), 0);
        done = 0;
        for (uint32_t i = 0; i < PEERS; i++) {
            done += contract_conn(&contract, conns[i])->eof;
        }
    }
    for (uint32_t p = 0; p < PEERS; p++) {
        struct contract_conn *tracked = contract_conn(&contract, conns[p]);
        if (tracked->size != 20000 || memcmp(tracked->bytes, stream + 7 * p, 20000) != 0) {
            fail_msg("%s: seed %llu", contract_ops->name, (unsigned long long)seed);
        }
        close(peers[p]);
    }
    expect_nothing_held(&contract);
    contract_close(&contract);
}

static void any_quota_pause_and_batch(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        play(seed);
    }
}

static void given_back_bytes_wait_for_the_resume(void **state)
{
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conn;

    (void)state;
    contract_open(&contract, &config);
    int peer = contract_accepted_peer(&contract, &conn);
    struct contract_conn *tracked = contract_conn(&contract, conn);
    contract_pattern(stream, STREAM_BYTES, 2);
    contract.quota = 10;
    contract_peer_write(&contract, peer, stream, 1000);
    contract_until_received(&contract, conn, 10);
    /* First given back, then off: in that order they come after the last poll(). */
    assert_int_equal(OPS(contract)->receive(contract.io, conn, false), 0);
    contract_peer_write(&contract, peer, stream + 1000, 9000);
    assert_int_equal(shutdown(peer, SHUT_WR), 0);
    size_t before = tracked->size;
    uint64_t waits = contract_stats(&contract).waits;
    contract_poll_for_ms(&contract, 20);
    assert_int_equal(tracked->size, before);
    assert_true(contract_stats(&contract).waits > waits); /* none is due */
    assert_true(contract_stats(&contract).buffers_used > 0);
    assert_false(tracked->eof);
    contract.quota = 700;
    assert_int_equal(OPS(contract)->receive(contract.io, conn, true), 0);
    contract_until_eof(&contract, conn);
    assert_int_equal(tracked->size, 10000);
    assert_memory_equal(tracked->bytes, stream, 10000);
    close(peer);
    expect_nothing_held(&contract);
    contract_close(&contract);
}

static void close_drops_what_was_given_back(void **state)
{
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conn;

    (void)state;
    config.buffer_count = 4;
    contract_open(&contract, &config);
    /* Aborted, flushed, both again while receiving is off, and in the turn after. */
    for (uint32_t round = 0; round < 8; round++) {
        int peer = contract_accepted_peer(&contract, &conn);
        contract.quota = 100;
        contract_peer_write(&contract, peer, stream, 5000);
        contract_until_received(&contract, conn, 100);
        size_t size = contract_conn(&contract, conn)->size;
        if (round % 4 >= 2) {
            assert_int_equal(OPS(contract)->receive(contract.io, conn, false), 0);
        }
        if (round >= 4) {
            contract_poll(&contract, 0);
            size = contract_conn(&contract, conn)->size;
        }
        assert_int_equal(
            OPS(contract)->close(contract.io, conn,
                                 round % 2 == 0 ? OC_IO_CLOSE_ABORT : OC_IO_CLOSE_FLUSH),
            0);
        close(peer);
        contract_until_closed(&contract, conn);
        assert_int_equal(contract_conn(&contract, conn)->size, size);
        assert_int_equal(OPS(contract)->unreceive(contract.io, conn, stream, 1), -ENOTCONN);
        expect_nothing_held(&contract);
    }
    contract_close(&contract);
}

static void adopted_bytes_can_be_given_back(void **state)
{
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conn;
    int pair[2];

    (void)state;
    config.buffer_size = 16384;
    contract_open(&contract, &config);
    contract_pattern(stream, 12000, 3);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(OPS(contract)->adopt(contract.io, pair[0], 5, stream, 9000, &conn), 0);
    struct contract_conn *tracked = contract_conn(&contract, conn);
    *tracked = (struct contract_conn){.handle = conn, .open = true};
    contract_peer_write(&contract, pair[1], stream + 9000, 3000);
    contract.quota = 321;
    contract_until_received(&contract, conn, 12000);
    assert_memory_equal(tracked->bytes, stream, 12000);
    expect_nothing_held(&contract);
    close(pair[1]);
    contract_close(&contract);
}

static void floods_take_no_more_than_their_share(void **state)
{
    enum { FLOODS = 3, ROUNDS = 200 };
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conns[FLOODS];
    struct oc_conn healthy;
    int peers[FLOODS];

    (void)state;
    config.buffer_count = 8;
    config.buffer_size = 1024;
    contract_open(&contract, &config);
    contract_pattern(stream, STREAM_BYTES, 4);
    for (uint32_t p = 0; p < FLOODS; p++) {
        peers[p] = contract_accepted_peer(&contract, &conns[p]);
        assert_int_equal(send(peers[p], stream, STREAM_BYTES, MSG_NOSIGNAL), STREAM_BYTES);
    }
    int peer = contract_accepted_peer(&contract, &healthy);
    contract.quota = 20;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        /* The healthy one is served in few turns, however much the others have sent. */
        assert_int_equal(send(peer, "order", 5, MSG_NOSIGNAL), 5);
        uint32_t turns = 0;
        while (contract_conn(&contract, healthy)->size < (round + 1) * 5ULL) {
            contract_poll(&contract, 0);
            assert_true(++turns < 100);
        }
        assert_int_equal(OPS(contract)->send(contract.io, healthy, "reply", 5), 0);
        contract_peer_expect(&contract, peer, "reply", 5);
    }
    /* What was not taken stays in the sockets: all buffers and what they were copied to. */
    assert_true(contract_stats(&contract).chunks_used_max <= 4 * FLOODS + 4);
    contract.quota = 5000;
    for (uint32_t p = 0; p < FLOODS; p++) {
        contract_until_received(&contract, conns[p], STREAM_BYTES);
        assert_memory_equal(contract_conn(&contract, conns[p])->bytes, stream, STREAM_BYTES);
        close(peers[p]);
    }
    close(peer);
    expect_nothing_held(&contract);
    contract_close(&contract);
}

static void paused_ones_with_given_back_bytes_starve_nobody(void **state)
{
    enum { PAUSED = 6 };
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conns[PAUSED];
    struct oc_conn healthy;
    int peers[PAUSED];

    (void)state;
    config.buffer_count = 4;
    config.buffer_size = 256;
    contract_open(&contract, &config);
    contract_pattern(stream, 5000, 5);
    contract.quota = 1;
    for (uint32_t p = 0; p < PAUSED; p++) {
        peers[p] = contract_accepted_peer(&contract, &conns[p]);
        assert_int_equal(send(peers[p], stream, 5000, MSG_NOSIGNAL), 5000);
        contract_until_received(&contract, conns[p], 1);
        assert_int_equal(OPS(contract)->receive(contract.io, conns[p], false), 0);
    }
    int peer = contract_accepted_peer(&contract, &healthy);
    contract.quota = 100;
    contract.echo = true;
    for (uint32_t i = 0; i < 50; i++) {
        contract_peer_write(&contract, peer, "through", 7);
        contract_peer_expect(&contract, peer, "through", 7);
    }
    contract.echo = false;
    for (uint32_t p = 0; p < PAUSED; p++) {
        assert_int_equal(OPS(contract)->receive(contract.io, conns[p], true), 0);
        contract_until_received(&contract, conns[p], 5000);
        assert_memory_equal(contract_conn(&contract, conns[p])->bytes, stream, 5000);
        close(peers[p]);
    }
    close(peer);
    expect_nothing_held(&contract);
    contract_close(&contract);
}

/** Every receive buffer is pinned and no chunk is left to copy to: one waits, and does not spin. */
static void all_buffers_given_back(void **state)
{
    enum { PINNING = 2 };
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conns[PINNING];
    struct oc_conn last;
    int peers[PINNING];
    uint32_t chunks[2];
    uint8_t *bytes;

    (void)state;
    config.buffer_count = 2;
    config.buffer_size = 64;
    config.chunk_count = 2;
    contract_open(&contract, &config);
    contract_pattern(stream, 1000, 6);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(OPS(contract)->chunk_open(contract.io, &chunks[i], &bytes), 0);
    }
    contract.quota = 1;
    for (uint32_t p = 0; p < PINNING; p++) {
        peers[p] = contract_accepted_peer(&contract, &conns[p]);
        assert_int_equal(send(peers[p], stream, 60, MSG_NOSIGNAL), 60);
        contract_until_received(&contract, conns[p], 1);
        assert_int_equal(OPS(contract)->receive(contract.io, conns[p], false), 0);
    }
    int peer = contract_accepted_peer(&contract, &last);
    assert_int_equal(send(peer, stream, 1000, MSG_NOSIGNAL), 1000);
    contract.quota = 1000;
    contract_poll(&contract, 0);
    uint64_t calls = contract_stats(&contract).system_calls;
    contract_poll_for_ms(&contract, 50);
    assert_int_equal(contract_conn(&contract, last)->size, 0);
    assert_int_equal(contract_stats(&contract).buffers_used, 2);
    assert_true(contract_stats(&contract).system_calls - calls < 50);
    for (uint32_t p = 0; p < PINNING; p++) {
        assert_int_equal(OPS(contract)->receive(contract.io, conns[p], true), 0);
        contract_until_received(&contract, conns[p], 60);
        assert_memory_equal(contract_conn(&contract, conns[p])->bytes, stream, 60);
    }
    contract_until_received(&contract, last, 1000);
    assert_memory_equal(contract_conn(&contract, last)->bytes, stream, 1000);
    for (uint32_t i = 0; i < 2; i++) {
        OPS(contract)->chunk_release(contract.io, chunks[i]);
    }
    for (uint32_t p = 0; p < PINNING; p++) {
        close(peers[p]);
    }
    close(peer);
    expect_nothing_held(&contract);
    contract_close(&contract);
}

static void a_reset_after_a_give_back_is_told_once(void **state)
{
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conn;

    (void)state;
    config.buffer_size = 256;
    contract_open(&contract, &config);
    contract_pattern(stream, 3000, 7);
    /* Paused and resumed; not paused; with a reply under way that fails. */
    for (uint32_t round = 0; round < 3; round++) {
        int peer = contract_accepted_peer(&contract, &conn);
        struct contract_conn *tracked = contract_conn(&contract, conn);
        assert_int_equal(send(peer, stream, 3000, MSG_NOSIGNAL), 3000);
        contract.quota = 10;
        contract_until_received(&contract, conn, 10);
        if (round == 0) {
            assert_int_equal(OPS(contract)->receive(contract.io, conn, false), 0);
            contract_poll(&contract, 0);
        }
        contract_peer_reset(peer);
        if (round == 0) {
            contract_poll_for_ms(&contract, 10);
            assert_int_equal(OPS(contract)->receive(contract.io, conn, true), 0);
        }
        if (round == 2) {
            assert_int_equal(OPS(contract)->send(contract.io, conn, "late", 4), 0);
        }
        contract.quota = 100;
        contract_until_closed(&contract, conn);
        assert_true(tracked->error == -ECONNRESET || tracked->error == -EPIPE);
        /* At least what the first event held, which was kept when the reset came. */
        assert_true(tracked->size >= 256);
        assert_int_equal(contract.quota_refused, 0);
        assert_memory_equal(tracked->bytes, stream, tracked->size);
        expect_nothing_held(&contract);
    }
    assert_int_equal(contract.closed, 3);
    contract_close(&contract);
}

/** Reset while a send waits in the kernel, which has to be got back first: kept bytes are told. */
static void a_reset_with_a_blocked_send_tells_all(void **state)
{
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conn;

    (void)state;
    contract_open(&contract, &config);
    contract_pattern(stream, 200, 10);
    for (uint32_t round = 0; round < 4; round++) {
        int peer = contract_accepted_peer(&contract, &conn);
        struct contract_conn *tracked = contract_conn(&contract, conn);
        (void)contract_fill(&contract, conn, stream, 10000);
        contract.quota = 10;
        assert_int_equal(send(peer, stream, 200, MSG_NOSIGNAL), 200);
        contract_until_received(&contract, conn, 10);
        contract_peer_reset(peer);
        contract_until_closed(&contract, conn);
        assert_int_equal(tracked->size, 200);
        assert_memory_equal(tracked->bytes, stream, 200);
        assert_int_equal(contract.quota_refused, 0);
        expect_nothing_held(&contract);
    }
    contract_close(&contract);
}

/** The peer has sent everything and its FIN, and is gone; replies fail while bytes are kept. */
static void a_failing_send_drops_nothing_given_back(void **state)
{
    /* Less and more than what epoll reads in one batch, so that EOF is seen before or after. */
    static const uint32_t SIZES[] = {700, 3000};
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conn;

    (void)state;
    config.buffer_size = 256;
    contract_open(&contract, &config);
    contract_pattern(stream, 3000, 9);
    for (uint32_t round = 0; round < 2; round++) {
        int peer = contract_accepted_peer(&contract, &conn);
        struct contract_conn *tracked = contract_conn(&contract, conn);
        assert_int_equal(send(peer, stream, SIZES[round], MSG_NOSIGNAL), SIZES[round]);
        close(peer);
        contract.quota = 50;
        while (!tracked->closed) {
            (void)OPS(contract)->send(contract.io, conn, "reply", 5);
            contract_poll(&contract, 1000000000ULL);
            wait_us(500); /* so that the answer to the first reply, a reset, comes in between */
        }
        assert_int_equal(tracked->size, SIZES[round]);
        assert_memory_equal(tracked->bytes, stream, SIZES[round]);
        assert_true(tracked->error == -EPIPE || tracked->error == -ECONNRESET);
        assert_int_equal(contract.quota_refused, 0);
        expect_nothing_held(&contract);
    }
    contract_close(&contract);
}

/** Replies go out until one has failed, which send() then says; nothing is told meanwhile. */
static void until_sending_broke(struct contract *contract, struct oc_conn conn)
{
    uint64_t deadline_ns = contract_clock_ns() + CONTRACT_PATIENCE_MS * 1000000ULL;
    size_t size = contract_conn(contract, conn)->size;

    while (OPS(*contract)->send(contract->io, conn, "reply", 5) == 0) {
        assert_true(contract_clock_ns() < deadline_ns);
        contract_poll(contract, 0);
        wait_us(200); /* so that the answer to the first reply, a reset, comes in between */
    }
    assert_false(contract_conn(contract, conn)->closed);
    assert_int_equal(contract_conn(contract, conn)->size, size);
}

/** Its peer sent `size` bytes and is gone; receiving is off, after the first bytes if `taken`. */
static struct oc_conn held_and_broken(struct contract *contract, uint32_t size, bool taken)
{
    struct oc_conn conn;
    int peer = contract_accepted_peer(contract, &conn);

    contract->quota = 50;
    if (!taken) {
        assert_int_equal(OPS(*contract)->receive(contract->io, conn, false), 0);
    }
    assert_int_equal(send(peer, stream, size, MSG_NOSIGNAL), size);
    if (taken) {
        contract_until_received(contract, conn, 50);
        assert_int_equal(OPS(*contract)->receive(contract->io, conn, false), 0);
    }
    close(peer);
    until_sending_broke(contract, conn);
    return conn;
}

static void a_send_that_fails_while_held_drops_nothing(void **state)
{
    /* Less and more than what is read in one batch, and in the kernel still or in part. */
    static const uint32_t SIZES[] = {700, 6000};
    struct oc_io_config config = contract_config();
    struct contract contract;

    (void)state;
    config.buffer_size = 256;
    contract_open(&contract, &config);
    contract_pattern(stream, 6000, 11);
    for (uint32_t round = 0; round < 8; round++) {
        uint32_t size = SIZES[round % 2];
        struct oc_conn conn = held_and_broken(&contract, size, round % 4 >= 2);
        struct contract_conn *tracked = contract_conn(&contract, conn);
        contract.quota = round < 4 ? 0 : 500;
        contract_poll(&contract, 0);
        assert_false(tracked->closed);
        assert_int_equal(OPS(contract)->receive(contract.io, conn, true), 0);
        contract_until_closed(&contract, conn);
        assert_int_equal(tracked->size, size);
        assert_memory_equal(tracked->bytes, stream, size);
        assert_true(tracked->error == -EPIPE || tracked->error == -ECONNRESET);
        assert_int_equal(contract.quota_refused, 0);
        expect_nothing_held(&contract);
    }
    contract_close(&contract);
}

/** OC_IO_FLUSH_TIMEOUT_NS after the failure it is over, and what was held with it. */
static void who_is_held_too_long_after_a_failed_send_is_closed(void **state)
{
    struct oc_io_config config = contract_config();
    struct contract contract;

    (void)state;
    config.buffer_size = 256;
    contract_open(&contract, &config);
    contract_pattern(stream, 6000, 12);
    struct oc_conn conn = held_and_broken(&contract, 6000, true);
    size_t size = contract_conn(&contract, conn)->size;
    contract_until_closed(&contract, conn);
    assert_int_equal(contract_conn(&contract, conn)->size, size);
    assert_int_equal(OPS(contract)->receive(contract.io, conn, true), -ENOTCONN);
    expect_nothing_held(&contract);
    contract_close(&contract);
}

/** Loopback may deliver late on a busy machine: waits for it, but lets nothing be received. */
static void until_has_input(const struct contract *contract, struct oc_conn conn)
{
    uint64_t deadline_ns = contract_clock_ns() + CONTRACT_PATIENCE_MS * 1000000ULL;

    while (!OPS(*contract)->has_input(contract->io, conn)) {
        assert_true(contract_clock_ns() < deadline_ns);
        wait_us(100);
    }
}

static void input_is_known_before_it_is_told(void **state)
{
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conn;
    struct oc_conn other;

    (void)state;
    contract_open(&contract, &config);
    contract_pattern(stream, 400, 13);
    int peer = contract_accepted_peer(&contract, &conn);
    int silent = contract_accepted_peer(&contract, &other);
    assert_false(OPS(contract)->has_input(contract.io, conn));
    /* With the kernel, because there was no poll(). */
    assert_int_equal(send(peer, stream, 100, MSG_NOSIGNAL), 100);
    until_has_input(&contract, conn);
    contract_until_received(&contract, conn, 100);
    assert_false(OPS(contract)->has_input(contract.io, conn));
    /* Given back, and kept by the next poll(). */
    contract.quota = 30;
    assert_int_equal(send(peer, stream + 100, 100, MSG_NOSIGNAL), 100);
    contract_until_received(&contract, conn, 130);
    assert_int_equal(OPS(contract)->receive(contract.io, conn, false), 0);
    contract_poll(&contract, 0);
    assert_true(OPS(contract)->has_input(contract.io, conn));
    contract.quota = 0;
    assert_int_equal(OPS(contract)->receive(contract.io, conn, true), 0);
    contract_until_received(&contract, conn, 200);
    assert_false(OPS(contract)->has_input(contract.io, conn));
    /* Held up. */
    assert_int_equal(OPS(contract)->receive(contract.io, conn, false), 0);
    assert_int_equal(send(peer, stream + 200, 200, MSG_NOSIGNAL), 200);
    contract_poll_for_ms(&contract, 5);
    until_has_input(&contract, conn);
    assert_false(OPS(contract)->has_input(contract.io, other));
    assert_int_equal(OPS(contract)->receive(contract.io, conn, true), 0);
    contract_until_received(&contract, conn, 400);
    assert_memory_equal(contract_conn(&contract, conn)->bytes, stream, 400);
    /* An end is no input, and who is gone has none. */
    assert_int_equal(shutdown(peer, SHUT_WR), 0);
    contract_until_eof(&contract, conn);
    assert_false(OPS(contract)->has_input(contract.io, conn));
    assert_int_equal(OPS(contract)->close(contract.io, conn, OC_IO_CLOSE_ABORT), 0);
    contract_until_closed(&contract, conn);
    assert_false(OPS(contract)->has_input(contract.io, conn));
    close(peer);
    close(silent);
    expect_nothing_held(&contract);
    contract_close(&contract);
}

/** There is room for one event: the others' bytes stay where they are. */
static void input_beyond_a_full_batch_is_known(void **state)
{
    enum { PEERS = 4 };
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conns[PEERS];
    int peers[PEERS];

    (void)state;
    contract_open(&contract, &config);
    for (uint32_t p = 0; p < PEERS; p++) {
        peers[p] = contract_accepted_peer(&contract, &conns[p]);
    }
    for (uint32_t p = 0; p < PEERS; p++) {
        assert_int_equal(send(peers[p], "order", 5, MSG_NOSIGNAL), 5);
        until_has_input(&contract, conns[p]);
    }
    contract.capacity = 1;
    for (uint32_t told = 0; told < PEERS;) {
        told += contract_poll(&contract, 1000000000ULL) > 0;
        for (uint32_t p = 0; p < PEERS; p++) {
            bool is_told = contract_conn(&contract, conns[p])->size == 5;
            assert_int_equal(OPS(contract)->has_input(contract.io, conns[p]), !is_told);
        }
    }
    for (uint32_t p = 0; p < PEERS; p++) {
        close(peers[p]);
    }
    contract_close(&contract);
}

static jmp_buf asserted;

static void catch_assertion(void)
{
    longjmp(asserted, 1);
}

/** Two events of one connection in one batch; returns after the first of `steps` that asserts. */
static void misuse(uint32_t step)
{
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conn;
    struct oc_io_event events[8];
    uint64_t now_ns;
    volatile bool failed = false;

    config.buffer_size = 64;
    contract_open(&contract, &config);
    int peer = contract_accepted_peer(&contract, &conn);
    assert_int_equal(send(peer, stream, 128, MSG_NOSIGNAL), 128);
    wait_us(2000); /* so that both events come in one batch */
    int count = OPS(contract)->poll(contract.io, events, 8, 1000000000ULL, &now_ns);
    assert_int_equal(count, 2);
    oc_assert_set_hook(catch_assertion);
    if (setjmp(asserted) != 0) {
        failed = true;
    } else if (step == 0) { /* not the end of the event */
        (void)OPS(contract)->unreceive(contract.io, conn, events[0].bytes, 63);
    } else if (step == 1) { /* the same bytes twice */
        (void)OPS(contract)->unreceive(contract.io, conn, events[1].bytes, 64);
        (void)OPS(contract)->unreceive(contract.io, conn, events[1].bytes + 1, 63);
    } else if (step == 2) { /* the second event was taken: a hole */
        (void)OPS(contract)->unreceive(contract.io, conn, events[0].bytes, 64);
        (void)OPS(contract)->poll(contract.io, events, 8, 0, &now_ns);
    } else if (step == 3) { /* taken in part: a hole all the same */
        (void)OPS(contract)->unreceive(contract.io, conn, events[0].bytes, 64);
        (void)OPS(contract)->unreceive(contract.io, conn, events[1].bytes + 10, 54);
        (void)OPS(contract)->poll(contract.io, events, 8, 0, &now_ns);
    } else { /* in the other order: right */
        assert_int_equal(
            OPS(contract)->unreceive(contract.io, conn, events[1].bytes, events[1].size), 0);
        assert_int_equal(OPS(contract)->unreceive(contract.io, conn, events[0].bytes + 14, 50), 0);
    }
    oc_assert_set_hook(NULL);
    assert_int_equal(failed, step < 4);
    if (!failed) {
        contract_until_received(&contract, conn, 114);
        assert_memory_equal(contract_conn(&contract, conn)->bytes, stream + 14, 114);
    }
    close(peer);
    contract_close(&contract);
}

static void misuse_is_asserted(void **state)
{
    (void)state;
    contract_pattern(stream, 128, 8);
    for (uint32_t step = 0; step < 5; step++) {
        misuse(step);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_quota_gets_the_same_stream),
        cmocka_unit_test(any_quota_pause_and_batch),
        cmocka_unit_test(given_back_bytes_wait_for_the_resume),
        cmocka_unit_test(close_drops_what_was_given_back),
        cmocka_unit_test(adopted_bytes_can_be_given_back),
        cmocka_unit_test(floods_take_no_more_than_their_share),
        cmocka_unit_test(paused_ones_with_given_back_bytes_starve_nobody),
        cmocka_unit_test(all_buffers_given_back),
        cmocka_unit_test(a_reset_after_a_give_back_is_told_once),
        cmocka_unit_test(a_reset_with_a_blocked_send_tells_all),
        cmocka_unit_test(a_failing_send_drops_nothing_given_back),
        cmocka_unit_test(a_send_that_fails_while_held_drops_nothing),
        cmocka_unit_test(who_is_held_too_long_after_a_failed_send_is_closed),
        cmocka_unit_test(input_is_known_before_it_is_told),
        cmocka_unit_test(input_beyond_a_full_batch_is_known),
        cmocka_unit_test(misuse_is_asserted),
    };

    return contract_run(tests, sizeof(tests) / sizeof(tests[0]));
}

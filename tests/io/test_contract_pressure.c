/*
 * Goal: when something runs out (out-bytes, chunks, receive buffers, queue entries, room in the
 * batch, descriptors) every backend refuses in the way the contract says, loses nothing, and
 * recovers. Method: tiny limits, many connections, peers that do not read, on loopback. Fails if: a
 * byte is lost or moved, DRAINED is missing or too early, a pool does not come back to what it was,
 * one connection's trouble stops another, or the process spins.
 */
#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/contract.h"

#define OPS(contract) ((contract).ops)
#define PIECE_BYTES   1000U

static uint8_t bytes[1U << 22];

static void refused_then_drained(void **state)
{
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conn;
    uint64_t taken;

    (void)state;
    config.out_bytes_max = 64 * 1024;
    contract_open(&contract, &config);
    int peer = contract_accepted_peer(&contract, &conn);
    struct contract_conn *tracked = contract_conn(&contract, conn);
    memset(bytes, 'x', sizeof(bytes));
    assert_int_equal(OPS(contract)->send(contract.io, conn, bytes, 64 * 1024 + 1), -EMSGSIZE);
    assert_int_equal(OPS(contract)->send(contract.io, conn, bytes, 0), 0);
    taken = contract_fill(&contract, conn, bytes, PIECE_BYTES);
    while (OPS(contract)->send(contract.io, conn, bytes, PIECE_BYTES) == 0) {
        taken += PIECE_BYTES;
    }
    uint32_t owed = OPS(contract)->owed(contract.io, conn);
    assert_true(owed > 63 * 1024 && owed <= 64 * 1024);
    uint32_t drained = tracked->drained;
    contract_poll_for_ms(&contract, 20);
    assert_int_equal(tracked->drained, drained); /* nobody has read: too early */

    uint64_t read_bytes = 0;
    int end;
    while (tracked->drained == drained) {
        read_bytes += contract_peer_read(&contract, peer, bytes, 4096, &end);
        assert_int_equal(end, 0);
    }
    assert_int_equal(tracked->drained, drained + 1);
    assert_true(OPS(contract)->owed(contract.io, conn) <= 32 * 1024);
    while (read_bytes < taken) {
        uint64_t left = taken - read_bytes;
        read_bytes += contract_peer_read(&contract, peer, bytes,
                                         left < sizeof(bytes) ? left : sizeof(bytes), &end);
        assert_int_equal(end, 0);
    }
    contract_poll_for_ms(&contract, 10);
    assert_int_equal(tracked->drained, drained + 1); /* once for each refusal */
    assert_int_equal(OPS(contract)->owed(contract.io, conn), 0);
    assert_true(contract_stats(&contract).refused_sends > 0);
    assert_true(contract_stats(&contract).short_sends > 0);
    assert_true(contract_stats(&contract).sent_bytes == taken);
    /* Having been blocked once must not hold up what comes later. */
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(OPS(contract)->send(contract.io, conn, "later", 5), 0);
        contract_peer_expect(&contract, peer, "later", 5);
    }
    close(peer);
    contract_close(&contract);
}

static void a_slow_reader_gets_everything_in_order(void **state)
{
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conn;
    size_t sent = 0;
    size_t received = 0;
    static uint8_t got[sizeof(bytes)];

    (void)state;
    config.out_bytes_max = 100000;
    contract_open(&contract, &config);
    int peer = contract_accepted_peer(&contract, &conn);
    contract_pattern(bytes, sizeof(bytes), 1);
    while (received < sizeof(bytes)) {
        size_t piece = 1 + (sent * 7919) % 5000;
        piece = piece < sizeof(bytes) - sent ? piece : sizeof(bytes) - sent;
        if (piece > 0 &&
            OPS(contract)->send(contract.io, conn, bytes + sent, (uint32_t)piece) == 0) {
            sent += piece;
            continue;
        }
        contract_poll(&contract, 0);
        ssize_t some = recv(peer, got + received, 30000, MSG_DONTWAIT);
        if (some > 0) {
            received += (size_t)some;
        } else {
            assert_int_equal(errno, EAGAIN);
        }
    }
    assert_memory_equal(got, bytes, sizeof(bytes));
    contract_poll_for_ms(&contract, 5);
    assert_int_equal(contract_stats(&contract).chunks_used, 0);
    close(peer);
    contract_close(&contract);
}

static void one_shared_chunk_reaches_a_hundred(void **state)
{
    enum { PEERS = 100 };
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conns[PEERS];
    int peers[PEERS];
    uint32_t chunk;
    uint8_t *shared;

    (void)state;
    contract_open(&contract, &config);
    for (uint32_t p = 0; p < PEERS; p++) {
        peers[p] = contract_accepted_peer(&contract, &conns[p]);
    }
    assert_int_equal(OPS(contract)->chunk_open(contract.io, &chunk, &shared), 0);
    contract_pattern(shared, OC_IO_CHUNK_BYTES, 2);
    memcpy(bytes + 10, shared, OC_IO_CHUNK_BYTES);
    memcpy(bytes, "own bytes:", 10);
    memcpy(bytes + 10 + OC_IO_CHUNK_BYTES, "again", 5);
    for (uint32_t p = 0; p < PEERS; p++) {
        bool after_own = p % 2 == 0;
        if (after_own) {
            assert_int_equal(OPS(contract)->send(contract.io, conns[p], "own bytes:", 10), 0);
        }
        /* Three pieces that follow each other, of which one is small enough to be copied. */
        assert_int_equal(OPS(contract)->send_shared(contract.io, conns[p], chunk, 0, 100), 0);
        assert_int_equal(OPS(contract)->send_shared(contract.io, conns[p], chunk, 100, 2000), 0);
        assert_int_equal(OPS(contract)->send_shared(contract.io, conns[p], chunk, 2100,
                                                    OC_IO_CHUNK_BYTES - 2100),
                         0);
        assert_int_equal(OPS(contract)->send(contract.io, conns[p], "again", 5), 0);
    }
    OPS(contract)->chunk_release(contract.io, chunk);
    assert_true(contract_stats(&contract).chunks_used <= 2 * PEERS + 1);
    for (uint32_t p = 0; p < PEERS; p++) {
        uint32_t skip = p % 2 == 0 ? 0 : 10;
        contract_peer_expect(&contract, peers[p], bytes + skip, OC_IO_CHUNK_BYTES + 15 - skip);
    }
    contract_poll(&contract, 0);
    contract_poll(&contract, 0);
    assert_int_equal(contract_stats(&contract).chunks_used, 0);
    assert_true(contract_stats(&contract).send_count <= 2 * PEERS);
    for (uint32_t p = 0; p < PEERS; p++) {
        close(peers[p]);
    }
    contract_close(&contract);
}

static void who_owes_most_makes_room(void **state)
{
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn hog;
    struct oc_conn lesser;
    struct oc_conn innocent;
    struct oc_conn most = {0};
    uint32_t chunk;
    uint8_t *shared;

    (void)state;
    config.chunk_count = 16;
    contract_open(&contract, &config);
    assert_int_equal(OPS(contract)->owed_most(contract.io, &most), 0);
    int hog_peer = contract_accepted_peer(&contract, &hog);
    int lesser_peer = contract_accepted_peer(&contract, &lesser);
    int innocent_peer = contract_accepted_peer(&contract, &innocent);
    contract_fill(&contract, hog, bytes, 7 * OC_IO_CHUNK_BYTES);
    while (OPS(contract)->send(contract.io, hog, bytes, OC_IO_CHUNK_BYTES) == 0) {
    }
    assert_int_equal(OPS(contract)->send(contract.io, lesser, bytes, 200), -ENOBUFS);
    assert_int_equal(OPS(contract)->send(contract.io, innocent, "answer", 6), -ENOBUFS);
    assert_int_equal(OPS(contract)->chunk_open(contract.io, &chunk, &shared), -ENOBUFS);
    contract_poll_for_ms(&contract, 20);
    assert_int_equal(contract_conn(&contract, innocent)->drained, 0);
    assert_int_equal(contract_stats(&contract).chunks_used, 16);
    assert_true(OPS(contract)->owed_most(contract.io, &most) > 8 * OC_IO_CHUNK_BYTES);
    assert_int_equal(most.index, hog.index);
    assert_int_equal(most.generation, hog.generation);

    assert_int_equal(OPS(contract)->close(contract.io, most, OC_IO_CLOSE_ABORT), 0);
    contract_until(&contract, &contract_conn(&contract, innocent)->drained, 1);
    contract_until(&contract, &contract_conn(&contract, lesser)->drained, 1);
    assert_int_equal(OPS(contract)->send(contract.io, innocent, "answer", 6), 0);
    contract_peer_expect(&contract, innocent_peer, "answer", 6);
    contract_poll_for_ms(&contract, 5);
    assert_int_equal(contract_stats(&contract).chunks_used, 0);
    close(hog_peer);
    close(lesser_peer);
    close(innocent_peer);
    contract_close(&contract);
}

/** Everyone sends at once and must get all of it back. */
static void echo_rounds(struct contract *contract, uint32_t peer_count, uint32_t size,
                        uint32_t rounds)
{
    int peers[200];
    struct oc_conn conn;

    contract->echo = true;
    for (uint32_t p = 0; p < peer_count; p++) {
        peers[p] = contract_accepted_peer(contract, &conn);
    }
    for (uint32_t round = 0; round < rounds; round++) {
        for (uint32_t p = 0; p < peer_count; p++) {
            contract_pattern(bytes, size, p + round);
            contract_peer_write(contract, peers[p], bytes, size);
        }
        for (uint32_t p = 0; p < peer_count; p++) {
            contract_pattern(bytes, size, p + round);
            contract_peer_expect(contract, peers[p], bytes, size);
        }
    }
    contract_poll(contract, 0);
    assert_int_equal(contract_stats(contract).chunks_used, 0);
    assert_int_equal(contract_stats(contract).buffers_used, 0);
    for (uint32_t p = 0; p < peer_count; p++) {
        close(peers[p]);
    }
}

static void two_buffers_serve_twenty(void **state)
{
    struct oc_io_config config = contract_config();
    struct contract contract;

    (void)state;
    config.buffer_count = 2;
    config.buffer_size = 64;
    contract_open(&contract, &config);
    echo_rounds(&contract, 20, 4000, 3);
    assert_true(contract_stats(&contract).buffer_starved > 0);
    contract_close(&contract);
}

static void four_entries_serve_a_hundred(void **state)
{
    struct oc_io_config config = contract_config();
    struct contract contract;

    (void)state;
    config.queue_depth = 4;
    contract_open(&contract, &config);
    echo_rounds(&contract, 100, 700, 5);
    contract_close(&contract);
}

static void everything_is_tiny(void **state)
{
    struct oc_io_config config = contract_config();
    struct contract contract;

    (void)state;
    config.queue_depth = 4;
    config.buffer_count = 2;
    config.buffer_size = 64;
    contract_open(&contract, &config);
    contract.capacity = 1;
    echo_rounds(&contract, 40, 300, 3);
    contract_close(&contract);
}

static void waiting_for_buffers_is_no_waiting_for_time(void **state)
{
    enum { IDLE = 18 };
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn flooding;
    struct oc_conn conn;
    int peers[IDLE];

    (void)state;
    config.buffer_count = 2;
    config.buffer_size = 64;
    config.queue_depth = 4; /* so that receives are armed while the flood has both buffers */
    contract_open(&contract, &config);
    int flood = contract_accepted_peer(&contract, &flooding);
    contract_pattern(bytes, 20000, 5);
    assert_int_equal(send(flood, bytes, 20000, MSG_NOSIGNAL), 20000);
    /* These find no buffer when they come, and have nothing to say; only the last one has. */
    for (uint32_t p = 0; p < IDLE; p++) {
        peers[p] = contract_peer(&contract);
    }
    uint32_t wanted = IDLE + 1;
    while (contract.accepted < wanted) {
        contract_poll(&contract, 2000000000ULL);
    }
    conn = contract.last;
    assert_int_equal(send(peers[IDLE - 1], "now", 3, MSG_NOSIGNAL), 3);
    uint64_t start_ns = contract_clock_ns();
    while (contract_conn(&contract, conn)->size < 3 ||
           contract_conn(&contract, flooding)->size < 20000) {
        contract_poll(&contract, 2000000000ULL);
    }
    assert_true(contract_clock_ns() - start_ns < 1000000000ULL);
    assert_memory_equal(contract_conn(&contract, flooding)->bytes, bytes, 20000);
    close(flood);
    for (uint32_t p = 0; p < IDLE; p++) {
        close(peers[p]);
    }
    contract_close(&contract);
}

/** A send that falls short is found out however late its completion is looked at. */
static void a_full_batch_hides_no_short_send(void **state)
{
    enum { OTHERS = 20, REFUSALS = 20, PIECE = 16384 };
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn slow;
    struct oc_conn conn;
    int others[OTHERS];
    uint64_t sent = 0;
    uint64_t received = 0;
    static uint8_t got[8 * PIECE];

    (void)state;
    contract_open(&contract, &config);
    int peer = contract_accepted_peer(&contract, &slow);
    for (uint32_t p = 0; p < OTHERS; p++) {
        others[p] = contract_accepted_peer(&contract, &conn);
    }
    contract.capacity = 1;
    contract_pattern(bytes, sizeof(bytes), 8); /* sent over and over, in pieces that divide it */
    uint64_t deadline_ns = contract_clock_ns() + CONTRACT_PATIENCE_MS * 1000000ULL;
    for (uint32_t refused = 0, turn = 0; refused < REFUSALS || received < sent; turn++) {
        assert_true(contract_clock_ns() < deadline_ns);
        bool more = refused < REFUSALS;
        int rc = !more
                     ? -ENOBUFS
                     : OPS(contract)->send(contract.io, slow, bytes + sent % sizeof(bytes), PIECE);
        sent += rc == 0 ? PIECE : 0;
        (void)send(others[turn % OTHERS], "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        contract_poll(&contract, 0);
        if (rc == 0) {
            continue;
        }
        refused++;
        size_t offset = received % sizeof(bytes);
        size_t room = sizeof(bytes) - offset;
        ssize_t some = recv(peer, got, room < sizeof(got) ? room : sizeof(got), MSG_DONTWAIT);
        if (some > 0) {
            assert_memory_equal(got, bytes + offset, (size_t)some);
            received += (uint64_t)some;
        }
    }
    assert_true(received == sent);
    contract.capacity = OC_IO_EVENTS_MAX;
    contract_poll_for_ms(&contract, 5);
    assert_true(contract_stats(&contract).short_sends > 0);
    assert_int_equal(contract_stats(&contract).chunks_used, 0);
    close(peer);
    for (uint32_t p = 0; p < OTHERS; p++) {
        close(others[p]);
    }
    contract_close(&contract);
}

static void paused_connections_starve_nobody(void **state)
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
    contract_pattern(bytes, 20000, 3);
    for (uint32_t p = 0; p < PAUSED; p++) {
        peers[p] = contract_accepted_peer(&contract, &conns[p]);
        /* Off before the bytes are there, so that it is the backend that has to keep them. */
        assert_int_equal(send(peers[p], bytes, 20000, MSG_NOSIGNAL), 20000);
        assert_int_equal(OPS(contract)->receive(contract.io, conns[p], false), 0);
    }
    int peer = contract_accepted_peer(&contract, &healthy);
    contract.echo = true;
    for (uint32_t i = 0; i < 50; i++) {
        contract_peer_write(&contract, peer, "through", 7);
        contract_peer_expect(&contract, peer, "through", 7);
    }
    contract.echo = false;
    for (uint32_t p = 0; p < PAUSED; p++) {
        assert_int_equal(contract_conn(&contract, conns[p])->size, 0);
        assert_int_equal(OPS(contract)->receive(contract.io, conns[p], true), 0);
        contract_until_received(&contract, conns[p], 20000);
        assert_memory_equal(contract_conn(&contract, conns[p])->bytes, bytes, 20000);
        close(peers[p]);
    }
    close(peer);
    contract_close(&contract);
}

static void no_descriptor_left_is_survived(void **state)
{
    enum { LIMIT = 64 };
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conn;
    struct rlimit limit;
    int peers[3];
    int fillers[LIMIT];
    uint32_t filler_count = 0;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    struct rlimit low = {.rlim_cur = LIMIT, .rlim_max = limit.rlim_max};
    /* Before anything is armed: io_uring looks at the limit when it arms the accept. */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    contract_open(&contract, &config);
    int first = contract_accepted_peer(&contract, &conn);
    for (uint32_t i = 0; i < 3; i++) {
        peers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(peers[i] >= 0);
    }
    while ((fillers[filler_count] = dup(first)) >= 0) {
        filler_count++;
    }
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(
            connect(peers[i], (struct sockaddr *)&contract.address.storage, contract.address.size),
            0);
    }
    contract_until(&contract, &contract.accept_failed, 1);
    assert_int_equal(contract.accept_error, -EMFILE);
    uint64_t calls = contract_stats(&contract).system_calls;
    contract_poll_for_ms(&contract, 300);
    assert_true(contract_stats(&contract).system_calls - calls < 50);
    contract.echo = true;
    contract_peer_write(&contract, first, "alive", 5);
    contract_peer_expect(&contract, first, "alive", 5);
    while (filler_count > 0) {
        close(fillers[--filler_count]);
    }
    contract_until(&contract, &contract.accepted, 4);
    close(first);
    for (uint32_t i = 0; i < 3; i++) {
        close(peers[i]);
    }
    contract_close(&contract);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void bad_configs_are_refused(void **state)
{
    struct oc_io_config good = contract_config();
    struct oc_arena arena;
    struct oc_io *io = NULL;

    (void)state;
    oc_arena_init(&arena);
    good.arena = &arena;
    struct oc_io_config bad[8];
    for (uint32_t i = 0; i < 8; i++) {
        bad[i] = good;
    }
    bad[0].connections_max = 0;
    bad[1].connections_max = (1U << 20) + 1;
    bad[2].queue_depth = 48;
    bad[3].buffer_count = 3;
    bad[4].buffer_size = 63;
    bad[5].chunk_count = 1;
    bad[6].out_bytes_max = 0;
    bad[7].arena = NULL;
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(contract_ops->open(&bad[i], &io), -EINVAL);
        assert_null(io);
    }
    oc_arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_then_drained),
        cmocka_unit_test(a_slow_reader_gets_everything_in_order),
        cmocka_unit_test(one_shared_chunk_reaches_a_hundred),
        cmocka_unit_test(who_owes_most_makes_room),
        cmocka_unit_test(two_buffers_serve_twenty),
        cmocka_unit_test(four_entries_serve_a_hundred),
        cmocka_unit_test(everything_is_tiny),
        cmocka_unit_test(waiting_for_buffers_is_no_waiting_for_time),
        cmocka_unit_test(a_full_batch_hides_no_short_send),
        cmocka_unit_test(paused_connections_starve_nobody),
        cmocka_unit_test(no_descriptor_left_is_survived),
        cmocka_unit_test(bad_configs_are_refused),
    };

    return contract_run(tests, sizeof(tests) / sizeof(tests[0]));
}

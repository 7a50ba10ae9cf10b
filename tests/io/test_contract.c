/*
 * Goal: connections and bytes are the same on every backend.
 * Method: one backend in this thread against real sockets on loopback (support/contract.h).
 * Fails if: a byte is lost, doubled or out of order, an event comes too early, too late, twice or
 * never, a close does not do to the peer what it promises, or a stale handle does anything.
 */
#define _GNU_SOURCE /* SOCK_CLOEXEC and friends */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/contract.h"

#define OPS(contract) ((contract).ops)
#define LARGE_BYTES   200000U

static uint8_t large[LARGE_BYTES];

static void accepted_carries_tag_and_peer(void **state)
{
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_io_address other;
    struct oc_io_address own = {.size = sizeof(own.storage)};
    struct oc_conn conn;
    char text[OC_IO_ADDRESS_TEXT_BYTES];
    char expected[OC_IO_ADDRESS_TEXT_BYTES];

    (void)state;
    contract_open(&contract, &config);
    int other_fd = contract_listener(&other);
    assert_int_equal(OPS(contract)->listen(contract.io, other_fd, 99), 0);
    int peer = contract_accepted_peer(&contract, &conn);
    assert_int_equal(contract_conn(&contract, conn)->tag, CONTRACT_TAG);
    assert_int_equal(getsockname(peer, (struct sockaddr *)&own.storage, &own.size), 0);
    assert_int_equal(oc_io_address_text(&own, expected, sizeof(expected)), 0);
    assert_int_equal(OPS(contract)->peer(contract.io, conn, text, sizeof(text)), 0);
    assert_string_equal(text, expected);
    assert_int_equal(OPS(contract)->peer(contract.io, conn, text, 4), -ENOSPC);

    struct oc_io_address first = contract.address;
    contract.address = other;
    int second = contract_accepted_peer(&contract, &conn);
    assert_int_equal(contract_conn(&contract, conn)->tag, 99);
    contract.address = first;
    assert_int_equal(OPS(contract)->unlisten(contract.io, 99), 0);
    close(other_fd);
    close(peer);
    close(second);
    contract_close(&contract);
}

static void listen_knows_its_limits(void **state)
{
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_io_address address;
    int fds[64];

    (void)state;
    contract_open(&contract, &config);
    fds[0] = contract_listener(&address);
    assert_int_equal(OPS(contract)->listen(contract.io, fds[0], CONTRACT_TAG), -EEXIST);
    assert_int_equal(OPS(contract)->unlisten(contract.io, 12345), -ENOENT);
    for (uint32_t i = 1; i < 64; i++) {
        fds[i] = contract_listener(&address);
        assert_int_equal(OPS(contract)->listen(contract.io, fds[i], 1000 + i), 0);
    }
    assert_int_equal(OPS(contract)->listen(contract.io, fds[0], 5000), -ENOSPC);
    contract_poll(&contract, 0);
    for (uint32_t i = 1; i < 64; i++) {
        assert_int_equal(OPS(contract)->unlisten(contract.io, 1000 + i), 0);
        close(fds[i]);
    }
    contract_poll(&contract, 0);
    assert_int_equal(OPS(contract)->listen(contract.io, fds[0], 5000), 0);
    assert_int_equal(OPS(contract)->unlisten(contract.io, 5000), 0);
    close(fds[0]);
    contract_close(&contract);
}

static void unlisten_stops_accepting(void **state)
{
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conn;

    (void)state;
    contract_open(&contract, &config);
    contract.echo = true;
    int peer = contract_accepted_peer(&contract, &conn);
    assert_int_equal(OPS(contract)->unlisten(contract.io, CONTRACT_TAG), 0);
    close(contract.listen_fd);
    contract.listen_fd = -1;
    /* Without a poll in between: nothing may keep the closed listener alive. */
    int late = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(
        connect(late, (struct sockaddr *)&contract.address.storage, contract.address.size), -1);
    assert_int_equal(errno, ECONNREFUSED);
    contract_poll_for_ms(&contract, 10);
    assert_int_equal(contract.accepted, 1);
    contract_peer_write(&contract, peer, "still here", 10);
    contract_peer_expect(&contract, peer, "still here", 10);
    close(late);
    close(peer);
    contract_close(&contract);
}

static void a_connection_that_came_too_late_is_let_go(void **state)
{
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conn;
    char byte;
    int end;

    (void)state;
    contract_open(&contract, &config);
    contract_poll(&contract, 0);
    uint32_t fds = contract_fd_count();
    int peer = contract_peer(&contract);
    int late = contract_peer(&contract);
    contract.capacity = 1; /* the kernel may accept both, only one is told */
    contract_until(&contract, &contract.accepted, 1);
    conn = contract.last;
    assert_int_equal(OPS(contract)->unlisten(contract.io, CONTRACT_TAG), 0);
    close(contract.listen_fd);
    contract.listen_fd = -1;
    contract.capacity = OC_IO_EVENTS_MAX;
    contract_poll_for_ms(&contract, 5);
    assert_int_equal(contract.accepted, 1);
    assert_int_equal(contract_peer_read(&contract, late, &byte, 1, &end), 0);
    assert_int_not_equal(end, 0);
    contract.echo = true;
    contract_peer_write(&contract, peer, "in time", 7);
    contract_peer_expect(&contract, peer, "in time", 7);
    assert_int_equal(OPS(contract)->close(contract.io, conn, OC_IO_CLOSE_ABORT), 0);
    contract_until_closed(&contract, conn);
    close(peer);
    close(late);
    assert_int_equal(contract_fd_count(), fds - 1); /* the listener */
    contract_close(&contract);
}

static void listening_again_takes_those_that_waited(void **state)
{
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conn;

    (void)state;
    contract_open(&contract, &config);
    int first = contract_accepted_peer(&contract, &conn);
    assert_int_equal(OPS(contract)->unlisten(contract.io, CONTRACT_TAG), 0);
    int waiting = contract_peer(&contract);
    contract_poll_for_ms(&contract, 20);
    assert_int_equal(contract.accepted, 1);
    assert_int_equal(OPS(contract)->listen(contract.io, contract.listen_fd, 8), 0);
    contract_until(&contract, &contract.accepted, 2);
    assert_int_equal(contract_conn(&contract, contract.last)->tag, 8);
    assert_int_equal(OPS(contract)->unlisten(contract.io, 8), 0);
    close(first);
    close(waiting);
    contract_close(&contract);
}

static void connect_reaches_a_listener(void **state)
{
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_io_address address;
    struct oc_conn conn;
    int value = 0;
    socklen_t size = sizeof(value);

    (void)state;
    contract_open(&contract, &config);
    int listener = contract_listener(&address);
    assert_int_equal(OPS(contract)->connect(contract.io, (const struct sockaddr *)&address.storage,
                                            address.size, "reno", 77, &conn),
                     0);
    contract_until(&contract, &contract.connected, 1);
    assert_int_equal(contract_conn(&contract, conn)->error, 0);
    assert_int_equal(contract_conn(&contract, conn)->tag, 77);
    int peer = accept(listener, NULL, NULL);
    assert_true(peer >= 0);
    assert_int_equal(OPS(contract)->send(contract.io, conn, "hello", 5), 0);
    contract_peer_expect(&contract, peer, "hello", 5);
    contract_peer_write(&contract, peer, "goodbye", 7);
    contract_until_received(&contract, conn, 7);
    assert_memory_equal(contract_conn(&contract, conn)->bytes, "goodbye", 7);
    /* The listener's settings are inherited. */
    assert_int_equal(getsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &value, &size), 0);
    assert_int_equal(value, 1);
    close(peer);
    close(listener);
    contract_close(&contract);
}

static void connect_is_refused(void **state)
{
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_io_address address;
    struct oc_conn conn;

    (void)state;
    contract_open(&contract, &config);
    int listener = contract_listener(&address);
    close(listener);
    assert_int_equal(OPS(contract)->connect(contract.io, (const struct sockaddr *)&address.storage,
                                            address.size, NULL, 78, &conn),
                     0);
    assert_int_equal(OPS(contract)->send(contract.io, conn, "x", 1), -ENOTCONN);
    contract_until_closed(&contract, conn);
    assert_int_equal(contract.connected, 1);
    assert_int_equal(contract_conn(&contract, conn)->error, -ECONNREFUSED);
    assert_int_equal(contract_stats(&contract).connections, 0);
    /* A close before the answer: CLOSED and nothing else. */
    assert_int_equal(OPS(contract)->connect(contract.io, (const struct sockaddr *)&address.storage,
                                            address.size, NULL, 79, &conn),
                     0);
    contract_conn(&contract, conn)->open = true;
    contract_conn(&contract, conn)->closed = false;
    contract_conn(&contract, conn)->handle = conn;
    assert_int_equal(OPS(contract)->close(contract.io, conn, OC_IO_CLOSE_FLUSH), 0);
    contract_until_closed(&contract, conn);
    assert_int_equal(contract.connected, 1);
    assert_int_equal(OPS(contract)->connect(contract.io, (const struct sockaddr *)&address.storage,
                                            address.size, "no-such-control", 80, &conn),
                     -ENOENT);
    contract_close(&contract);
}

static void adopt_delivers_unread_bytes_first(void **state)
{
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conn;
    int pair[2];

    (void)state;
    config.buffer_size = 16384;
    contract_open(&contract, &config);
    contract_pattern(large, 12000, 3);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(OPS(contract)->adopt(contract.io, pair[0], 5, large, 16385, &conn), -EINVAL);
    contract_peer_write(&contract, pair[1], large + 9000, 3000);
    assert_int_equal(OPS(contract)->adopt(contract.io, pair[0], 5, large, 9000, &conn), 0);
    struct contract_conn *tracked = contract_conn(&contract, conn);
    *tracked = (struct contract_conn){.handle = conn, .open = true};
    assert_int_equal(OPS(contract)->receive(contract.io, conn, false), 0);
    contract_poll_for_ms(&contract, 10);
    assert_int_equal(tracked->size, 0);
    assert_int_equal(OPS(contract)->receive(contract.io, conn, true), 0);
    contract_until_received(&contract, conn, 12000);
    assert_memory_equal(tracked->bytes, large, 12000);
    close(pair[1]);
    contract_until_eof(&contract, conn);
    assert_int_equal(OPS(contract)->close(contract.io, conn, OC_IO_CLOSE_FLUSH), 0);
    contract_until_closed(&contract, conn);
    assert_int_equal(contract_stats(&contract).chunks_used, 0);
    contract_close(&contract);
}

static void echoes_many_sizes(void **state)
{
    static const uint32_t SIZES[] = {1,    2,    63,   64,    65,    2047,  2048,   2049,
                                     4095, 4096, 4097, 16384, 65535, 65536, 100001, LARGE_BYTES};
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conn;

    (void)state;
    contract_open(&contract, &config);
    contract.echo = true;
    int peer = contract_accepted_peer(&contract, &conn);
    for (uint32_t i = 0; i < sizeof(SIZES) / sizeof(SIZES[0]); i++) {
        contract_pattern(large, SIZES[i], i);
        contract_peer_write(&contract, peer, large, SIZES[i]);
        contract_peer_expect(&contract, peer, large, SIZES[i]);
    }
    contract_poll(&contract, 0);
    assert_int_equal(OPS(contract)->owed(contract.io, conn), 0);
    assert_int_equal(contract_stats(&contract).chunks_used, 0);
    close(peer);
    contract_close(&contract);
}

static void fragments_stay_in_order(void **state)
{
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conn;
    const int one = 1;

    (void)state;
    contract_open(&contract, &config);
    contract.echo = true;
    int peer = contract_accepted_peer(&contract, &conn);
    assert_int_equal(setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)), 0);
    contract_pattern(large, 600, 9);
    for (uint32_t i = 0; i < 600; i++) {
        contract_peer_write(&contract, peer, large + i, 1);
        if (i % 3 == 0) {
            contract_poll(&contract, 0);
        }
    }
    contract_peer_expect(&contract, peer, large, 600);
    close(peer);
    contract_close(&contract);
}

static void one_byte_at_a_time_inside(void **state)
{
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conn;

    (void)state;
    config.test_short_io = true;
    contract_open(&contract, &config);
    contract.echo = true;
    int peer = contract_accepted_peer(&contract, &conn);
    contract_pattern(large, 3000, 10);
    contract_peer_write(&contract, peer, large, 3000);
    contract_peer_expect(&contract, peer, large, 3000);
    assert_true(contract_stats(&contract).received_count == 3000);
    assert_true(contract_stats(&contract).send_count == 3000);
    close(peer);
    contract_close(&contract);
}

static void many_connections_keep_their_bytes_apart(void **state)
{
    enum { PEERS = 50, NUMBERS = 2000 };
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conns[PEERS];
    int peers[PEERS];
    static uint32_t numbers[PEERS][NUMBERS];

    (void)state;
    contract_open(&contract, &config);
    contract.echo = true;
    for (uint32_t p = 0; p < PEERS; p++) {
        peers[p] = contract_accepted_peer(&contract, &conns[p]);
        for (uint32_t n = 0; n < NUMBERS; n++) {
            numbers[p][n] = p << 16 | n;
        }
    }
    for (uint32_t p = 0; p < PEERS; p++) {
        contract_peer_write(&contract, peers[p], numbers[p], sizeof(numbers[p]));
    }
    for (uint32_t p = 0; p < PEERS; p++) {
        contract_peer_expect(&contract, peers[p], numbers[p], sizeof(numbers[p]));
        close(peers[p]);
    }
    contract_close(&contract);
}

static void receive_off_holds_bytes_and_eof(void **state)
{
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conn;

    (void)state;
    contract_open(&contract, &config);
    int peer = contract_accepted_peer(&contract, &conn);
    struct contract_conn *tracked = contract_conn(&contract, conn);
    contract_pattern(large, LARGE_BYTES, 4);
    contract_peer_write(&contract, peer, large, 1000);
    contract_until_received(&contract, conn, 1000);
    for (uint32_t round = 0; round < 3; round++) {
        size_t before = tracked->size;
        assert_int_equal(OPS(contract)->receive(contract.io, conn, false), 0);
        contract_peer_write(&contract, peer, large + before, 3000);
        contract_poll_for_ms(&contract, 20);
        assert_int_equal(tracked->size, before);
        assert_int_equal(OPS(contract)->receive(contract.io, conn, true), 0);
        contract_until_received(&contract, conn, before + 3000);
    }
    /* Off and on without a poll in between, and twice. */
    assert_int_equal(OPS(contract)->receive(contract.io, conn, false), 0);
    assert_int_equal(OPS(contract)->receive(contract.io, conn, false), 0);
    assert_int_equal(OPS(contract)->receive(contract.io, conn, true), 0);
    assert_int_equal(OPS(contract)->receive(contract.io, conn, true), 0);
    contract_peer_write(&contract, peer, large + 10000, 500);
    contract_until_received(&contract, conn, 10500);
    assert_int_equal(OPS(contract)->receive(contract.io, conn, false), 0);
    contract_peer_write(&contract, peer, large + 10500, 500);
    close(peer);
    contract_poll_for_ms(&contract, 20);
    assert_false(tracked->eof);
    assert_false(tracked->closed);
    assert_int_equal(OPS(contract)->receive(contract.io, conn, true), 0);
    contract_until_eof(&contract, conn);
    assert_int_equal(tracked->size, 11000);
    assert_memory_equal(tracked->bytes, large, 11000);
    contract_close(&contract);
}

static void flush_gives_the_peer_all_and_a_fin(void **state)
{
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conn;
    char byte;
    int end;

    (void)state;
    contract_open(&contract, &config);
    int peer = contract_accepted_peer(&contract, &conn);
    struct contract_conn *tracked = contract_conn(&contract, conn);
    contract_pattern(large, LARGE_BYTES, 5);
    assert_int_equal(OPS(contract)->send(contract.io, conn, large, LARGE_BYTES), 0);
    assert_int_equal(OPS(contract)->close(contract.io, conn, OC_IO_CLOSE_FLUSH), 0);
    assert_int_equal(OPS(contract)->send(contract.io, conn, "x", 1), -ENOTCONN);
    assert_int_equal(OPS(contract)->receive(contract.io, conn, false), -ENOTCONN);
    contract_peer_write(&contract, peer, "nobody listens", 14);
    contract_poll_for_ms(&contract, 20);
    contract_peer_expect(&contract, peer, large, LARGE_BYTES);
    assert_int_equal(contract_peer_read(&contract, peer, &byte, 1, &end), 0);
    assert_int_equal(end, 1);
    assert_false(tracked->closed);
    close(peer);
    contract_until_closed(&contract, conn);
    assert_int_equal(tracked->error, 0);
    assert_int_equal(tracked->size, 0);
    contract_close(&contract);
}

static void flush_after_eof_is_over_at_once(void **state)
{
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conn;
    char byte;
    int end;

    (void)state;
    contract_open(&contract, &config);
    int peer = contract_accepted_peer(&contract, &conn);
    contract_pattern(large, 100000, 6);
    contract_peer_write(&contract, peer, large, 50000);
    assert_int_equal(shutdown(peer, SHUT_WR), 0);
    contract_until_eof(&contract, conn);
    assert_int_equal(contract_conn(&contract, conn)->size, 50000);
    assert_memory_equal(contract_conn(&contract, conn)->bytes, large, 50000);
    /* Replies still flow after EOF. */
    assert_int_equal(OPS(contract)->send(contract.io, conn, large, 100000), 0);
    contract_peer_expect(&contract, peer, large, 100000);
    contract_poll_for_ms(&contract, 10);
    assert_false(contract_conn(&contract, conn)->closed);
    assert_int_equal(OPS(contract)->send(contract.io, conn, "last words", 10), 0);
    assert_int_equal(OPS(contract)->close(contract.io, conn, OC_IO_CLOSE_FLUSH), 0);
    uint64_t start_ns = contract_clock_ns();
    contract_until_closed(&contract, conn);
    assert_true(contract_clock_ns() - start_ns < 500000000ULL);
    contract_peer_expect(&contract, peer, "last words", 10);
    assert_int_equal(contract_peer_read(&contract, peer, &byte, 1, &end), 0);
    assert_int_equal(end, 1);
    close(peer);
    contract_close(&contract);
}

static void flush_of_a_paused_connection_sees_its_end(void **state)
{
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conn;
    char byte;
    int end;

    (void)state;
    contract_open(&contract, &config);
    int peer = contract_accepted_peer(&contract, &conn);
    assert_int_equal(OPS(contract)->receive(contract.io, conn, false), 0);
    contract_peer_write(&contract, peer, "kept back", 9);
    contract_poll_for_ms(&contract, 10);
    assert_int_equal(OPS(contract)->close(contract.io, conn, OC_IO_CLOSE_FLUSH), 0);
    assert_int_equal(contract_peer_read(&contract, peer, &byte, 1, &end), 0);
    assert_int_equal(end, 1);
    uint64_t start_ns = contract_clock_ns();
    close(peer);
    contract_until_closed(&contract, conn);
    assert_true(contract_clock_ns() - start_ns < OC_IO_FLUSH_TIMEOUT_NS / 2);
    assert_int_equal(contract_conn(&contract, conn)->size, 0);
    contract_close(&contract);
}

static void flush_ends_after_a_second(void **state)
{
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn silent;
    struct oc_conn stuck;
    int end;

    (void)state;
    contract_open(&contract, &config);
    /* One reads everything but never ends; the other does not even read. */
    int silent_peer = contract_accepted_peer(&contract, &silent);
    int stuck_peer = contract_accepted_peer(&contract, &stuck);
    const int small = 4096;
    assert_int_equal(setsockopt(stuck_peer, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
    contract_fill(&contract, stuck, large, LARGE_BYTES);
    uint64_t start_ns = contract_clock_ns();
    assert_int_equal(OPS(contract)->close(contract.io, silent, OC_IO_CLOSE_FLUSH), 0);
    assert_int_equal(OPS(contract)->close(contract.io, stuck, OC_IO_CLOSE_FLUSH), 0);
    contract_until(&contract, &contract.closed, 2);
    uint64_t elapsed_ns = contract_clock_ns() - start_ns;
    assert_true(elapsed_ns >= OC_IO_FLUSH_TIMEOUT_NS);
    assert_true(elapsed_ns < OC_IO_FLUSH_TIMEOUT_NS + 500000000ULL);
    assert_int_equal(contract_conn(&contract, silent)->error, 0);
    assert_int_equal(contract_conn(&contract, stuck)->error, -ETIMEDOUT);
    assert_int_equal(contract_stats(&contract).chunks_used, 0);
    /* What was cut off must not look whole. */
    do {
        (void)contract_peer_read(&contract, stuck_peer, large, LARGE_BYTES, &end);
    } while (end == 0);
    assert_int_equal(end, -ECONNRESET);
    close(silent_peer);
    close(stuck_peer);
    contract_close(&contract);
}

/** Who reads slowly but goes on reading gets everything, however long it takes. */
static void flush_goes_on_as_long_as_the_peer_reads(void **state)
{
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conn;
    uint64_t received = 0;
    int end = 0;

    (void)state;
    contract_open(&contract, &config);
    int peer = contract_accepted_peer(&contract, &conn);
    const int small = 1 << 17;
    assert_int_equal(setsockopt(peer, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
    uint64_t owed = contract_fill(&contract, conn, large, LARGE_BYTES);
    uint64_t start_ns = contract_clock_ns();
    assert_int_equal(OPS(contract)->close(contract.io, conn, OC_IO_CLOSE_FLUSH), 0);
    while (end == 0 && received < owed) {
        bool slowly = contract_clock_ns() - start_ns < 2 * OC_IO_FLUSH_TIMEOUT_NS;
        size_t piece = slowly ? owed / 16 : LARGE_BYTES;
        if (slowly) {
            contract_poll_for_ms(&contract, 150);
        }
        received += contract_peer_read(&contract, peer, large,
                                       piece < LARGE_BYTES ? piece : LARGE_BYTES, &end);
    }
    assert_int_equal(received, owed);
    assert_true(contract_clock_ns() - start_ns > OC_IO_FLUSH_TIMEOUT_NS);
    assert_int_equal(contract_peer_read(&contract, peer, large, 1, &end), 0);
    assert_int_equal(end, 1);
    close(peer);
    contract_until_closed(&contract, conn);
    assert_int_equal(contract_conn(&contract, conn)->error, 0);
    contract_close(&contract);
}

static void abort_resets(void **state)
{
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conn;
    char byte;
    int end;

    (void)state;
    contract_open(&contract, &config);
    /* Idle; with bytes owed; and after a flush that does not get on. */
    for (uint32_t round = 0; round < 3; round++) {
        int peer = contract_accepted_peer(&contract, &conn);
        if (round == 1) {
            assert_int_equal(OPS(contract)->send(contract.io, conn, large, LARGE_BYTES), 0);
        }
        if (round == 2) {
            assert_int_equal(OPS(contract)->close(contract.io, conn, OC_IO_CLOSE_FLUSH), 0);
            contract_poll(&contract, 0);
        }
        assert_int_equal(OPS(contract)->close(contract.io, conn, OC_IO_CLOSE_ABORT), 0);
        contract_until_closed(&contract, conn);
        assert_int_equal(contract_conn(&contract, conn)->error, 0);
        if (round < 2) {
            assert_int_equal(contract_peer_read(&contract, peer, &byte, 1, &end), 0);
            assert_int_equal(end, -ECONNRESET);
        }
        close(peer);
    }
    assert_int_equal(contract.closed, 3);
    assert_int_equal(contract_stats(&contract).chunks_used, 0);
    contract_close(&contract);
}

static void a_reset_by_the_peer_is_told_once(void **state)
{
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conn;

    (void)state;
    contract_open(&contract, &config);
    /* Idle; while bytes wait for a peer that does not read; while receiving is off. */
    for (uint32_t round = 0; round < 3; round++) {
        int peer = contract_accepted_peer(&contract, &conn);
        if (round == 1) {
            contract_fill(&contract, conn, large, LARGE_BYTES);
        }
        if (round == 2) {
            assert_int_equal(OPS(contract)->receive(contract.io, conn, false), 0);
            contract_poll(&contract, 0);
        }
        contract_peer_reset(peer);
        if (round == 2) {
            contract_poll_for_ms(&contract, 10);
            assert_int_equal(OPS(contract)->send(contract.io, conn, "x", 1), 0);
        }
        contract_until_closed(&contract, conn);
        assert_true(contract_conn(&contract, conn)->error == -ECONNRESET ||
                    contract_conn(&contract, conn)->error == -EPIPE);
        assert_int_equal(OPS(contract)->send(contract.io, conn, "x", 1), -ENOTCONN);
    }
    contract_poll_for_ms(&contract, 10);
    assert_int_equal(contract.closed, 3);
    assert_int_equal(contract_stats(&contract).chunks_used, 0);
    contract_close(&contract);
}

static void bytes_come_before_eof(void **state)
{
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conn;

    (void)state;
    config.buffer_count = 4;
    config.buffer_size = 256;
    contract_open(&contract, &config);
    contract_pattern(large, 50000, 7);
    for (uint32_t round = 0; round < 5; round++) {
        int peer = contract_accepted_peer(&contract, &conn);
        assert_int_equal(send(peer, large, 50000, MSG_NOSIGNAL), 50000);
        close(peer);
        contract_until_eof(&contract, conn);
        assert_int_equal(contract_conn(&contract, conn)->size, 50000);
        assert_memory_equal(contract_conn(&contract, conn)->bytes, large, 50000);
        assert_int_equal(OPS(contract)->close(contract.io, conn, OC_IO_CLOSE_FLUSH), 0);
        contract_until_closed(&contract, conn);
    }
    contract_close(&contract);
}

static void close_at_first_bytes(struct contract *contract, const struct oc_io_event *event)
{
    if (event->kind == OC_IO_RECEIVED) {
        contract->counter++;
        int rc = contract->ops->close(contract->io, event->conn,
                                      contract->closed % 2 == 0 ? OC_IO_CLOSE_ABORT
                                                                : OC_IO_CLOSE_FLUSH);
        assert_int_equal(rc, 0);
    } else {
        assert_true(event->kind == OC_IO_ACCEPTED || event->kind == OC_IO_CLOSED);
    }
}

static void close_suppresses_what_comes_later(void **state)
{
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conn;

    (void)state;
    config.buffer_size = 256;
    contract_open(&contract, &config);
    contract.on_event = close_at_first_bytes;
    contract.capacity = 1; /* so that later events are not returned yet */
    for (uint32_t round = 0; round < 4; round++) {
        int peer = contract_accepted_peer(&contract, &conn);
        assert_int_equal(send(peer, large, 5000, MSG_NOSIGNAL), 5000);
        assert_int_equal(shutdown(peer, SHUT_WR), 0);
        contract_until_closed(&contract, conn);
        assert_int_equal(contract.counter, round + 1);
        close(peer);
    }
    contract_poll_for_ms(&contract, 10);
    assert_int_equal(contract.closed, 4);
    contract_close(&contract);
}

static void stale_handles_do_nothing(void **state)
{
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn old;
    struct oc_conn new;
    struct oc_conn none = {.index = 3, .generation = 0};
    struct oc_conn wild = {.index = 1U << 30, .generation = 1};
    char text[OC_IO_ADDRESS_TEXT_BYTES];

    (void)state;
    contract_open(&contract, &config);
    int peer = contract_accepted_peer(&contract, &old);
    assert_int_equal(OPS(contract)->close(contract.io, old, OC_IO_CLOSE_ABORT), 0);
    contract_until_closed(&contract, old);
    close(peer);
    peer = contract_accepted_peer(&contract, &new);
    assert_int_equal(new.index, old.index);
    assert_int_not_equal(new.generation, old.generation);
    const struct oc_conn bad[] = {old, none, wild};
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(OPS(contract)->send(contract.io, bad[i], "x", 1), -ENOTCONN);
        assert_int_equal(OPS(contract)->receive(contract.io, bad[i], false), -ENOTCONN);
        assert_int_equal(OPS(contract)->close(contract.io, bad[i], OC_IO_CLOSE_ABORT), -ENOTCONN);
        assert_int_equal(OPS(contract)->peer(contract.io, bad[i], text, sizeof(text)), -ENOTCONN);
        assert_int_equal(OPS(contract)->owed(contract.io, bad[i]), 0);
    }
    contract.echo = true;
    contract_peer_write(&contract, peer, "mine", 4);
    contract_peer_expect(&contract, peer, "mine", 4);
    close(peer);
    contract_close(&contract);
}

static void connections_are_limited(void **state)
{
    struct oc_io_config config = contract_config();
    struct contract contract;
    struct oc_conn conn;
    int peers[6];
    char byte;
    int end;

    (void)state;
    config.connections_max = 4;
    contract_open(&contract, &config);
    for (uint32_t i = 0; i < 6; i++) {
        peers[i] = contract_peer(&contract);
    }
    contract_until(&contract, &contract.accept_failed, 2);
    assert_int_equal(contract.accepted, 4);
    assert_int_equal(contract.accept_error, -EMFILE);
    for (uint32_t i = 4; i < 6; i++) {
        assert_int_equal(contract_peer_read(&contract, peers[i], &byte, 1, &end), 0);
        assert_int_not_equal(end, 0);
    }
    assert_int_equal(OPS(contract)->close(contract.io, contract.last, OC_IO_CLOSE_ABORT), 0);
    contract_until(&contract, &contract.closed, 1);
    int late = contract_accepted_peer(&contract, &conn);
    assert_int_equal(contract_stats(&contract).connections, 4);
    close(late);
    for (uint32_t i = 0; i < 6; i++) {
        close(peers[i]);
    }
    contract_close(&contract);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepted_carries_tag_and_peer),
        cmocka_unit_test(listen_knows_its_limits),
        cmocka_unit_test(unlisten_stops_accepting),
        cmocka_unit_test(a_connection_that_came_too_late_is_let_go),
        cmocka_unit_test(listening_again_takes_those_that_waited),
        cmocka_unit_test(connect_reaches_a_listener),
        cmocka_unit_test(connect_is_refused),
        cmocka_unit_test(adopt_delivers_unread_bytes_first),
        cmocka_unit_test(echoes_many_sizes),
        cmocka_unit_test(fragments_stay_in_order),
        cmocka_unit_test(one_byte_at_a_time_inside),
        cmocka_unit_test(many_connections_keep_their_bytes_apart),
        cmocka_unit_test(receive_off_holds_bytes_and_eof),
        cmocka_unit_test(flush_gives_the_peer_all_and_a_fin),
        cmocka_unit_test(flush_after_eof_is_over_at_once),
        cmocka_unit_test(flush_of_a_paused_connection_sees_its_end),
        cmocka_unit_test(flush_ends_after_a_second),
        cmocka_unit_test(flush_goes_on_as_long_as_the_peer_reads),
        cmocka_unit_test(abort_resets),
        cmocka_unit_test(a_reset_by_the_peer_is_told_once),
        cmocka_unit_test(bytes_come_before_eof),
        cmocka_unit_test(close_suppresses_what_comes_later),
        cmocka_unit_test(stale_handles_do_nothing),
        cmocka_unit_test(connections_are_limited),
    };

    return contract_run(tests, sizeof(tests) / sizeof(tests[0]));
}

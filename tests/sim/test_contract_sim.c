/*
 * Goal: the simulated backend keeps the contract of src/io/io.h and docs/lifetime.md, so that what
 * is tested on it holds on the others.
 *
 * Method: tests/io holds the kernel's backends to it with real sockets; here the same clauses are
 * asked of sim.c with virtual peers, who act between polls. Each event passes through one check:
 * nothing before the first and after CLOSED, EOF once and behind all bytes, bytes never empty.
 * Fails if: a byte is lost, doubled or out of order, an event comes too early, too late, twice or
 * never, a close does not do to the peer what it promises, a stale handle does anything, bytes that
 * were lent stay readable, or time does not pass as told.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/checksum.h"
#include "io/sim.h"

#define TAG         7U
#define CONNECTIONS 8U
#define PIPE_BYTES  1000U
#define OUT_BYTES   20000U
#define LARGE_BYTES 150000U
#define SECOND_NS   1000000000ULL

static const struct oc_io_ops *const OPS = &oc_io_sim_ops;

static struct bench {
    struct oc_arena arena;
    struct oc_io_sim *net;
    struct oc_io *io;
    struct oc_io_event events[OC_IO_EVENTS_MAX];
    int count; /* of the last poll */
    uint64_t now_ns;
    uint64_t hash;       /* of all events */
    struct oc_conn last; /* accepted */
    uint32_t kinds[OC_IO_WOKEN + 1];
    int error; /* of the last CLOSED, CONNECTED or ACCEPT_FAILED */
    bool echo;
    uint32_t quota; /* bytes taken of each connection and batch, the rest given back; 0: all */
    struct {
        uint32_t generation;
        bool open, eof, gives_back;
        uint32_t taken;
        uint8_t bytes[LARGE_BYTES];
        uint32_t size;
    } conns[CONNECTIONS];
} bench;

static uint8_t large[LARGE_BYTES];
static uint8_t got[LARGE_BYTES];

static int set_up_seed(uint64_t seed)
{
    struct oc_io_sim_config net = {
        .arena = &bench.arena,
        .seed = seed,
        .peers_max = 32,
        .pipe_bytes = PIPE_BYTES,
        .start_ns = 5 * SECOND_NS,
        .tick_ns_max = 1000000,
    };
    struct oc_io_config config = OC_IO_CONFIG_DEFAULT;

    memset(&bench, 0, sizeof(bench));
    oc_arena_init(&bench.arena);
    assert_int_equal(oc_io_sim_create(&net, &bench.net), 0);
    config.connections_max = CONNECTIONS;
    config.buffer_count = 2;
    config.buffer_size = 256;
    config.chunk_count = 32;
    config.out_bytes_max = OUT_BYTES;
    config.arena = &bench.arena;
    assert_int_equal(OPS->open(&config, &bench.io), -EINVAL);
    config.sim = bench.net;
    assert_int_equal(OPS->open(&config, &bench.io), 0);
    assert_int_equal(OPS->start(bench.io), 0);
    assert_int_equal(OPS->listen(bench.io, -1, TAG), 0);
    for (uint32_t i = 0; i < LARGE_BYTES; i++) {
        large[i] = (uint8_t)(i * 31 + i / 251);
    }
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    return set_up_seed(1);
}

static struct oc_io_stats stats(void)
{
    struct oc_io_stats copy;

    OPS->stats(bench.io, &copy);
    return copy;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(stats().system_calls, 0);
    OPS->shutdown(bench.io);
    oc_arena_deinit(&bench.arena);
    return 0;
}

/** How many bytes of this event are taken; gives the others back. */
static uint32_t take(const struct oc_io_event *event)
{
    uint32_t index = event->conn.index;
    uint32_t left = bench.quota - bench.conns[index].taken;

    if (bench.quota == 0 || event->size <= left) {
        bench.conns[index].taken += event->size;
        return event->size;
    }
    int rc = OPS->unreceive(bench.io, event->conn, event->bytes + left, event->size - left);
    assert_int_equal(rc, 0);
    bench.conns[index].taken = bench.quota;
    bench.conns[index].gives_back = true;
    return left;
}

static void note_conn(const struct oc_io_event *event)
{
    uint32_t index = event->conn.index;

    assert_true(index < CONNECTIONS);
    if (event->kind == OC_IO_ACCEPTED || event->kind == OC_IO_CONNECTED) {
        assert_false(bench.conns[index].open);
        assert_true(event->conn.generation > bench.conns[index].generation);
        bench.conns[index].generation = event->conn.generation;
        bench.conns[index].open = true;
        bench.conns[index].eof = false;
        bench.conns[index].size = 0;
        bench.last = event->conn;
    }
    assert_true(bench.conns[index].open);
    assert_int_equal(bench.conns[index].generation, event->conn.generation);
    if (event->kind == OC_IO_RECEIVED) {
        assert_false(bench.conns[index].eof);
        assert_true(event->size > 0);
        assert_true(bench.conns[index].size + event->size <= LARGE_BYTES);
        uint32_t size = take(event);
        memcpy(bench.conns[index].bytes + bench.conns[index].size, event->bytes, size);
        bench.conns[index].size += size;
        if (bench.echo) {
            assert_int_equal(OPS->send(bench.io, event->conn, event->bytes, size), 0);
        }
    } else if (event->kind == OC_IO_EOF) {
        assert_false(bench.conns[index].eof);
        bench.conns[index].eof = !(bench.quota > 0 && bench.conns[index].gives_back);
    } else if (event->kind == OC_IO_CLOSED) {
        bench.conns[index].open = false;
    }
}

static int turn(uint64_t timeout_ns)
{
    bench.count = OPS->poll(bench.io, bench.events, OC_IO_EVENTS_MAX, timeout_ns, &bench.now_ns);
    assert_true(bench.count >= 0);
    for (uint32_t i = 0; i < CONNECTIONS; i++) {
        bench.conns[i].taken = 0;
        bench.conns[i].gives_back = false;
    }
    for (int i = 0; i < bench.count; i++) {
        const struct oc_io_event *event = &bench.events[i];
        const uint64_t facts[] = {event->kind, event->size, event->conn.index, bench.now_ns};
        bench.hash = oc_checksum_fold(bench.hash, facts, sizeof(facts));
        bench.kinds[event->kind]++;
        if (event->kind == OC_IO_CLOSED || event->kind == OC_IO_ACCEPT_FAILED ||
            event->kind == OC_IO_CONNECTED) {
            bench.error = event->error;
        }
        if (event->kind != OC_IO_WOKEN && event->kind != OC_IO_ACCEPT_FAILED) {
            note_conn(event);
        }
    }
    return bench.count;
}

static void turns(uint32_t count)
{
    while (count-- > 0) {
        (void)turn(0);
    }
}

static int join(struct oc_conn *conn)
{
    uint32_t before = bench.kinds[OC_IO_ACCEPTED];
    int peer = oc_io_sim_connect(bench.net, TAG);

    assert_true(peer >= 0);
    turns(1);
    assert_int_equal(bench.kinds[OC_IO_ACCEPTED], before + 1);
    *conn = bench.last;
    assert_int_equal(oc_io_sim_look(bench.net, peer).conn.generation, conn->generation);
    return peer;
}

static void expect_read(int peer, const void *bytes, uint32_t size)
{
    assert_int_equal(oc_io_sim_read(bench.net, peer, got, LARGE_BYTES), size);
    assert_memory_equal(got, bytes, size);
}

static void listeners_have_tags(void **state)
{
    struct oc_conn conn;

    (void)state;
    assert_int_equal(OPS->listen(bench.io, -1, TAG), -EEXIST);
    assert_int_equal(OPS->unlisten(bench.io, 99), -ENOENT);
    assert_int_equal(oc_io_sim_connect(bench.net, 99), -ECONNREFUSED);
    (void)join(&conn);
    assert_int_equal(bench.events[0].tag, TAG);
    int waiting = oc_io_sim_connect(bench.net, TAG);
    assert_int_equal(OPS->unlisten(bench.io, TAG), 0);
    turns(2);
    assert_int_equal(bench.kinds[OC_IO_ACCEPTED], 1);
    assert_int_equal(oc_io_sim_look(bench.net, waiting).end, OC_IO_SIM_NOT_ACCEPTED);
    assert_int_equal(oc_io_sim_connect(bench.net, TAG), -ECONNREFUSED);
}

/** Every kind of late, short and shuffled, and two buffers for four connections. */
static void echo_under_faults(void)
{
    static const uint32_t CHANCES[OC_IO_SIM_FAULT_COUNT] = {
        [OC_IO_SIM_SHORT_READ] = 7000,  [OC_IO_SIM_SHORT_SEND] = 7000,
        [OC_IO_SIM_LATE_SEND] = 3000,   [OC_IO_SIM_LATE_INPUT] = 3000,
        [OC_IO_SIM_NO_BUFFER] = 2000,   [OC_IO_SIM_BLOCKED_SEND] = 1000,
        [OC_IO_SIM_FEW_EVENTS] = 5000,  [OC_IO_SIM_SHUFFLE] = 9000,
        [OC_IO_SIM_EARLY_RETURN] = 500,
    };
    struct oc_conn conns[4];
    int peers[4];
    uint32_t sent[4] = {0};
    uint32_t received[4] = {0};
    const uint32_t size = 20000;
    uint32_t done = 0;

    for (uint32_t i = 0; i < 4; i++) {
        peers[i] = join(&conns[i]);
    }
    oc_io_sim_faults_set(bench.net, CHANCES);
    bench.echo = true;
    for (uint32_t round = 0; done < 4 * size; round++) {
        assert_true(round < 100000);
        for (uint32_t i = 0; i < 4; i++) {
            int count = oc_io_sim_write(bench.net, peers[i], large + 7 * i + sent[i],
                                        size - sent[i]);
            assert_true(count >= 0);
            sent[i] += (uint32_t)count;
            count = oc_io_sim_read(bench.net, peers[i], got, 100 + 300 * i);
            if (count > 0) {
                assert_memory_equal(got, large + 7 * i + received[i], (size_t)count);
                received[i] += (uint32_t)count;
                done += (uint32_t)count;
            }
        }
        (void)turn(round % 2 == 0 ? 0 : 1000000);
    }
    for (uint32_t i = 0; i < OC_IO_SIM_FAULT_COUNT; i++) {
        assert_true(CHANCES[i] == 0 || i == OC_IO_SIM_EARLY_RETURN ||
                    oc_io_sim_faults_seen(bench.net)[i] > 0);
    }
    assert_int_equal(stats().chunks_used, 0);
}

static void echoes_under_faults_and_repeats_itself(void **state)
{
    uint64_t hashes[3];

    (void)tear_down(state);
    for (uint64_t i = 0; i < 3; i++) {
        (void)set_up_seed(10 + i / 2);
        echo_under_faults();
        hashes[i] = bench.hash;
        if (i < 2) {
            (void)tear_down(state);
        }
    }
    assert_true(hashes[0] == hashes[1]);
    assert_true(hashes[0] != hashes[2]);
}

/** The same with all quotas, on both sides of a buffer and of a read. */
static void echoes_what_is_given_back(void **state)
{
    static const uint32_t QUOTAS[] = {1, 10, 255, 256, 257, 700};

    (void)tear_down(state);
    for (uint32_t i = 0; i < sizeof(QUOTAS) / sizeof(QUOTAS[0]); i++) {
        (void)set_up_seed(20 + i);
        bench.quota = QUOTAS[i];
        echo_under_faults();
        assert_int_equal(stats().received_bytes, 4 * 20000);
        assert_int_equal(stats().buffers_used, 0);
        (void)tear_down(state);
    }
    (void)set_up_seed(30);
}

static void given_back_bytes_come_first(void **state)
{
    struct oc_conn conn;
    int peer = join(&conn);

    (void)state;
    bench.quota = 100;
    assert_int_equal(oc_io_sim_write(bench.net, peer, large, 300), 300);
    turns(1);
    assert_int_equal(bench.conns[conn.index].size, 100);
    assert_true(stats().buffers_used > 0);
    uint8_t *taken = bench.events[0].bytes;
    assert_int_equal(OPS->receive(bench.io, conn, false), 0);
    assert_int_equal(oc_io_sim_write(bench.net, peer, large + 300, 200), 200);
    oc_io_sim_half_close(bench.net, peer);
    turns(3);
    assert_int_equal(bench.conns[conn.index].size, 100);
    assert_memory_not_equal(taken, large, 100); /* what was taken is no longer lent */
    assert_int_equal(OPS->receive(bench.io, conn, true), 0);
    for (uint32_t i = 2; i <= 5; i++) {
        turns(1);
        assert_int_equal(bench.conns[conn.index].size, 100 * i);
    }
    turns(2);
    assert_true(bench.conns[conn.index].eof);
    assert_memory_equal(bench.conns[conn.index].bytes, large, 500);
    assert_int_equal(stats().buffers_used, 0);
    assert_int_equal(stats().chunks_used, 0);
    /* A close drops them, and then there is nothing to give back. */
    peer = join(&conn);
    assert_int_equal(oc_io_sim_write(bench.net, peer, large, 300), 300);
    turns(1);
    assert_int_equal(OPS->close(bench.io, conn, OC_IO_CLOSE_FLUSH), 0);
    assert_int_equal(OPS->unreceive(bench.io, conn, bench.events[0].bytes, 1), -ENOTCONN);
    turns(2);
    assert_int_equal(bench.conns[conn.index].size, 100);
    assert_int_equal(stats().buffers_used, 0);
    /* Of a connection that was reset they are told before CLOSED. */
    peer = join(&conn);
    assert_int_equal(oc_io_sim_write(bench.net, peer, large, 256), 256);
    turns(1);
    oc_io_sim_reset(bench.net, peer);
    turns(8);
    assert_int_equal(bench.conns[conn.index].size, 256);
    assert_memory_equal(bench.conns[conn.index].bytes, large, 256);
    assert_false(bench.conns[conn.index].open);
    /* Also when it is a reply behind the end of the input that finds it. */
    peer = join(&conn);
    assert_int_equal(oc_io_sim_write(bench.net, peer, large, 200), 200);
    oc_io_sim_half_close(bench.net, peer);
    turns(1);
    oc_io_sim_reset(bench.net, peer);
    assert_int_equal(OPS->send(bench.io, conn, "reply", 5), 0);
    turns(4);
    assert_int_equal(bench.conns[conn.index].size, 200);
    assert_false(bench.conns[conn.index].open);
}

static void half_close_leaves_replies(void **state)
{
    struct oc_conn conn;
    int peer = join(&conn);

    (void)state;
    assert_int_equal(oc_io_sim_write(bench.net, peer, "last", 4), 4);
    oc_io_sim_half_close(bench.net, peer);
    assert_int_equal(oc_io_sim_write(bench.net, peer, "more", 4), -EPIPE);
    turns(3);
    assert_int_equal(bench.kinds[OC_IO_EOF], 1);
    assert_memory_equal(bench.conns[conn.index].bytes, "last", 4);
    assert_int_equal(OPS->send(bench.io, conn, "reply", 5), 0);
    turns(1);
    expect_read(peer, "reply", 5);
    assert_int_equal(oc_io_sim_read(bench.net, peer, got, 1), -EAGAIN);
    assert_int_equal(OPS->send(bench.io, conn, "end", 3), 0);
    assert_int_equal(OPS->close(bench.io, conn, OC_IO_CLOSE_FLUSH), 0);
    assert_int_equal(OPS->send(bench.io, conn, "x", 1), -ENOTCONN);
    assert_int_equal(OPS->receive(bench.io, conn, true), -ENOTCONN);
    turns(2);
    expect_read(peer, "end", 3);
    assert_int_equal(oc_io_sim_read(bench.net, peer, got, 1), 0);
    assert_int_equal(bench.kinds[OC_IO_CLOSED], 1);
    assert_int_equal(bench.error, 0);
    assert_int_equal(OPS->close(bench.io, conn, OC_IO_CLOSE_ABORT), -ENOTCONN);
    /* The slot is used again, and the old handle stays dead. */
    struct oc_conn next;
    (void)join(&next);
    assert_int_equal(next.index, conn.index);
    assert_int_equal(OPS->send(bench.io, conn, "x", 1), -ENOTCONN);
    assert_int_equal(OPS->owed(bench.io, conn), 0);
}

static void flush_waits_for_the_peer(void **state)
{
    struct oc_conn conn;
    struct oc_conn other;
    int peer = join(&conn);
    int lazy = join(&other);
    uint64_t start_ns = bench.now_ns;

    (void)state;
    assert_int_equal(OPS->send(bench.io, conn, "bye", 3), 0);
    assert_int_equal(OPS->send(bench.io, other, large, PIPE_BYTES + 1), 0);
    assert_int_equal(OPS->close(bench.io, conn, OC_IO_CLOSE_FLUSH), 0);
    assert_int_equal(OPS->close(bench.io, other, OC_IO_CLOSE_FLUSH), 0);
    assert_int_equal(oc_io_sim_write(bench.net, peer, "dropped", 7), 7);
    turns(20);
    assert_int_equal(bench.kinds[OC_IO_RECEIVED], 0);
    assert_int_equal(bench.kinds[OC_IO_CLOSED], 0);
    expect_read(peer, "bye", 3);
    assert_int_equal(oc_io_sim_read(bench.net, peer, got, 1), 0);
    oc_io_sim_half_close(bench.net, peer);
    turns(2);
    assert_int_equal(bench.kinds[OC_IO_CLOSED], 1);
    assert_int_equal(bench.error, 0);
    /* The other one never reads the last byte: 1 s, which a waiting poll() jumps over. */
    while (bench.kinds[OC_IO_CLOSED] == 1) {
        assert_true(turn(UINT64_MAX) > 0 || bench.now_ns < start_ns + 2 * SECOND_NS);
    }
    assert_int_equal(bench.error, -ETIMEDOUT);
    assert_true(bench.now_ns >= start_ns + SECOND_NS);
    assert_true(bench.now_ns < start_ns + SECOND_NS + 10000000);
    assert_int_equal(oc_io_sim_look(bench.net, lazy).end, OC_IO_SIM_TIMED_OUT);
    assert_true(oc_io_sim_look(bench.net, lazy).is_reset);
    assert_int_equal(stats().chunks_used, 0);
}

static void flush_goes_on_while_the_peer_reads(void **state)
{
    struct oc_conn conn;
    int peer = join(&conn);
    uint64_t start_ns = bench.now_ns;

    (void)state;
    assert_int_equal(OPS->send(bench.io, conn, large, PIPE_BYTES + 5), 0);
    assert_int_equal(OPS->close(bench.io, conn, OC_IO_CLOSE_FLUSH), 0);
    for (uint32_t i = 0; i < 5; i++) {
        (void)turn(9 * SECOND_NS / 10);
        assert_int_equal(oc_io_sim_read(bench.net, peer, got + i, 1), 1);
    }
    (void)turn(0);
    assert_int_equal(oc_io_sim_read(bench.net, peer, got + 5, LARGE_BYTES - 5), PIPE_BYTES);
    assert_memory_equal(got, large, PIPE_BYTES + 5);
    assert_int_equal(oc_io_sim_read(bench.net, peer, got, 1), 0);
    assert_true(bench.now_ns > start_ns + 4 * SECOND_NS);
    /* It never sends its FIN, but it was told everything: an orderly end. */
    while (bench.kinds[OC_IO_CLOSED] == 0) {
        (void)turn(UINT64_MAX);
    }
    assert_int_equal(bench.error, 0);
    assert_int_equal(oc_io_sim_look(bench.net, peer).end, OC_IO_SIM_CLOSED);
}

static void abort_resets(void **state)
{
    struct oc_conn conn;
    int peer = join(&conn);

    (void)state;
    assert_int_equal(OPS->send(bench.io, conn, "never", 5), 0);
    assert_int_equal(oc_io_sim_write(bench.net, peer, "unread", 6), 6);
    assert_int_equal(OPS->close(bench.io, conn, OC_IO_CLOSE_ABORT), 0);
    turns(1);
    assert_int_equal(bench.count, 1);
    assert_int_equal(bench.kinds[OC_IO_CLOSED], 1);
    assert_int_equal(oc_io_sim_read(bench.net, peer, got, 10), -ECONNRESET);
    assert_int_equal(oc_io_sim_write(bench.net, peer, "x", 1), -ECONNRESET);
    assert_int_equal(stats().chunks_used, 0);
}

static void refused_sends_drain(void **state)
{
    struct oc_conn conn;
    struct oc_conn most;
    int peer = join(&conn);
    uint32_t read = 0;

    (void)state;
    assert_int_equal(OPS->send(bench.io, conn, large, OUT_BYTES + 1), -EMSGSIZE);
    assert_int_equal(OPS->send(bench.io, conn, large, OUT_BYTES), 0);
    assert_int_equal(OPS->send(bench.io, conn, large, 1), -ENOBUFS);
    assert_int_equal(OPS->owed_most(bench.io, &most), OUT_BYTES);
    assert_int_equal(most.index, conn.index);
    while (read < OUT_BYTES) {
        uint32_t owed = OPS->owed(bench.io, conn);
        turns(1);
        assert_int_equal(bench.kinds[OC_IO_DRAINED], OPS->owed(bench.io, conn) <= OUT_BYTES / 2);
        assert_true(OPS->owed(bench.io, conn) < owed || owed == 0);
        int count = oc_io_sim_read(bench.net, peer, got, LARGE_BYTES);
        assert_true(count > 0);
        assert_memory_equal(got, large + read, (size_t)count);
        read += (uint32_t)count;
    }
    turns(5);
    assert_int_equal(bench.kinds[OC_IO_DRAINED], 1);
    assert_int_equal(stats().refused_sends, 1);
}

static void paused_input_is_kept(void **state)
{
    struct oc_conn conn;
    int peer = join(&conn);

    (void)state;
    assert_int_equal(OPS->receive(bench.io, conn, false), 0);
    assert_int_equal(oc_io_sim_write(bench.net, peer, large, 700), 700);
    oc_io_sim_half_close(bench.net, peer);
    turns(5);
    assert_int_equal(bench.conns[conn.index].size, 0);
    assert_int_equal(bench.kinds[OC_IO_EOF], 0);
    assert_true(oc_io_sim_look(bench.net, peer).was_paused);
    assert_int_equal(OPS->receive(bench.io, conn, true), 0);
    turns(5);
    assert_int_equal(bench.conns[conn.index].size, 700);
    assert_memory_equal(bench.conns[conn.index].bytes, large, 700);
    assert_int_equal(bench.kinds[OC_IO_EOF], 1);
}

static void lent_bytes_end_with_the_next_poll(void **state)
{
    struct oc_conn conn;
    int peer = join(&conn);

    (void)state;
    assert_int_equal(oc_io_sim_write(bench.net, peer, "abc", 3), 3);
    turns(1);
    assert_int_equal(bench.events[0].kind, OC_IO_RECEIVED);
    uint8_t *bytes = bench.events[0].bytes;
    bytes[0] = 'x'; /* they are the caller's to overwrite */
    assert_memory_equal(bytes, "xbc", 3);
    turns(1);
    assert_memory_not_equal(bytes, "xbc", 3);
}

static void accepting_fails_and_recovers(void **state)
{
    uint32_t chances[OC_IO_SIM_FAULT_COUNT] = {[OC_IO_SIM_ACCEPT_FAILED] = OC_IO_SIM_ALWAYS};
    struct oc_conn conn;

    (void)state;
    oc_io_sim_faults_set(bench.net, chances);
    int peer = oc_io_sim_connect(bench.net, TAG);
    turns(5);
    uint64_t failed_ns = bench.now_ns;
    assert_int_equal(bench.kinds[OC_IO_ACCEPT_FAILED], 1);
    assert_int_equal(bench.error, -EMFILE);
    chances[OC_IO_SIM_ACCEPT_FAILED] = 0;
    oc_io_sim_faults_set(bench.net, chances);
    while (bench.kinds[OC_IO_ACCEPTED] == 0) {
        (void)turn(UINT64_MAX);
        assert_true(bench.now_ns < failed_ns + SECOND_NS);
    }
    assert_true(bench.now_ns > failed_ns + 90000000);
    assert_int_equal(oc_io_sim_look(bench.net, peer).end, OC_IO_SIM_LIVES);
    for (uint32_t i = 1; i < CONNECTIONS; i++) {
        (void)join(&conn);
    }
    peer = oc_io_sim_connect(bench.net, TAG);
    turns(1);
    assert_int_equal(bench.kinds[OC_IO_ACCEPT_FAILED], 2);
    assert_int_equal(oc_io_sim_look(bench.net, peer).end, OC_IO_SIM_NOT_ACCEPTED);
    assert_int_equal(stats().accept_failures, 2);
}

static void wake_is_sticky_and_coalesced(void **state)
{
    (void)state;
    OPS->wake(bench.io);
    OPS->wake(bench.io);
    assert_int_equal(turn(UINT64_MAX), 1);
    assert_int_equal(bench.kinds[OC_IO_WOKEN], 1);
    assert_int_equal(turn(0), 0);
    /* Time passes as a poll() waits; without any deadline it does not wait for ever. */
    uint64_t before_ns = bench.now_ns;
    assert_int_equal(turn(3 * SECOND_NS), 0);
    assert_true(bench.now_ns >= before_ns + 3 * SECOND_NS);
    assert_true(bench.now_ns < before_ns + 3 * SECOND_NS + 1000000);
    assert_int_equal(turn(UINT64_MAX), 0);
}

static void connects_and_adopts(void **state)
{
    struct sockaddr address = {0};
    struct oc_conn conn;
    char text[32];

    (void)state;
    assert_int_equal(OPS->connect(bench.io, &address, sizeof(address), NULL, 5, &conn), 0);
    assert_int_equal(OPS->send(bench.io, conn, "x", 1), -ENOTCONN);
    turns(1);
    assert_int_equal(bench.kinds[OC_IO_CONNECTED], 1);
    int peer = oc_io_sim_accept(bench.net);
    assert_true(peer >= 0);
    assert_int_equal(oc_io_sim_accept(bench.net), -EAGAIN);
    assert_int_equal(OPS->send(bench.io, conn, "hello", 5), 0);
    turns(1);
    expect_read(peer, "hello", 5);
    assert_int_equal(OPS->peer(bench.io, conn, text, sizeof(text)), 0);
    assert_string_equal(text, "peer 0");
    assert_int_equal(OPS->peer(bench.io, conn, text, 3), -ENOSPC);

    oc_io_sim_refuse(bench.net, -ECONNREFUSED);
    assert_int_equal(OPS->connect(bench.io, &address, sizeof(address), NULL, 6, &conn), 0);
    turns(2);
    assert_int_equal(bench.kinds[OC_IO_CONNECTED], 2);
    assert_int_equal(bench.kinds[OC_IO_CLOSED], 1);
    assert_int_equal(bench.error, -ECONNREFUSED);

    peer = oc_io_sim_pair(bench.net);
    assert_int_equal(OPS->adopt(bench.io, 31, 9, "", 0, &conn), -EBADF);
    assert_int_equal(oc_io_sim_write(bench.net, peer, large + 200, 100), 100);
    assert_int_equal(OPS->adopt(bench.io, peer, 9, large, 257, &conn), -EINVAL);
    assert_int_equal(OPS->adopt(bench.io, peer, 9, large, 200, &conn), 0);
    bench.conns[conn.index].open = true;
    bench.conns[conn.index].generation = conn.generation;
    bench.conns[conn.index].size = 0;
    turns(2);
    assert_int_equal(bench.conns[conn.index].size, 300);
    assert_memory_equal(bench.conns[conn.index].bytes, large, 300);
}

static void shared_chunks_are_counted(void **state)
{
    struct oc_conn conns[3];
    int peers[3];
    uint32_t chunk;
    uint8_t *bytes;

    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        peers[i] = join(&conns[i]);
    }
    assert_int_equal(OPS->chunk_open(bench.io, &chunk, &bytes), 0);
    memcpy(bytes, large, 2000);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(OPS->send_shared(bench.io, conns[i], chunk, 100 * i, 900), 0);
    }
    OPS->chunk_release(bench.io, chunk);
    assert_int_equal(stats().chunks_used, 1);
    assert_int_equal(OPS->close(bench.io, conns[0], OC_IO_CLOSE_ABORT), 0);
    turns(1);
    expect_read(peers[1], large + 100, 900);
    expect_read(peers[2], large + 200, 900);
    assert_int_equal(stats().chunks_used, 0);
}

static void a_broken_connection_tells_what_came_before(void **state)
{
    struct oc_conn conn;
    int peer = join(&conn);

    (void)state;
    assert_int_equal(oc_io_sim_write(bench.net, peer, "order", 5), 5);
    oc_io_sim_reset(bench.net, peer);
    assert_int_equal(OPS->send(bench.io, conn, "reply", 5), 0);
    turns(2);
    assert_int_equal(bench.conns[conn.index].size, 5);
    assert_int_equal(bench.kinds[OC_IO_EOF], 0);
    assert_int_equal(bench.kinds[OC_IO_CLOSED], 1);
    assert_true(bench.error == -ECONNRESET || bench.error == -EPIPE);
    assert_int_equal(oc_io_sim_faults_seen(bench.net)[OC_IO_SIM_FAILED_SEND], 1);

    /* Who closes without reading is found by the send after the one that was still taken. */
    peer = join(&conn);
    oc_io_sim_close(bench.net, peer);
    turns(1);
    assert_int_equal(bench.kinds[OC_IO_EOF], 1);
    for (uint32_t i = 0; i < 2; i++) {
        (void)OPS->send(bench.io, conn, "reply", 5);
        turns(1);
    }
    assert_int_equal(bench.kinds[OC_IO_CLOSED], 2);
    assert_true(bench.error == -ECONNRESET || bench.error == -EPIPE);
}

static void shutdown_resets_all(void **state)
{
    struct oc_conn conn;
    int peer = join(&conn);
    int waiting = oc_io_sim_connect(bench.net, TAG);

    (void)state;
    OPS->shutdown(bench.io);
    assert_int_equal(oc_io_sim_look(bench.net, peer).end, OC_IO_SIM_ABORTED);
    assert_int_equal(oc_io_sim_look(bench.net, waiting).end, OC_IO_SIM_NOT_ACCEPTED);
    assert_int_equal(oc_io_sim_connect(bench.net, TAG), -ECONNREFUSED);
    oc_arena_deinit(&bench.arena);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(listeners_have_tags),
        CASE(echoes_under_faults_and_repeats_itself),
        CASE(echoes_what_is_given_back),
        CASE(given_back_bytes_come_first),
        CASE(half_close_leaves_replies),
        CASE(flush_waits_for_the_peer),
        CASE(flush_goes_on_while_the_peer_reads),
        CASE(abort_resets),
        CASE(refused_sends_drain),
        CASE(paused_input_is_kept),
        CASE(lent_bytes_end_with_the_next_poll),
        CASE(accepting_fails_and_recovers),
        CASE(wake_is_sticky_and_coalesced),
        CASE(connects_and_adopts),
        CASE(shared_chunks_are_counted),
        CASE(a_broken_connection_tells_what_came_before),
        cmocka_unit_test_setup(shutdown_resets_all, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

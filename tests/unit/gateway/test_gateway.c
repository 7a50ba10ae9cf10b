/*
 * Goal: sessions, frames, the tape and slow readers, without a network and without an engine.
 * Method: a fake io table records what each connection was sent; the test plays the engine: it
 * looks at the submitted commands and hands back events. Fails when bytes are cut wrongly, reach
 * the wrong session, come twice or in another order, or when somebody who must go stays.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "core/assert.h"
#include "core/limits.h"
#include "gateway/gateway.h"

#define CONNECTIONS   8U
#define OUT_BYTES_MAX 6000U
#define CHUNKS        64U
#define COMMANDS_MAX  256U

/* --- the fake io table ------------------------------------------------------------------------ */

struct fake_conn {
    char sent[1 << 18];
    size_t sent_size;
    uint32_t owed; /* grows with every send unless `reads` */
    bool reads;
    bool closed;
    enum oc_io_close_mode mode;
};

static struct {
    struct oc_io io;
    struct fake_conn conns[CONNECTIONS];
    uint8_t chunks[CHUNKS][OC_IO_CHUNK_BYTES];
    uint32_t chunk_references[CHUNKS];
    uint32_t chunks_left; /* chunk_open() and send() answer -ENOBUFS at 0 */
    uint32_t shared_sends;
} fake;

static int fake_put(struct oc_conn conn, const void *bytes, uint32_t size)
{
    struct fake_conn *to = &fake.conns[conn.index];
    if (to->closed) {
        return -ENOTCONN;
    }
    if (to->owed + size > OUT_BYTES_MAX || fake.chunks_left == 0) {
        return -ENOBUFS;
    }
    assert_true(to->sent_size + size <= sizeof to->sent);
    memcpy(to->sent + to->sent_size, bytes, size);
    to->sent_size += size;
    to->owed += to->reads ? 0 : size;
    return 0;
}

static int fake_send(struct oc_io *io, struct oc_conn conn, const void *bytes, uint32_t size)
{
    (void)io;
    return fake_put(conn, bytes, size);
}

static int fake_chunk_open(struct oc_io *io, uint32_t *chunk, uint8_t **bytes)
{
    (void)io;
    if (fake.chunks_left == 0) {
        return -ENOBUFS;
    }
    for (uint32_t i = 0; i < CHUNKS; i++) {
        if (fake.chunk_references[i] == 0) {
            fake.chunk_references[i] = 1;
            *chunk = i;
            *bytes = fake.chunks[i];
            return 0;
        }
    }
    return -ENOBUFS;
}

static int fake_send_shared(struct oc_io *io, struct oc_conn conn, uint32_t chunk, uint32_t offset,
                            uint32_t size)
{
    (void)io;
    assert_true(fake.chunk_references[chunk] > 0);
    fake.shared_sends++;
    return fake_put(conn, fake.chunks[chunk] + offset, size);
}

static void fake_chunk_release(struct oc_io *io, uint32_t chunk)
{
    (void)io;
    assert_int_equal(fake.chunk_references[chunk], 1);
    fake.chunk_references[chunk] = 0;
}

static uint32_t fake_owed(const struct oc_io *io, struct oc_conn conn)
{
    (void)io;
    return fake.conns[conn.index].owed;
}

static uint32_t fake_owed_most(const struct oc_io *io, struct oc_conn *conn)
{
    uint32_t most = 0;
    (void)io;
    for (uint32_t i = 0; i < CONNECTIONS; i++) {
        if (!fake.conns[i].closed && fake.conns[i].owed > most) {
            most = fake.conns[i].owed;
            *conn = (struct oc_conn){.index = i, .generation = 1};
        }
    }
    return most;
}

static int fake_close(struct oc_io *io, struct oc_conn conn, enum oc_io_close_mode mode)
{
    (void)io;
    fake.conns[conn.index].mode = mode;
    fake.conns[conn.index].closed = true;
    if (mode == OC_IO_CLOSE_ABORT) {
        fake.conns[conn.index].owed = 0;
        fake.chunks_left = CHUNKS;
    }
    return 0;
}

static const struct oc_io_ops FAKE_OPS = {
    .name = "fake",
    .send = fake_send,
    .chunk_open = fake_chunk_open,
    .send_shared = fake_send_shared,
    .chunk_release = fake_chunk_release,
    .owed = fake_owed,
    .owed_most = fake_owed_most,
    .close = fake_close,
};

/* --- the test bench ----------------------------------------------------------------------------
 */

static struct {
    struct oc_arena arena;
    struct oc_gateway *gateway;
    struct oc_command commands[COMMANDS_MAX];
    uint32_t command_count;
    uint32_t pongs; /* replies that each PING gets before submit() returns */
    enum oc_gateway_notice notices[COMMANDS_MAX];
    uint32_t notice_count;
} bench;

static void give(const struct oc_event *event);

static void on_submit(void *context, struct oc_command *command)
{
    assert_ptr_equal(context, &bench);
    assert_true(bench.command_count < COMMANDS_MAX);
    bench.commands[bench.command_count++] = *command;
    for (uint32_t i = 0; command->kind == OC_COMMAND_PING && i < bench.pongs; i++) {
        give(&(struct oc_event){
            .kind = OC_EVENT_PONG, .session = command->session, .instrument = OC_INDEX_NONE});
    }
}

static void on_notice(void *context, enum oc_gateway_notice notice, enum oc_reason reason,
                      struct oc_conn conn)
{
    (void)context;
    assert_true((reason != OC_REASON_NONE) == (notice == OC_GATEWAY_BAD_STREAM));
    (void)conn;
    bench.notices[bench.notice_count++] = notice;
}

static int set_up(void **state)
{
    struct oc_gateway_config config = {
        .arena = &bench.arena,
        .io = &fake.io,
        .hooks = {.context = &bench, .submit = on_submit, .notice = on_notice},
        .sessions_max = CONNECTIONS,
        .instruments_max = 4,
        .large_frames_max = 1,
        .out_bytes_max = OUT_BYTES_MAX,
    };
    (void)state;
    memset(&bench, 0, sizeof bench);
    memset(&fake, 0, sizeof fake);
    fake.io.ops = &FAKE_OPS;
    fake.chunks_left = CHUNKS;
    oc_arena_init(&bench.arena);
    bench.gateway = oc_gateway_create(&config);
    assert_non_null(bench.gateway);
    oc_gateway_add_listener(bench.gateway, 0, false);
    oc_gateway_add_listener(bench.gateway, 1, true);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < CHUNKS; i++) {
        assert_int_equal(fake.chunk_references[i], 0);
    }
    oc_arena_deinit(&bench.arena);
    return 0;
}

static struct oc_conn conn_of(uint32_t index)
{
    return (struct oc_conn){.index = index, .generation = 1};
}

static uint64_t id_of(uint32_t index)
{
    return oc_session_make(index, 1);
}

static void io_event(uint32_t index, enum oc_io_event_kind kind, const void *bytes, uint32_t size,
                     uint64_t tag)
{
    struct oc_io_event event = {.kind = (uint8_t)kind, .conn = conn_of(index), .tag = tag};
    static uint8_t copy[1 << 17];
    if (size > 0) {
        memcpy(copy, bytes, size);
    }
    event.bytes = copy;
    event.size = size;
    oc_gateway_on_io(bench.gateway, &event);
}

static void give(const struct oc_event *event)
{
    oc_gateway_on_events(bench.gateway, event, 1);
}

static void give_settings(uint32_t index, enum oc_event_kind kind, uint32_t settings)
{
    give(&(struct oc_event){.kind = (uint8_t)kind,
                            .session = id_of(index),
                            .instrument = OC_INDEX_NONE,
                            .settings = settings});
}

static void connect_session(uint32_t index, uint64_t tag)
{
    fake.conns[index].closed = false;
    fake.conns[index].reads = true;
    io_event(index, OC_IO_ACCEPTED, NULL, 0, tag);
    give_settings(index, OC_EVENT_SESSION_OPENED, OC_SETTINGS_AT_OPEN);
}

static void give_instrument(void)
{
    struct oc_event event = {.kind = OC_EVENT_INSTRUMENT, .flags = OC_EVENT_PUBLIC};
    event.instrument_made.symbol.size = 1;
    event.instrument_made.symbol.bytes[0] = 'A';
    give(&event);
}

static void give_trade(uint64_t trade_id, uint64_t buyer_session, uint64_t seller_session)
{
    struct oc_event event = {.kind = OC_EVENT_TRADE, .flags = OC_EVENT_PUBLIC};
    event.trade = (struct oc_event_trade){.trade_id = trade_id,
                                          .price_ticks = 5,
                                          .qty_lots = 1,
                                          .buyer_order_id = 1,
                                          .seller_order_id = 2,
                                          .buyer_session = buyer_session,
                                          .seller_session = seller_session};
    give(&event);
}

static void give_pong(uint32_t index, uint64_t ping)
{
    give(&(struct oc_event){
        .kind = OC_EVENT_PONG, .session = id_of(index), .instrument = OC_INDEX_NONE, .ping = ping});
}

static void give_confirmed(uint32_t index, uint64_t order_id, uint64_t request_id)
{
    struct oc_event event = {.kind = OC_EVENT_CONFIRMED,
                             .session = id_of(index),
                             .request_id = request_id,
                             .flags = OC_EVENT_HAS_REQUEST_ID};
    event.order.order_id = order_id;
    event.order.user_id = 9;
    give(&event);
}

/* What a session was sent, one letter for each frame: t1 trade, p1 pong, c1/C1 confirmation
 * without/with request_id, ? anything else; the number is its id. */
static void expect_sent(uint32_t index, const char *expected)
{
    static char text[4096];
    const struct fake_conn *conn = &fake.conns[index];
    size_t used = 0;
    size_t at = 0;
    text[0] = '\0';
    while (at < conn->sent_size) {
        const uint8_t *head = (const uint8_t *)conn->sent + at;
        size_t size = (size_t)head[2] << 8 | head[3];
        const char *payload = conn->sent + at + 4;
        unsigned long long id;
        char copy[1024];
        assert_true(size < sizeof copy);
        assert_true(at + 4 + size <= conn->sent_size);
        memcpy(copy, payload, size);
        copy[size] = '\0';
        at += 4 + size;
        if (sscanf(copy, "{\"trade_id\":%llu", &id) == 1) {
            used += (size_t)snprintf(text + used, sizeof text - used, "t%llu ", id);
        } else if (sscanf(copy, "{\"type\":\"pong\",\"ping\":%llu", &id) == 1) {
            used += (size_t)snprintf(text + used, sizeof text - used, "p%llu ", id);
        } else if (sscanf(copy, "{\"order_id\":%llu", &id) == 1) {
            used += (size_t)snprintf(text + used, sizeof text - used, "%c%llu ",
                                     strstr(copy, "request_id") != NULL ? 'C' : 'c', id);
        } else {
            used += (size_t)snprintf(text + used, sizeof text - used, "? ");
        }
    }
    if (used > 0) {
        text[used - 1] = '\0';
    }
    assert_string_equal(text, expected);
}

static uint32_t frame(uint8_t *out, const char *payload)
{
    size_t size = strlen(payload);
    out[0] = 0;
    out[1] = (uint8_t)(size >> 16);
    out[2] = (uint8_t)(size >> 8);
    out[3] = (uint8_t)size;
    memcpy(out + 4, payload, size);
    return (uint32_t)size + 4;
}

static const char CANCEL[] = "{\"user_id\":101,\"order_id\":7}";
static const char PING[] = "{\"session\":{\"ping\":3}}";

static void expect_command(uint32_t place, enum oc_command_kind kind, uint32_t index)
{
    assert_true(place < bench.command_count);
    assert_int_equal(bench.commands[place].kind, kind);
    assert_true(bench.commands[place].session == id_of(index));
}

/* --- frames --------------------------------------------------------------------------------------
 */

static void test_frames_of_every_split_become_the_same_commands(void **state)
{
    uint8_t bytes[512];
    uint32_t size = frame(bytes, CANCEL);
    size += frame(bytes + size, PING);
    size += frame(bytes + size, CANCEL);
    (void)state;
    connect_session(0, 0);
    for (uint32_t first = 0; first <= size; first++) {
        for (uint32_t second = first; second <= size; second += 3) {
            bench.command_count = 0;
            io_event(0, OC_IO_RECEIVED, bytes, first, 0);
            if (second > first) {
                io_event(0, OC_IO_RECEIVED, bytes + first, second - first, 0);
            }
            if (size > second) {
                io_event(0, OC_IO_RECEIVED, bytes + second, size - second, 0);
            }
            assert_int_equal(bench.command_count, 3);
            expect_command(0, OC_COMMAND_CANCEL, 0);
            expect_command(1, OC_COMMAND_PING, 0);
            expect_command(2, OC_COMMAND_CANCEL, 0);
            assert_int_equal(bench.commands[2].cancel.order_id, 7);
        }
    }
}

static void test_a_frame_byte_by_byte_through_both_buffer_sizes(void **state)
{
    static uint8_t bytes[OC_FRAME_HEADER_BYTES + OC_FRAME_BYTES_MAX];
    uint32_t size = OC_FRAME_HEADER_BYTES + OC_FRAME_BYTES_MAX;
    (void)state;
    connect_session(0, 0);
    memset(bytes, ' ', sizeof bytes);
    bytes[0] = 0;
    bytes[1] = 1;
    bytes[2] = 0;
    bytes[3] = 0;
    memcpy(bytes + size - (sizeof CANCEL - 1), CANCEL, sizeof CANCEL - 1);
    for (int round = 0; round < 2; round++) { /* the large slot must come back */
        bench.command_count = 0;
        for (uint32_t i = 0; i < size; i++) {
            io_event(0, OC_IO_RECEIVED, bytes + i, 1, 0);
        }
        assert_int_equal(bench.command_count, 1);
        expect_command(0, OC_COMMAND_CANCEL, 0);
    }
}

static void test_bad_lengths_are_refused_and_end_the_session(void **state)
{
    static const uint8_t BAD[2][5] = {{0, 0, 0, 0, 'x'}, {0, 1, 0, 1, 'x'}};
    uint8_t bytes[128];
    uint32_t size = frame(bytes, CANCEL);
    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        bool in_pieces = i >= 2;
        bench.command_count = 0;
        connect_session(i, 0);
        memcpy(bytes + size, BAD[i % 2], 5);
        if (in_pieces) {
            for (uint32_t at = 0; at < size + 5; at++) {
                io_event(i, OC_IO_RECEIVED, bytes + at, 1, 0);
            }
        } else {
            io_event(i, OC_IO_RECEIVED, bytes, size + 5, 0);
        }
        io_event(i, OC_IO_RECEIVED, bytes, size, 0); /* means nothing any more */
        assert_int_equal(bench.command_count, 4);
        expect_command(0, OC_COMMAND_SESSION_OPEN, i);
        expect_command(1, OC_COMMAND_CANCEL, i);
        expect_command(2, OC_COMMAND_REFUSED, i);
        assert_int_equal(bench.commands[2].refused.reason, OC_REASON_BAD_FRAME_LENGTH);
        expect_command(3, OC_COMMAND_SESSION_CLOSE, i);
        assert_int_equal(bench.notices[i], OC_GATEWAY_BAD_STREAM);
    }
}

static void test_large_frames_beyond_the_limit_are_refused(void **state)
{
    uint8_t bytes[2000] = {0, 0, 0x10, 0x00};
    (void)state;
    memset(bytes + 4, ' ', sizeof bytes - 4);
    connect_session(0, 0);
    connect_session(1, 0);
    io_event(0, OC_IO_RECEIVED, bytes, sizeof bytes, 0);
    bench.command_count = 0;
    io_event(1, OC_IO_RECEIVED, bytes, sizeof bytes, 0);
    assert_int_equal(bench.command_count, 2);
    expect_command(0, OC_COMMAND_REFUSED, 1);
    assert_int_equal(bench.commands[0].refused.reason, OC_REASON_TOO_MANY_LARGE_FRAMES);
    expect_command(1, OC_COMMAND_SESSION_CLOSE, 1);
    /* The slot is free again once its session is gone. */
    io_event(0, OC_IO_CLOSED, NULL, 0, 0);
    io_event(1, OC_IO_CLOSED, NULL, 0, 0);
    connect_session(2, 0);
    bench.command_count = 0;
    io_event(2, OC_IO_RECEIVED, bytes, sizeof bytes, 0);
    assert_int_equal(bench.command_count, 0);
}

static void test_eof_within_a_frame_is_told(void **state)
{
    uint8_t bytes[128];
    uint32_t size = frame(bytes, CANCEL);
    (void)state;
    connect_session(0, 0);
    io_event(0, OC_IO_RECEIVED, bytes, size - 1, 0);
    io_event(0, OC_IO_EOF, NULL, 0, 0);
    assert_int_equal(bench.command_count, 3);
    expect_command(1, OC_COMMAND_REFUSED, 0);
    assert_int_equal(bench.commands[1].refused.reason, OC_REASON_INCOMPLETE_FRAME);
    expect_command(2, OC_COMMAND_SESSION_CLOSE, 0);
}

/* --- the life of a session -----------------------------------------------------------------------
 */

static void test_eof_is_answered_then_flushed(void **state)
{
    (void)state;
    connect_session(0, 0);
    io_event(0, OC_IO_EOF, NULL, 0, 0);
    expect_command(1, OC_COMMAND_SESSION_CLOSE, 0);
    assert_false(fake.conns[0].closed);
    give_pong(0, 5); /* the reply of a request before the EOF */
    give_settings(0, OC_EVENT_SESSION_CLOSED, 0);
    assert_true(fake.conns[0].closed);
    assert_int_equal(fake.conns[0].mode, OC_IO_CLOSE_FLUSH);
    expect_sent(0, "p5");
    io_event(0, OC_IO_CLOSED, NULL, 0, 0);
    assert_int_equal(bench.command_count, 2);
}

static void test_a_reset_is_told_once_and_late_events_reach_nobody(void **state)
{
    struct oc_io_event again = {.kind = OC_IO_ACCEPTED, .conn = {.index = 0, .generation = 2}};
    (void)state;
    connect_session(0, 0);
    io_event(0, OC_IO_CLOSED, NULL, 0, 0);
    assert_int_equal(bench.command_count, 2);
    expect_command(1, OC_COMMAND_SESSION_CLOSE, 0);
    oc_gateway_on_io(bench.gateway, &again); /* the slot carries the next client already */
    give_pong(0, 5);
    give_settings(0, OC_EVENT_SESSION_CLOSED, 0);
    expect_sent(0, "");
    assert_false(fake.conns[0].closed);
}

static void test_close_all_asks_every_open_session(void **state)
{
    (void)state;
    connect_session(0, 0);
    connect_session(3, 0);
    bench.command_count = 0;
    oc_gateway_close_all(bench.gateway);
    assert_int_equal(bench.command_count, 2);
    expect_command(0, OC_COMMAND_SESSION_CLOSE, 0);
    expect_command(1, OC_COMMAND_SESSION_CLOSE, 3);
}

/* --- the tape
 * -------------------------------------------------------------------------------------- */

static void test_everyone_sees_one_order_of_events(void **state)
{
    (void)state;
    give_instrument();
    connect_session(0, 0);
    connect_session(1, 0);
    connect_session(2, 1);
    give_trade(1, id_of(0), id_of(1));
    give_confirmed(0, 11, 77);
    give_trade(2, id_of(0), id_of(0));
    give_pong(1, 5);
    give_confirmed(2, 12, 78);
    give_trade(3, id_of(5), id_of(6));
    oc_gateway_flush(bench.gateway);
    expect_sent(0, "t1 C11 t2 t3");
    expect_sent(1, "t1 t2 p5 t3");
    expect_sent(2, "t1 c11 t2 C12 t3");
    oc_gateway_flush(bench.gateway);
    expect_sent(0, "t1 C11 t2 t3");
}

static void test_trades_off_shows_own_trades_once(void **state)
{
    (void)state;
    give_instrument();
    connect_session(0, 0);
    connect_session(1, 1);
    give_trade(1, 0, 0);
    give_settings(0, OC_EVENT_SESSION, 0);
    give_settings(1, OC_EVENT_SESSION, 0);
    give_trade(2, id_of(4), id_of(5));
    give_trade(3, id_of(0), id_of(0));
    give_confirmed(3, 11, 1);
    give_trade(4, id_of(5), id_of(1));
    oc_gateway_flush(bench.gateway);
    expect_sent(0, "t1 ? t3");
    expect_sent(1, "t1 ? c11 t4"); /* confirmations=all stays */
    give_settings(0, OC_EVENT_SESSION, OC_SETTING_TRADES);
    give_trade(5, 0, 0);
    oc_gateway_flush(bench.gateway);
    expect_sent(0, "t1 ? t3 ? t5");
}

static void test_listeners_come_and_go_in_any_order(void **state)
{
    (void)state;
    give_instrument();
    for (uint32_t i = 0; i < 4; i++) {
        connect_session(i, 0);
    }
    give_trade(1, 0, 0);
    give_settings(0, OC_EVENT_SESSION_CLOSED, 0); /* the first of the list */
    give_trade(2, 0, 0);
    give_settings(3, OC_EVENT_SESSION_CLOSED, 0); /* the last, which took its place */
    give_trade(3, 0, 0);
    io_event(1, OC_IO_CLOSED, NULL, 0, 0);
    give_trade(4, 0, 0);
    oc_gateway_flush(bench.gateway);
    expect_sent(0, "t1");
    expect_sent(1, "");
    expect_sent(2, "t1 t2 t3 t4");
    expect_sent(3, "t1 t2");
}

static void test_a_tape_of_many_chunks_reaches_all(void **state)
{
    (void)state;
    give_instrument();
    connect_session(0, 0);
    connect_session(1, 0);
    for (uint32_t turn_trade = 0; turn_trade < 1000; turn_trade++) {
        give_trade(turn_trade + 1, 0, 0);
    }
    oc_gateway_flush(bench.gateway);
    assert_int_equal(fake.conns[0].sent_size, fake.conns[1].sent_size);
    assert_memory_equal(fake.conns[0].sent, fake.conns[1].sent, fake.conns[0].sent_size);
    assert_true(fake.conns[0].sent_size > 1000 * 150);
    assert_true(fake.shared_sends < 200); /* runs, not single trades */
}

/* --- who has to go
 * ----------------------------------------------------------------------------------- */

static void test_a_slow_reader_goes_and_the_others_stay(void **state)
{
    struct oc_gateway_stats stats;
    (void)state;
    give_instrument();
    connect_session(0, 0);
    connect_session(1, 0);
    fake.conns[0].reads = false;
    for (uint32_t i = 0; i < 60; i++) {
        give_trade(i + 1, 0, 0);
        oc_gateway_flush(bench.gateway);
    }
    oc_gateway_stats_read(bench.gateway, &stats);
    assert_int_equal(stats.slow_readers, 1);
    assert_int_equal(bench.notice_count, 1);
    assert_int_equal(bench.notices[0], OC_GATEWAY_SLOW_READER);
    assert_true(fake.conns[0].closed);
    assert_int_equal(fake.conns[0].mode, OC_IO_CLOSE_ABORT);
    assert_false(fake.conns[1].closed);
    /* Its end is sequenced when the connection is gone: cancel-on-disconnect follows. */
    io_event(0, OC_IO_CLOSED, NULL, 0, 0);
    expect_command(bench.command_count - 1, OC_COMMAND_SESSION_CLOSE, 0);
}

static void test_a_session_that_breaks_gets_no_further_share_of_the_turn(void **state)
{
    uint8_t bytes[512];
    uint32_t size = frame(bytes, PING);
    (void)state;
    size += frame(bytes + size, PING);
    size += frame(bytes + size, PING);
    size += frame(bytes + size, CANCEL);
    connect_session(0, 0);
    fake.conns[0].reads = false;
    bench.command_count = 0;
    bench.pongs = OUT_BYTES_MAX / 40; /* the second answer is too much */
    io_event(0, OC_IO_RECEIVED, bytes, size, 0);
    assert_int_equal(bench.command_count, 2);
    assert_int_equal(bench.notices[0], OC_GATEWAY_SLOW_READER);
}

static void test_out_of_chunks_the_one_who_owes_most_goes(void **state)
{
    (void)state;
    connect_session(0, 0);
    connect_session(1, 0);
    connect_session(2, 0);
    fake.conns[1].reads = false;
    give_pong(1, 1);
    give_pong(1, 2);
    fake.chunks_left = 0;
    give_pong(0, 3);
    assert_true(fake.conns[1].closed);
    expect_sent(0, "p3");
    assert_int_equal(bench.notices[0], OC_GATEWAY_OUT_OF_CHUNKS);
    assert_false(fake.conns[0].closed);
    assert_false(fake.conns[2].closed);
}

static void test_when_nobody_owes_the_session_goes_instead_of_a_silent_drop(void **state)
{
    (void)state;
    connect_session(0, 0);
    connect_session(1, 0);
    fake.chunks_left = 0;
    give_pong(0, 3);
    assert_true(fake.conns[0].closed);
    assert_int_equal(bench.notices[0], OC_GATEWAY_OUT_OF_CHUNKS);
    assert_false(fake.conns[1].closed);
}

static void test_without_any_chunk_the_tape_still_reaches_who_can_take_it(void **state)
{
    (void)state;
    give_instrument();
    connect_session(0, 0);
    fake.chunks_left = 1;
    for (uint32_t i = 0; i < CHUNKS; i++) { /* all taken, but sends are still accepted */
        fake.chunk_references[i] = 2;
    }
    for (uint32_t i = 0; i < 50; i++) {
        give_trade(i + 1, 0, 0);
    }
    oc_gateway_flush(bench.gateway);
    memset(fake.chunk_references, 0, sizeof fake.chunk_references);
    assert_false(fake.conns[0].closed);
    assert_int_equal(fake.shared_sends, 0);
    assert_true(fake.conns[0].sent_size > 50 * 150);
}

int main(void)
{
#define BENCH_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        BENCH_TEST(test_frames_of_every_split_become_the_same_commands),
        BENCH_TEST(test_a_frame_byte_by_byte_through_both_buffer_sizes),
        BENCH_TEST(test_bad_lengths_are_refused_and_end_the_session),
        BENCH_TEST(test_large_frames_beyond_the_limit_are_refused),
        BENCH_TEST(test_eof_within_a_frame_is_told),
        BENCH_TEST(test_eof_is_answered_then_flushed),
        BENCH_TEST(test_a_reset_is_told_once_and_late_events_reach_nobody),
        BENCH_TEST(test_close_all_asks_every_open_session),
        BENCH_TEST(test_everyone_sees_one_order_of_events),
        BENCH_TEST(test_trades_off_shows_own_trades_once),
        BENCH_TEST(test_listeners_come_and_go_in_any_order),
        BENCH_TEST(test_a_tape_of_many_chunks_reaches_all),
        BENCH_TEST(test_a_slow_reader_goes_and_the_others_stay),
        BENCH_TEST(test_a_session_that_breaks_gets_no_further_share_of_the_turn),
        BENCH_TEST(test_out_of_chunks_the_one_who_owes_most_goes),
        BENCH_TEST(test_when_nobody_owes_the_session_goes_instead_of_a_silent_drop),
        BENCH_TEST(test_without_any_chunk_the_tape_still_reaches_who_can_take_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * A fake io table and a fake engine; see bench.h.
 */
#include "support/bench.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/assert.h"

struct fake fake;
struct bench bench;

/* --- the fake io table -------------------------------------------------------------------- */

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
            *conn = conn_of(i);
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

static int fake_receive(struct oc_io *io, struct oc_conn conn, bool on)
{
    (void)io;
    fake.conns[conn.index].paused = !on;
    return fake.conns[conn.index].closed ? -ENOTCONN : 0;
}

static bool fake_has_input(struct oc_io *io, struct oc_conn conn)
{
    (void)io;
    return conn.index < CONNECTIONS && fake.conns[conn.index].has_input;
}

static int fake_unreceive(struct oc_io *io, struct oc_conn conn, uint8_t *bytes, uint32_t size)
{
    struct fake_conn *from = &fake.conns[conn.index];
    (void)io;
    assert_true(size > 0);
    assert_ptr_equal(bytes + size, fake.event_end);
    if (from->closed) {
        return -ENOTCONN;
    }
    assert_true(from->back_size + size <= sizeof from->back);
    memcpy(from->back + from->back_size, bytes, size);
    from->back_size += size;
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
    .receive = fake_receive,
    .unreceive = fake_unreceive,
    .has_input = fake_has_input,
};

/* --- the fake engine ---------------------------------------------------------------------- */

static bool on_submit(void *context, struct oc_command *command)
{
    assert_ptr_equal(context, &bench);
    assert_true(bench.command_count < COMMANDS_MAX);
    bench.asked++;
    if (bench.room == 0) {
        return false;
    }
    bench.room -= bench.room < UINT32_MAX;
    bench.commands[bench.command_count++] = *command;
    for (uint32_t i = 0; command->kind == OC_COMMAND_PING && i < bench.pongs; i++) {
        give(&(struct oc_event){
            .kind = OC_EVENT_PONG, .session = command->session, .instrument = OC_INDEX_NONE});
    }
    return true;
}

static void on_notice(void *context, enum oc_gateway_notice notice, enum oc_reason reason,
                      struct oc_conn conn)
{
    (void)context;
    assert_true((reason != OC_REASON_NONE) == (notice == OC_GATEWAY_BAD_STREAM));
    (void)conn;
    bench.notice_reasons[bench.notice_count] = reason;
    bench.notices[bench.notice_count++] = notice;
}

static bool on_admit(void *context, struct oc_conn conn)
{
    (void)context;
    (void)conn;
    bench.admissible -= bench.admissible > 0 && bench.admissible < UINT32_MAX;
    return bench.admissible > 0;
}

static void on_leave(void *context, struct oc_conn conn)
{
    (void)context;
    (void)conn;
    bench.left++;
}

/* --- the bench ---------------------------------------------------------------------------- */

int bench_set_up(void **state)
{
    (void)state;
    memset(&bench, 0, sizeof bench);
    memset(&fake, 0, sizeof fake);
    fake.io.ops = &FAKE_OPS;
    fake.chunks_left = CHUNKS;
    for (uint32_t i = 0; i < CONNECTIONS; i++) {
        fake.conns[i].generation = 1;
    }
    bench.room = UINT32_MAX;
    bench.admissible = UINT32_MAX;
    bench.now_ns = 1000 * SECOND_NS;
    oc_arena_init(&bench.arena);
    bench.config = (struct oc_gateway_config){
        .arena = &bench.arena,
        .io = &fake.io,
        .hooks = {.context = &bench,
                  .submit = on_submit,
                  .notice = on_notice,
                  .admit = on_admit,
                  .leave = on_leave},
        .sessions_max = CONNECTIONS,
        .instruments_max = 4,
        .large_frames_max = 1,
        .out_bytes_max = OUT_BYTES_MAX,
    };
    bench_restart();
    return 0;
}

int bench_tear_down(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < CHUNKS; i++) {
        assert_int_equal(fake.chunk_references[i], 0);
    }
    oc_arena_deinit(&bench.arena);
    return 0;
}

void bench_limit(const struct oc_session_limits *limits)
{
    bench.config.session_limits = *limits;
    bench_restart();
}

void bench_restart(void)
{
    bench.gateway = oc_gateway_create(&bench.config);
    assert_non_null(bench.gateway);
    oc_gateway_add_listener(bench.gateway, 0, false);
    oc_gateway_add_listener(bench.gateway, 1, true);
    oc_gateway_begin(bench.gateway, bench.now_ns);
}

void next_turn(uint64_t elapsed_ns)
{
    static uint8_t bytes[sizeof fake.conns[0].back];
    bench.now_ns += elapsed_ns;
    oc_gateway_begin(bench.gateway, bench.now_ns);
    for (uint32_t i = 0; i < CONNECTIONS; i++) {
        struct fake_conn *conn = &fake.conns[i];
        uint32_t size = conn->back_size;
        bool eof = conn->back_eof;
        if (conn->paused || conn->closed || (size == 0 && !eof)) {
            continue;
        }
        memcpy(bytes, conn->back, size);
        conn->back_size = 0;
        conn->back_eof = false;
        if (size > 0) {
            io_event(i, OC_IO_RECEIVED, bytes, size, 0);
        }
        if (eof) {
            io_event(i, OC_IO_EOF, NULL, 0, 0);
        }
    }
}

struct oc_conn conn_of(uint32_t index)
{
    return (struct oc_conn){.index = index, .generation = fake.conns[index].generation};
}

uint64_t id_of(uint32_t index)
{
    return oc_session_make(bench.config.session_base + index, fake.conns[index].generation);
}

void io_event(uint32_t index, enum oc_io_event_kind kind, const void *bytes, uint32_t size,
              uint64_t tag)
{
    struct oc_io_event event = {.kind = (uint8_t)kind, .conn = conn_of(index), .tag = tag};
    static uint8_t copy[1 << 17];
    if (size > 0) {
        memcpy(copy, bytes, size);
    }
    event.bytes = copy;
    event.size = size;
    fake.event_end = copy + size;
    oc_gateway_on_io(bench.gateway, &event);
    /* What io would tell again behind the bytes that went back. */
    if (kind == OC_IO_EOF && fake.conns[index].back_size > 0) {
        fake.conns[index].back_eof = true;
    }
}

void give(const struct oc_event *event)
{
    oc_gateway_on_events(bench.gateway, event, 1);
}

void give_settings(uint32_t index, enum oc_event_kind kind, uint32_t settings)
{
    give(&(struct oc_event){.kind = (uint8_t)kind,
                            .session = id_of(index),
                            .instrument = OC_INDEX_NONE,
                            .settings = settings});
}

void connect_session(uint32_t index, uint64_t tag)
{
    fake.conns[index].closed = false;
    fake.conns[index].paused = false;
    fake.conns[index].back_size = 0;
    fake.conns[index].back_eof = false;
    fake.conns[index].reads = true;
    io_event(index, OC_IO_ACCEPTED, NULL, 0, tag);
    give_settings(index, OC_EVENT_SESSION_OPENED, OC_SETTINGS_AT_OPEN);
}

void give_instrument(void)
{
    struct oc_event event = {.kind = OC_EVENT_INSTRUMENT, .flags = OC_EVENT_PUBLIC};
    event.instrument_made.symbol.size = 1;
    event.instrument_made.symbol.bytes[0] = 'A';
    give(&event);
}

void give_trade(uint64_t trade_id, uint64_t buyer_session, uint64_t seller_session)
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

void give_pong(uint32_t index, uint64_t ping)
{
    give(&(struct oc_event){
        .kind = OC_EVENT_PONG, .session = id_of(index), .instrument = OC_INDEX_NONE, .ping = ping});
}

void give_confirmed(uint32_t index, uint64_t order_id, uint64_t request_id)
{
    struct oc_event event = {.kind = OC_EVENT_CONFIRMED,
                             .session = id_of(index),
                             .request_id = request_id,
                             .flags = OC_EVENT_HAS_REQUEST_ID};
    event.order.order_id = order_id;
    event.order.user_id = 9;
    give(&event);
}

void expect_sent(uint32_t index, const char *expected)
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

uint32_t frame(uint8_t *out, const char *payload)
{
    size_t size = strlen(payload);
    out[0] = 0;
    out[1] = (uint8_t)(size >> 16);
    out[2] = (uint8_t)(size >> 8);
    out[3] = (uint8_t)size;
    memcpy(out + 4, payload, size);
    return (uint32_t)size + 4;
}

void expect_command(uint32_t place, enum oc_command_kind kind, uint32_t index)
{
    assert_true(place < bench.command_count);
    assert_int_equal(bench.commands[place].kind, kind);
    assert_true(bench.commands[place].session == id_of(index));
}

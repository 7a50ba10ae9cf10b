/*
 * The oracle of session_oracle.h: bytes sent against commands, then commands against bytes
 * received.
 */
#include "support/session_oracle.h"

#include <stdlib.h>
#include <string.h>

#include "core/assert.h"
#include "engine/internal.h"
#include "wire/reply.h"
#include "wire/wire.h"

/* Not the capacity of the run itself: a command must not depend on where it is interrupted. */
#define LOG_CAPACITY   64U
#define LEVEL_CAPACITY (2 * OC_BOOK_DEPTH_MAX)

/** Up to where a peer's received bytes are explained. */
struct follower {
    struct fake_peer *peer;
    uint64_t session;
    uint32_t settings;
    bool open;
    size_t explained;
    uint32_t told_count; /* frames of the present command */
};

struct replay {
    const struct session_run *run;
    struct oc_arena arena;
    struct oc_event_log log;
    uint32_t consumer;
    struct oc_engine *engine;
    struct oc_wire_encoder *encoder;
    struct follower followers[FAKE_PEERS_MAX];
    uint32_t follower_count;
};

static void check_sent(const struct session_run *run, const struct fake_peer *peer);
static const struct oc_command *next_of(const struct session_run *run, uint64_t session,
                                        uint32_t *place);
static bool check_refusal(const struct oc_command *command, enum oc_reason reason);
static void check_same(const struct oc_command *got, const struct oc_command *wanted);
static void check_frames(const struct fake_peer *peer);
static void replay_begin(struct replay *replay, const struct session_run *run);
static void replay_command(struct replay *replay, const struct oc_command *command);
static void drain(struct replay *replay);
static void give(struct replay *replay, const struct oc_event *event);
static void give_private(struct replay *replay, const struct oc_event *event,
                         struct oc_wire_span span);
static void expect(struct follower *follower, struct oc_wire_span span);
static struct follower *follower_of(struct replay *replay, uint64_t session);

void session_oracle_check(const struct session_run *run)
{
    static struct replay replay;

    for (uint32_t i = 0; i < run->io->peer_count; i++) {
        const struct fake_peer *peer = &run->io->peers[i];

        OC_ASSERT(peer->closed);
        check_sent(run, peer);
        check_frames(peer);
    }
    replay_begin(&replay, run);
    for (uint32_t i = 0; i < run->command_count; i++) {
        replay_command(&replay, &run->commands[i]);
    }
    oc_engine__audit(replay.engine);
    OC_ASSERT(oc_engine_state_hash(replay.engine) == run->state_hash);
    for (uint32_t i = 0; i < replay.follower_count; i++) {
        const struct follower *follower = &replay.followers[i];

        OC_ASSERT(!follower->open);
        OC_ASSERT(follower->explained == follower->peer->in.size);
    }
    oc_arena_deinit(&replay.arena);
}

/* --- what was sent ---------------------------------------------------------------------------- */

/*
 * One opening, then a command for each complete frame, then one end. Who was cut off by the venue
 * may have lost the last frames; nobody may have lost one in between.
 */
static void check_sent(const struct session_run *run, const struct fake_peer *peer)
{
    uint64_t session = oc_session_make(peer->conn.index, peer->conn.generation);
    bool may_stop_early = peer->cut || run->stopped;
    const struct oc_command *command;
    struct oc_command wanted;
    uint32_t place = 0;
    size_t at = 0;

    if (peer->conn.generation == 0) {
        return;
    }
    command = next_of(run, session, &place);
    OC_ASSERT(command != NULL);
    OC_ASSERT(command->kind == OC_COMMAND_SESSION_OPEN);
    command = next_of(run, session, &place);
    OC_ASSERT(command != NULL);
    while (at < peer->delivered_size) {
        size_t left = peer->delivered_size - at;
        size_t frame_size;
        enum oc_wire_frame found = oc_wire_frame_next(peer->out.bytes + at, left, &frame_size);
        bool is_large = frame_size > 1024 && left >= OC_FRAME_HEADER_BYTES;

        if ((may_stop_early && command->kind == OC_COMMAND_SESSION_CLOSE) ||
            (is_large && check_refusal(command, OC_REASON_TOO_MANY_LARGE_FRAMES))) {
            break;
        }
        if (found != OC_WIRE_FRAME_COMPLETE) {
            bool told = found == OC_WIRE_FRAME_BAD_LENGTH
                            ? check_refusal(command, OC_REASON_BAD_FRAME_LENGTH)
                            : check_refusal(command, OC_REASON_INCOMPLETE_FRAME);

            OC_ASSERT(told == (found == OC_WIRE_FRAME_BAD_LENGTH || peer->eof_told));
            command = told ? next_of(run, session, &place) : command;
            OC_ASSERT(command != NULL);
            OC_ASSERT(command->kind == OC_COMMAND_SESSION_CLOSE);
            break;
        }
        (void)oc_wire_decode_request(peer->out.bytes + at + OC_FRAME_HEADER_BYTES,
                                     frame_size - OC_FRAME_HEADER_BYTES, &wanted);
        check_same(command, &wanted);
        at += frame_size;
        command = next_of(run, session, &place);
        OC_ASSERT(command != NULL);
    }
    if (check_refusal(command, OC_REASON_TOO_MANY_LARGE_FRAMES)) {
        command = next_of(run, session, &place);
        OC_ASSERT(command != NULL);
    }
    OC_ASSERT(command->kind == OC_COMMAND_SESSION_CLOSE);
    OC_ASSERT(next_of(run, session, &place) == NULL);
}

/* NULL behind the last. */
static const struct oc_command *next_of(const struct session_run *run, uint64_t session,
                                        uint32_t *place)
{
    while (*place < run->command_count) {
        const struct oc_command *command = &run->commands[(*place)++];

        if (command->session == session) {
            return command;
        }
    }
    return NULL;
}

static bool check_refusal(const struct oc_command *command, enum oc_reason reason)
{
    return command->kind == OC_COMMAND_REFUSED && command->refused.reason == reason;
}

static void check_same(const struct oc_command *got, const struct oc_command *wanted)
{
    struct oc_command copy = *got;

    copy.sequence = 0;
    copy.time_ns = 0;
    copy.session = 0;
    OC_ASSERT(memcmp(&copy, wanted, sizeof(copy)) == 0);
}

/* --- what was received -------------------------------------------------------------------------
 */

/* Frames that our own client understands; only who was cut off may end within one. */
static void check_frames(const struct fake_peer *peer)
{
    static struct oc_event_level levels[LEVEL_CAPACITY];
    static struct oc_wire_open_order orders[OC_OPEN_ORDERS_PER_FRAME];
    size_t at = 0;

    while (at < peer->in.size) {
        struct oc_wire_reply reply = {
            .levels = levels,
            .level_capacity = LEVEL_CAPACITY,
            .orders = orders,
            .order_capacity = OC_OPEN_ORDERS_PER_FRAME,
        };
        size_t size;
        enum oc_wire_frame found = oc_wire_frame_next(peer->in.bytes + at, peer->in.size - at,
                                                      &size);

        OC_ASSERT(found != OC_WIRE_FRAME_BAD_LENGTH);
        if (found == OC_WIRE_FRAME_INCOMPLETE) {
            OC_ASSERT(peer->cut);
            return;
        }
        OC_ASSERT(oc_wire_decode_reply(peer->in.bytes + at + OC_FRAME_HEADER_BYTES,
                                       size - OC_FRAME_HEADER_BYTES, &reply) == 0);
        at += size;
    }
}

static void replay_begin(struct replay *replay, const struct session_run *run)
{
    memset(replay, 0, sizeof(*replay));
    replay->run = run;
    oc_arena_init(&replay->arena);
    OC_ASSERT(oc_event_log_init(&replay->log, &replay->arena, LOG_CAPACITY) == 0);
    replay->consumer = oc_event_log_add_consumer(&replay->log);
    replay->engine = oc_engine_create(&replay->arena, &run->engine, &replay->log);
    OC_ASSERT(replay->engine != NULL);
    replay->encoder = oc_wire_encoder_create(&replay->arena, run->engine.limits.instruments_max);
    OC_ASSERT(replay->encoder != NULL);
}

static void replay_command(struct replay *replay, const struct oc_command *command)
{
    enum oc_apply rc;

    if (command->kind == OC_COMMAND_SESSION_OPEN) {
        OC_ASSERT(replay->follower_count < FAKE_PEERS_MAX);
        replay->followers[replay->follower_count++] = (struct follower){
            .peer = fake_io_peer(replay->run->io, command->session),
            .session = command->session,
        };
    }
    for (uint32_t i = 0; i < replay->follower_count; i++) {
        replay->followers[i].told_count = 0;
    }
    rc = oc_engine_apply(replay->engine, command);
    while (rc == OC_MORE) {
        drain(replay);
        rc = oc_engine_continue(replay->engine);
    }
    drain(replay);
    if (command->kind >= OC_COMMAND_NEW) {
        OC_ASSERT(follower_of(replay, command->session)->told_count > 0);
    }
}

static void drain(struct replay *replay)
{
    const struct oc_event *events;
    uint32_t count;

    while ((count = oc_event_log_read(&replay->log, replay->consumer, &events)) > 0) {
        for (uint32_t i = 0; i < count; i++) {
            give(replay, &events[i]);
        }
        oc_event_log_release(&replay->log, replay->consumer, count);
    }
}

static void give(struct replay *replay, const struct oc_event *event)
{
    struct oc_wire_span span = oc_wire_encode(replay->encoder, event);

    for (uint32_t i = 0; i < replay->follower_count; i++) {
        struct follower *follower = &replay->followers[i];
        bool hears_all = follower->peer->tag == replay->run->confirmations_all_tag;

        if (!follower->open) {
            continue;
        }
        if (event->kind == OC_EVENT_TRADE) {
            bool own = event->trade.buyer_session == follower->session ||
                       event->trade.seller_session == follower->session;

            if (own || (follower->settings & OC_SETTING_TRADES) != 0) {
                expect(follower, span);
            }
        } else if (event->kind == OC_EVENT_CONFIRMED && hears_all &&
                   event->session != follower->session) {
            expect(follower, oc_wire_encode_confirmation_public(replay->encoder, event));
        }
    }
    if (event->kind != OC_EVENT_TRADE) {
        give_private(replay, event, span);
    }
}

static void give_private(struct replay *replay, const struct oc_event *event,
                         struct oc_wire_span span)
{
    struct follower *follower = follower_of(replay, event->session);

    if (follower == NULL) {
        return;
    }
    if (event->kind == OC_EVENT_SESSION_OPENED || event->kind == OC_EVENT_SESSION) {
        follower->open = true;
        follower->settings = event->settings;
    } else if (event->kind == OC_EVENT_SESSION_CLOSED) {
        follower->open = false;
    }
    expect(follower, span);
}

/* The next bytes that the peer got; who was cut off may have got fewer. */
static void expect(struct follower *follower, struct oc_wire_span span)
{
    const struct fake_bytes *in = &follower->peer->in;
    size_t left = in->size - follower->explained;
    size_t size = span.size < left ? span.size : left;

    if (span.size == 0) {
        return;
    }
    follower->told_count++;
    OC_ASSERT(size == span.size || follower->peer->cut);
    OC_ASSERT(size == 0 || memcmp(in->bytes + follower->explained, span.bytes, size) == 0);
    follower->explained += size;
}

static struct follower *follower_of(struct replay *replay, uint64_t session)
{
    for (uint32_t i = 0; i < replay->follower_count; i++) {
        if (replay->followers[i].session == session) {
            return &replay->followers[i];
        }
    }
    return NULL;
}

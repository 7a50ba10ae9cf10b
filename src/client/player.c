/*
 * One connection of the load generator: bytes to replies to the checker, and requests in due time.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "client/load_internal.h"
#include "core/assert.h"
#include "wire/reply.h"
#include "wire/wire.h"

static bool prepare_frames(struct oc_client__load *load, struct oc_client__player *player);
static void frame_handle(struct oc_client__load *load, struct oc_client__player *player,
                         const uint8_t *payload, size_t size);
static void handshake_handle(struct oc_client__load *load, struct oc_client__player *player,
                             const struct oc_event *event);
static void request_answered(struct oc_client__load *load, struct oc_client__player *player);
static void send_command(struct oc_client__load *load, struct oc_client__player *player,
                         const struct oc_command *command);
static void count_sent(struct oc_client__load *load, const struct oc_client__player *player,
                       uint64_t intended_ns, uint64_t sent_ns);
static bool over(const struct oc_client__load *load, const struct oc_client__player *player);
static bool send_next(struct oc_client__load *load, struct oc_client__player *player);

int oc_client__player_init(struct oc_client__load *load, uint32_t index,
                           const struct oc_script *script)
{
    struct oc_client__player *player = &load->players[index];
    uint64_t capacity = 64;

    while (capacity < load->config->window) {
        capacity *= 2;
    }
    player->script = script;
    player->user_id = load->config->user_first + index;
    player->mask = capacity - 1;
    player->intended_ns = oc_arena_alloc(&load->arena, capacity, sizeof(uint64_t), 0);
    player->rx = oc_arena_alloc(&load->arena, OC_FRAME_HEADER_BYTES + OC_FRAME_BYTES_MAX, 1, 0);
    if (player->intended_ns == NULL || player->rx == NULL || !prepare_frames(load, player)) {
        return -ENOMEM;
    }
    return oc_checker_init(&player->checker, script, player->user_id, (uint32_t)capacity);
}

void oc_client__player_greet(struct oc_client__load *load, struct oc_client__player *player)
{
    struct oc_command settings = {.kind = OC_COMMAND_SESSION_SET};
    struct oc_command cancel = {.kind = OC_COMMAND_MASS_CANCEL, .user_id = player->user_id};
    struct oc_command ping = {.kind = OC_COMMAND_PING, .ping.ping = OC_CLIENT__PING};

    settings.settings.given = OC_SETTING_TRADES;
    settings.settings.values = load->config->tape ? OC_SETTING_TRADES : 0;
    player->state = OC_CLIENT__HANDSHAKE;
    send_command(load, player, &settings);
    send_command(load, player, &cancel);
    send_command(load, player, &ping);
}

void oc_client__player_receive(struct oc_client__load *load, struct oc_client__player *player,
                               const uint8_t *bytes, size_t size)
{
    player->touched = true;
    load->last_reply_ns = load->now_ns;
    while (size > 0 && !load->failed) {
        /* Whole frames are read where they lie; only a broken one is put together in rx. */
        const uint8_t *from = player->rx_size > 0 ? player->rx : bytes;
        size_t have = player->rx_size > 0 ? player->rx_size : size;
        size_t frame_size;
        size_t taken;

        switch (oc_wire_frame_next(from, have, &frame_size)) {
        case OC_WIRE_FRAME_BAD_LENGTH:
            oc_client__load_fail(load, "a reply frame with a length outside 1 to %u",
                                 OC_FRAME_BYTES_MAX);
            return;
        case OC_WIRE_FRAME_COMPLETE:
            OC_ASSERT(from == bytes);
            frame_handle(load, player, bytes + OC_FRAME_HEADER_BYTES,
                         frame_size - OC_FRAME_HEADER_BYTES);
            bytes += frame_size;
            size -= frame_size;
            continue;
        case OC_WIRE_FRAME_INCOMPLETE:
            break;
        }
        /* Without a header yet, the header is what is missing. */
        taken = (frame_size == 0 ? OC_FRAME_HEADER_BYTES : frame_size) - player->rx_size;
        taken = taken < size ? taken : size;
        memcpy(player->rx + player->rx_size, bytes, taken);
        player->rx_size += taken;
        bytes += taken;
        size -= taken;
        if (frame_size > 0 && player->rx_size == frame_size) {
            player->rx_size = 0;
            frame_handle(load, player, player->rx + OC_FRAME_HEADER_BYTES,
                         frame_size - OC_FRAME_HEADER_BYTES);
        }
    }
}

void oc_client__player_pump(struct oc_client__load *load, struct oc_client__player *player,
                            uint64_t sent_ns)
{
    bool scheduled = load->phase >= OC_CLIENT__RUN;

    if (player->state != OC_CLIENT__PLAYING) {
        return;
    }
    while (player->next_request < player->limit) {
        uint64_t intended_ns;

        if (scheduled && (!oc_schedule_due(&player->schedule, sent_ns) || over(load, player))) {
            break;
        }
        if (player->next_request - player->answered >= load->window || !send_next(load, player)) {
            player->held_ns = sent_ns;
            break;
        }
        intended_ns = scheduled ? oc_schedule_take(&player->schedule, sent_ns) : sent_ns;
        player->intended_ns[player->next_request & player->mask] = intended_ns;
        player->next_request++;
        load->in_flight++;
        if (scheduled) {
            count_sent(load, player, intended_ns, sent_ns);
        }
    }
}

bool oc_client__player_used_up(const struct oc_client__player *player)
{
    return player->next_request >= player->limit;
}

/* What goes round is the same bytes each time. False: no memory. */
static bool prepare_frames(struct oc_client__load *load, struct oc_client__player *player)
{
    const struct oc_script *script = player->script;

    if (script->round_orders == 0) {
        return true;
    }
    player->frames = oc_arena_alloc(&load->arena, script->request_count, sizeof(*player->frames),
                                    0);
    if (player->frames == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < script->request_count; i++) {
        struct oc_client__frame *frame = &player->frames[i];
        struct oc_command command;

        OC_ASSERT(script->requests[i].kind == OC_COMMAND_NEW);
        oc_script_command(script, &script->requests[i], player->user_id, 0, &command);
        frame->size = (uint32_t)oc_wire_encode_request(&command, frame->bytes);
        OC_ASSERT(frame->size > 0);
    }
    return true;
}

static void frame_handle(struct oc_client__load *load, struct oc_client__player *player,
                         const uint8_t *payload, size_t size)
{
    struct oc_wire_reply *reply = &load->reply;
    uint32_t shown = size < 160 ? (uint32_t)size : 160;

    if (oc_wire_decode_reply(payload, size, reply) < 0) {
        oc_client__load_fail(load, "a reply that the protocol does not know: %.*s", (int)shown,
                             (const char *)payload);
        return;
    }
    if (player->state == OC_CLIENT__HANDSHAKE) {
        handshake_handle(load, player, &reply->event);
        return;
    }
    if (player->answered == player->next_request &&
        !(reply->event.kind == OC_EVENT_TRADE && load->config->tape)) {
        oc_client__load_fail(load, "user %" PRIu64 " got a reply that nothing asked for: %.*s",
                             player->user_id, (int)shown, (const char *)payload);
        return;
    }
    if (load->phase >= OC_CLIENT__RUN) {
        load->result->replies++;
    }
    switch (oc_checker_reply(&player->checker, reply)) {
    case OC_CHECK_PART:
        break;
    case OC_CHECK_DONE:
        request_answered(load, player);
        break;
    case OC_CHECK_FOREIGN:
        load->result->foreign++;
        if (!load->config->tape) {
            oc_client__load_fail(load, "user %" PRIu64 " got a trade of others with the tape off",
                                 player->user_id);
        }
        break;
    case OC_CHECK_WRONG:
        oc_client__load_fail(load, "%s", player->checker.why);
        break;
    }
}

static void handshake_handle(struct oc_client__load *load, struct oc_client__player *player,
                             const struct oc_event *event)
{
    if (event->kind == OC_EVENT_REJECTED) {
        oc_client__load_fail(load, "the venue refused the handshake of user %" PRIu64 ": %s (%s)",
                             player->user_id, oc_reason_name((enum oc_reason)event->reason),
                             oc_reason_text((enum oc_reason)event->reason));
    } else if (event->kind == OC_EVENT_PONG && event->ping == OC_CLIENT__PING) {
        player->state = OC_CLIENT__PLAYING;
        load->ready++;
    }
}

static void request_answered(struct oc_client__load *load, struct oc_client__player *player)
{
    uint64_t intended_ns = player->intended_ns[player->answered & player->mask];
    uint64_t latency_ns = load->now_ns > intended_ns ? load->now_ns - intended_ns : 0;

    player->answered++;
    load->in_flight--;
    if (load->phase < OC_CLIENT__RUN) {
        load->result->preloaded++;
        return;
    }
    load->result->answered++;
    load->second_answered++;
    oc_histogram_record(load->second_latency, latency_ns);
    if (intended_ns >= load->measure_ns) {
        load->result->measured++;
        load->last_measured_ns = load->now_ns;
        oc_histogram_record(load->result->latency, latency_ns);
    }
}

static void send_command(struct oc_client__load *load, struct oc_client__player *player,
                         const struct oc_command *command)
{
    uint8_t bytes[OC_WIRE_REQUEST_BYTES_MAX];
    size_t size = oc_wire_encode_request(command, bytes);

    OC_ASSERT(size > 0);
    if (load->ops->send(load->io, player->conn, bytes, (uint32_t)size) < 0) {
        oc_client__load_fail(load, "no out-buffer for the handshake of user %" PRIu64,
                             player->user_id);
    }
}

/* What waited for the venue says nothing about the generator. */
static void count_sent(struct oc_client__load *load, const struct oc_client__player *player,
                       uint64_t intended_ns, uint64_t sent_ns)
{
    load->result->requests++;
    load->second_requests++;
    if (load->config->arrivals == OC_ARRIVALS_CLOSED || intended_ns < load->measure_ns) {
        return;
    }
    if (intended_ns <= player->held_ns) {
        load->result->held++;
    } else {
        oc_histogram_record(load->result->lag, sent_ns - intended_ns);
    }
}

/* The open loop still sends behind the end what was due before it; the closed loop sends nothing.
 */
static bool over(const struct oc_client__load *load, const struct oc_client__player *player)
{
    if (load->config->arrivals == OC_ARRIVALS_CLOSED) {
        return load->phase == OC_CLIENT__DRAIN;
    }
    return player->schedule.next_ns >= load->end_ns;
}

/* False: it has to wait, for an id or for out-buffers, or the connection broke (CLOSED follows). */
static bool send_next(struct oc_client__load *load, struct oc_client__player *player)
{
    const struct oc_script *script = player->script;
    uint64_t index = player->next_request;
    struct oc_command command;
    uint8_t bytes[OC_WIRE_REQUEST_BYTES_MAX];
    uint64_t order_id;
    bool id_needed;
    size_t size;

    if (player->frames != NULL) {
        const struct oc_client__frame *frame = &player->frames[index % script->request_count];
        return load->ops->send(load->io, player->conn, frame->bytes, frame->size) == 0;
    }
    order_id = oc_checker_order_id(&player->checker, index, &id_needed);
    if (id_needed && order_id == 0) {
        return false;
    }
    oc_script_command(script, &script->requests[index], player->user_id, order_id, &command);
    size = oc_wire_encode_request(&command, bytes);
    OC_ASSERT(size > 0);
    return load->ops->send(load->io, player->conn, bytes, (uint32_t)size) == 0;
}

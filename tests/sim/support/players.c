/*
 * The clients of a simulated server; see players.h.
 */
#define _GNU_SOURCE /* memmem */
#include "support/players.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/assert.h"
#include "support/report.h"

/* With everything working, a round brings every player further: this many are a standstill. */
#define QUIET_ROUNDS_MAX 20000U
#define THINK_REQUESTS   5U
#define MARKER_FIRST     900000U
/* The gateway keeps smaller incomplete frames for every session, larger ones for a few. */
#define LARGE_FRAME_BYTES 1024U

static uint64_t below(struct players *players, uint64_t bound)
{
    return oc_random_below(players->config.random, bound);
}

/** Whether something happens that happens `count` times of `of`. */
static bool chance(struct players *players, uint32_t count, uint32_t of)
{
    return below(players, of) < count;
}

static void text_append(struct text *text, const uint8_t *bytes, uint32_t size)
{
    if (text->size + size > text->capacity) {
        text->capacity = 2 * text->capacity + size + 1024;
        text->bytes = realloc(text->bytes, text->capacity);
        OC_ASSERT(text->bytes != NULL);
    }
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
}

static void add_frame(struct player *player, const uint8_t *bytes, uint32_t size,
                      enum frame_kind kind)
{
    if (player->frame_count == player->frame_capacity) {
        player->frame_capacity = 2 * player->frame_capacity + 16;
        player->frames = realloc(player->frames, player->frame_capacity * sizeof(*player->frames));
        OC_ASSERT(player->frames != NULL);
    }
    player->frames[player->frame_count++] = (struct frame){
        .begin = player->out.size,
        .end = player->out.size + size,
        .kind = kind,
    };
    text_append(&player->out, bytes, size);
}

void players_init(struct players *players, const struct players_config *config)
{
    *players = (struct players){.config = *config};
    OC_ASSERT(config->count_max < PLAYERS_MAX);
}

void players_deinit(struct players *players)
{
    for (uint32_t i = 0; i < players->count; i++) {
        free(players->players[i].out.bytes);
        free(players->players[i].expected.bytes);
        free(players->players[i].frames);
    }
}

/** Still has a right to everything: nobody broke its connection, nor did it leave. */
static bool is_alive(const struct players *players, const struct player *player)
{
    struct oc_io_sim_peer peer = oc_io_sim_look(players->config.net, player->peer);

    if (player->has_left || player->has_seen_end) {
        return false;
    }
    return peer.end == OC_IO_SIM_CLOSED || (peer.end == OC_IO_SIM_LIVES && !peer.is_reset);
}

/* --- what is sequenced --------------------------------------------------------------------- */

static struct player *player_of(struct players *players, uint64_t session)
{
    for (uint32_t i = 0; i < players->count; i++) {
        if (players->players[i].session == session) {
            return &players->players[i];
        }
    }
    return NULL;
}

static void open_session(struct players *players, uint64_t session, uint64_t time_ns)
{
    for (uint32_t i = 0; i < players->count; i++) {
        struct oc_io_sim_peer peer = oc_io_sim_look(players->config.net, players->players[i].peer);
        if (peer.conn.generation != 0 &&
            oc_session_make(peer.conn.index, peer.conn.generation) == session) {
            if (players->players[i].session != 0) {
                report_fail("the session of peer %d is opened twice", players->players[i].peer);
            }
            players->players[i].session = session;
            players->players[i].opened_ns = time_ns;
            return;
        }
    }
    report_fail("a session is opened for nobody");
}

/** The command that the server has to make of a frame. */
static void decode_frame(const struct player *player, const struct frame *frame,
                         struct oc_command *command)
{
    switch (frame->kind) {
    case FRAME_WHOLE:
        (void)oc_wire_decode_request(player->out.bytes + frame->begin + OC_FRAME_HEADER_BYTES,
                                     frame->end - frame->begin - OC_FRAME_HEADER_BYTES, command);
        return;
    case FRAME_BAD_LENGTH:
        oc_wire_refuse_frame(command, OC_REASON_BAD_FRAME_LENGTH);
        return;
    case FRAME_CUT:
        oc_wire_refuse_frame(command, OC_REASON_INCOMPLETE_FRAME);
        return;
    }
}

static bool is_large(const struct player *player, const struct frame *frame)
{
    const uint8_t *header = player->out.bytes + frame->begin;

    return frame->end - frame->begin >= OC_FRAME_HEADER_BYTES &&
           ((uint32_t)header[0] << 24 | (uint32_t)header[1] << 16 | (uint32_t)header[2] << 8 |
            header[3]) +
                   OC_FRAME_HEADER_BYTES >
               LARGE_FRAME_BYTES;
}

/** Sessions that the server may be keeping the beginning of a large frame for. */
static uint32_t count_large(const struct players *players, const struct player *but)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < players->count; i++) {
        const struct player *player = &players->players[i];
        if (player == but || player->session == 0 || player->is_close_told ||
            player->frame_next == player->frame_count) {
            continue;
        }
        const struct frame *frame = &player->frames[player->frame_next];
        count += player->sent > frame->begin && is_large(player, frame);
    }
    return count;
}

/** It was refused because the memory for large frames was taken: that may be, and is the end. */
static bool is_large_refusal(const struct players *players, const struct player *player,
                             const struct frame *frame, const struct oc_command *command)
{
    if (command->kind != OC_COMMAND_REFUSED ||
        command->refused.reason != OC_REASON_TOO_MANY_LARGE_FRAMES) {
        return false;
    }
    uint32_t others = count_large(players, player);
    if (others < players->config.large_frames_max && !players->config.is_late) {
        report_fail("a large frame of peer %d is refused, and only %" PRIu32
                    " others can be incomplete",
                    player->peer, others);
    }
    return is_large(player, frame);
}

/** Its time was up, which is the end: it had a limit, and as much time as that since it came. */
static bool is_timeout(const struct players *players, const struct player *player,
                       const struct oc_command *command)
{
    const struct oc_session_limits *limits = &players->config.session_limits;
    uint64_t limit_seconds;

    if (command->kind != OC_COMMAND_REFUSED) {
        return false;
    }
    if (command->refused.reason == OC_REASON_FRAME_TIMEOUT) {
        limit_seconds = limits->incomplete_frame_seconds;
    } else if (command->refused.reason == OC_REASON_IDLE_TIMEOUT) {
        limit_seconds = limits->idle_seconds;
    } else {
        return false;
    }
    if (limit_seconds == 0 ||
        command->time_ns - player->opened_ns < limit_seconds * 1000000000ULL) {
        report_fail("the time of peer %d is said to be up (%s), and it is not", player->peer,
                    oc_reason_name(command->refused.reason));
    }
    return true;
}

/** Turns the wanted command into its reject, if it was one request too many in its second. */
static void expect_rate(const struct players *players, const struct oc_command *command,
                        struct oc_command *wanted)
{
    struct oc_command_refused refused = {.request = wanted->kind};

    if (command->kind != OC_COMMAND_REFUSED ||
        command->refused.reason != OC_REASON_TOO_MANY_REQUESTS) {
        return;
    }
    if (players->config.session_limits.requests_per_second == 0 ||
        wanted->kind == OC_COMMAND_CANCEL || wanted->kind == OC_COMMAND_MASS_CANCEL) {
        report_fail("command %" PRIu64 " is one too many without a limit, or a cancel",
                    command->sequence);
    }
    if (wanted->kind == OC_COMMAND_REFUSED) {
        refused = wanted->refused;
        memset(&refused.detail, 0, sizeof(refused.detail));
    } else if (wanted->kind == OC_COMMAND_NEW) {
        refused.client_order_id = wanted->new_order.client_order_id;
    } else if (wanted->kind == OC_COMMAND_REPLACE) {
        refused.order_id = wanted->replace.order_id;
    } else if (wanted->kind == OC_COMMAND_PING) {
        refused.request = OC_COMMAND_SESSION_SET;
    }
    refused.reason = OC_REASON_TOO_MANY_REQUESTS;
    wanted->kind = OC_COMMAND_REFUSED;
    memset(&wanted->new_order, 0, sizeof(*wanted) - offsetof(struct oc_command, new_order));
    wanted->refused = refused;
}

static void match_frame(struct players *players, struct player *player,
                        const struct oc_command *command)
{
    struct oc_command stamped = *command;
    struct oc_command wanted;

    if (!player->is_refused && is_timeout(players, player, command)) {
        player->is_refused = true;
        return;
    }
    if (player->frame_next == player->frame_count || player->is_refused) {
        report_fail("command %" PRIu64 " is of peer %d, which sent no further frame",
                    command->sequence, player->peer);
    }
    const struct frame *frame = &player->frames[player->frame_next++];
    if (is_large_refusal(players, player, frame, command)) {
        player->is_refused = true;
        return;
    }
    memset(&wanted, 0, sizeof(wanted));
    decode_frame(player, frame, &wanted);
    if (frame->kind == FRAME_WHOLE) {
        expect_rate(players, command, &wanted);
        player->is_marker_refused = player->marker != 0 &&
                                    player->frame_next == player->frame_count &&
                                    wanted.kind == OC_COMMAND_REFUSED;
    }
    stamped.sequence = 0;
    stamped.time_ns = 0;
    stamped.session = 0;
    if (memcmp(&stamped, &wanted, sizeof(wanted)) != 0) {
        report_fail(
            "command %" PRIu64 " (kind %u) is not frame %" PRIu32 " of peer %d (kind %u): %.*s",
            command->sequence, command->kind, player->frame_next - 1, player->peer, wanted.kind,
            (int)(frame->end - frame->begin), (const char *)player->out.bytes + frame->begin);
    }
    uint32_t needed = frame->kind == FRAME_BAD_LENGTH ? frame->begin + OC_FRAME_HEADER_BYTES
                                                      : frame->end;
    if (player->sent < needed) {
        report_fail("frame %" PRIu32 " of peer %d is sequenced before it was sent",
                    player->frame_next - 1, player->peer);
    }
    player->is_refused = frame->kind != FRAME_WHOLE;
}

void players_command(struct players *players, const struct oc_command *command)
{
    if (command->kind == OC_COMMAND_SESSION_OPEN) {
        open_session(players, command->session, command->time_ns);
        return;
    }
    struct player *player = player_of(players, command->session);
    if (player == NULL || player->is_close_told) {
        report_fail("command %" PRIu64 " (kind %u) is of a session that is not open",
                    command->sequence, command->kind);
    }
    if (command->kind == OC_COMMAND_SESSION_CLOSE) {
        player->is_close_told = true;
        player->closed_in_quiet = players->phase != PLAYERS_PLAY;
        return;
    }
    players->requests++;
    match_frame(players, player, command);
}

void players_expect(void *context, uint64_t session, const uint8_t *bytes, uint32_t size)
{
    struct player *player = player_of(context, session);

    OC_ASSERT(player != NULL);
    text_append(&player->expected, bytes, size);
}

uint64_t players_tag_of(void *context, uint64_t session)
{
    const struct player *player = player_of(context, session);

    OC_ASSERT(player != NULL);
    return player->tag;
}

/* --- what a player does -------------------------------------------------------------------- */

/** NULL while the server does not listen yet: its first turns are without listeners. */
static struct player *join(struct players *players)
{
    uint64_t tag = below(players, 2);
    int peer = oc_io_sim_connect(players->config.net, tag);

    if (peer == -ECONNREFUSED && players->count == 0) {
        return NULL;
    }
    if (peer < 0) {
        report_fail("nobody listens: %s", strerror(-peer));
    }
    struct player *player = &players->players[players->count++];
    *player = (struct player){
        .peer = peer,
        .tag = tag,
        .is_stubborn = chance(players, 1, 8),
    };
    return player;
}

static void think(struct players *players, struct player *player)
{
    uint8_t frame[REQUESTS_FRAME_BYTES_MAX];

    for (uint64_t i = 1 + below(players, THINK_REQUESTS); i > 0; i--) {
        uint32_t size = requests_draw(&players->config.requests, frame);
        add_frame(player, frame, size, FRAME_WHOLE);
        if (chance(players, 1, 20)) {
            add_frame(player, frame, size, FRAME_WHOLE); /* a resend, word for word */
        }
    }
}

/** A length that cannot be trusted, and whatever stands behind it. */
static void think_badly(struct players *players, struct player *player)
{
    static const uint8_t BAD[][8] = {
        {0, 0, 0, 0, '{', '}', 0, 1},
        {0, 1, 0, 1, '{', '"', 'a', '"'},
        {'G', 'E', 'T', ' ', '/', ' ', 'H', 'T'},
    };

    add_frame(player, BAD[below(players, 3)], sizeof(BAD[0]), FRAME_BAD_LENGTH);
    player->has_bad_length = true;
}

static void mark(struct player *player)
{
    uint8_t frame[REQUESTS_FRAME_BYTES_MAX];

    player->marker = MARKER_FIRST + (uint64_t)player->peer;
    uint32_t size = requests_ping(player->marker, frame);
    add_frame(player, frame, size, FRAME_WHOLE);
}

static void write_some(struct players *players, struct player *player, bool all)
{
    uint32_t left = player->out.size - player->sent;

    if (left == 0 || player->has_half_closed) {
        return;
    }
    if (!all && chance(players, 2, 3)) {
        uint32_t bound = chance(players, 1, 2) ? 6 : left;
        left = 1 + (uint32_t)below(players, bound < left ? bound : left);
    }
    int taken = oc_io_sim_write(players->config.net, player->peer, player->out.bytes + player->sent,
                                left);
    if (taken > 0) {
        player->sent += (uint32_t)taken;
    }
}

/** Everything that is read must be what the oracle expects next. */
static void read_some(struct players *players, struct player *player, bool all)
{
    uint8_t bytes[4096];
    int count;

    do {
        uint32_t want = all ? sizeof(bytes) : 1 + (uint32_t)below(players, 600);
        count = oc_io_sim_read(players->config.net, player->peer, bytes, want);
        if (count <= 0) {
            break;
        }
        uint32_t size = (uint32_t)count;
        uint32_t left = player->expected.size - player->received;
        const uint8_t *expected = player->expected.bytes + player->received;
        if (size > left || memcmp(bytes, expected, size) != 0) {
            report_fail("peer %d, from byte %" PRIu32 " on, is told\n%.*s\nand not (%" PRIu32
                        " bytes)\n%.*s",
                        player->peer, player->received, (int)size, (const char *)bytes, left,
                        (int)(left < size ? left : size), (const char *)expected);
        }
        player->received += size;
    } while (all);
    player->has_seen_fin = player->has_seen_fin || count == 0;
    player->has_seen_end = player->has_seen_end || count == 0 || count == -ECONNRESET;
}

/** It sends no more: frames that were not begun never come, the one in the middle is cut off. */
static void cut_off(struct player *player)
{
    while (player->frame_count > 0) {
        struct frame *last = &player->frames[player->frame_count - 1];
        if (last->end <= player->sent) {
            break;
        }
        if (last->begin < player->sent) {
            uint32_t sent = player->sent - last->begin;
            if (last->kind == FRAME_WHOLE || sent < OC_FRAME_HEADER_BYTES) {
                last->kind = FRAME_CUT;
                last->end = player->sent;
            }
            break;
        }
        player->frame_count--;
    }
    player->out.size = player->sent;
}

static void half_close(struct players *players, struct player *player)
{
    cut_off(player);
    player->has_half_closed = true;
    oc_io_sim_half_close(players->config.net, player->peer);
}

static void leave(struct players *players, struct player *player)
{
    switch (below(players, 8)) {
    case 0:
        player->has_left = true;
        oc_io_sim_reset(players->config.net, player->peer);
        return;
    case 1:
        cut_off(player);
        player->has_left = true;
        oc_io_sim_close(players->config.net, player->peer);
        return;
    case 2:
        if (!player->has_bad_length && !player->has_half_closed) {
            think_badly(players, player);
        }
        return;
    default:
        if (!player->has_half_closed) {
            half_close(players, player);
        }
        return;
    }
}

/** Reads; answers the server's FIN with its own, unless it is stubborn. */
static void attend(struct players *players, struct player *player, bool all)
{
    read_some(players, player, all);
    if (player->has_seen_end && !player->has_half_closed && !player->is_stubborn) {
        half_close(players, player);
    }
}

static void play(struct players *players, struct player *player)
{
    const struct players_config *config = &players->config;

    if (!player->has_half_closed && !player->has_bad_length &&
        player->frame_count < config->requests_max && chance(players, 3, 10)) {
        think(players, player);
    }
    if (chance(players, 7, 10)) {
        write_some(players, player, false);
    }
    if (!chance(players, config->laziness, 100)) {
        attend(players, player, chance(players, 1, 2));
    }
    if (chance(players, config->departures, 1000)) {
        leave(players, player);
    }
}

/* --- phases -------------------------------------------------------------------------------- */

static void start_quiet(struct players *players)
{
    static const uint32_t NONE[OC_IO_SIM_FAULT_COUNT];

    players->phase = PLAYERS_QUIET;
    players->quiet_round = players->round;
    oc_io_sim_faults_set(players->config.net, NONE);
    oc_io_sim_note(players->config.net, "THE FAULTS END", -1, players->count);
    for (uint32_t i = 0; i < players->count; i++) {
        struct player *player = &players->players[i];
        if (is_alive(players, player) && !player->has_half_closed && !player->has_bad_length &&
            !player->is_refused) {
            mark(player);
        }
    }
    if (players->config.is_newcomer_sure) {
        struct player *newcomer = join(players);
        OC_ASSERT(newcomer != NULL);
        mark(newcomer);
        players->has_newcomer = true;
    }
}

/** Nothing more can be expected of the server for this player, before it is stopped. */
static bool is_served(const struct players *players, const struct player *player)
{
    if (!is_alive(players, player)) {
        return true;
    }
    bool is_over = player->has_half_closed || player->has_bad_length || player->is_refused;
    bool is_sequenced = player->is_refused || player->frame_next == player->frame_count;

    return player->session != 0 && is_sequenced && player->received == player->expected.size &&
           (!is_over || player->has_seen_end);
}

static void report_standstill(const struct players *players)
{
    for (uint32_t i = 0; i < players->count; i++) {
        const struct player *player = &players->players[i];
        if (!is_served(players, player)) {
            report_fail("after %u quiet rounds peer %d waits: %" PRIu32 " of %" PRIu32
                        " frames sequenced, %" PRIu32 " of %" PRIu32
                        " bytes received, half-closed %d, refused %d, end seen %d",
                        QUIET_ROUNDS_MAX, player->peer, player->frame_next, player->frame_count,
                        player->received, player->expected.size, player->has_half_closed,
                        player->is_refused, player->has_seen_end);
        }
    }
    report_fail("after %u quiet rounds the server has not stopped", QUIET_ROUNDS_MAX);
}

/** Everyone is served: half of the players half-close, and when they got their FIN, it is over. */
static void end_quiet(struct players *players)
{
    bool all_served = true;

    for (uint32_t i = 0; i < players->count; i++) {
        all_served = all_served && is_served(players, &players->players[i]);
    }
    if (!all_served) {
        return;
    }
    if (players->phase == PLAYERS_QUIET) {
        players->phase = PLAYERS_STOP;
        for (uint32_t i = 0; i < players->count; i++) {
            struct player *player = &players->players[i];
            if (is_alive(players, player) && !player->has_half_closed && chance(players, 1, 2)) {
                half_close(players, player);
            }
        }
    } else if (!players->is_stopped) {
        players->is_stopped = true;
        oc_io_sim_note(players->config.net, "THE SERVER IS STOPPED", -1, 0);
        players->config.stop(players->config.context);
    }
}

void players_step(void *context, uint64_t now_ns)
{
    struct players *players = context;
    const struct players_config *config = &players->config;
    uint32_t alive = 0;

    (void)now_ns;
    players->round++;
    for (uint32_t i = 0; i < players->count; i++) {
        struct player *player = &players->players[i];
        if (!is_alive(players, player)) {
            continue;
        }
        alive++;
        if (players->phase == PLAYERS_PLAY) {
            play(players, player);
        } else {
            write_some(players, player, true);
            attend(players, player, true);
        }
    }
    if (players->phase != PLAYERS_PLAY) {
        if (players->round - players->quiet_round > QUIET_ROUNDS_MAX) {
            report_standstill(players);
        }
        end_quiet(players);
        return;
    }
    if (alive < config->at_once && players->count < config->count_max && chance(players, 1, 3)) {
        (void)join(players);
    }
    if (players->round > config->play_rounds) {
        start_quiet(players);
    }
}

/* --- the verdict --------------------------------------------------------------------------- */

static bool has_pong(const struct player *player)
{
    char pong[64];
    int size = snprintf(pong, sizeof(pong), "{\"type\":\"pong\",\"ping\":%" PRIu64 "}",
                        player->marker);

    return memmem(player->expected.bytes, player->received, pong, (size_t)size) != NULL;
}

/** A connection that the server closed in an orderly way: nothing may be missing. */
static void check_complete(struct players *players, struct player *player,
                           struct players_score *score)
{
    if (!player->has_seen_end) {
        read_some(players, player, true);
    }
    if (!player->has_seen_end) {
        report_fail("peer %d never saw the end of its stream", player->peer);
    }
    if (player->received != player->expected.size) {
        report_fail("peer %d was closed with %" PRIu32 " of %" PRIu32 " bytes told", player->peer,
                    player->received, player->expected.size);
    }
    if (!player->is_refused && player->frame_next != player->frame_count) {
        report_fail("peer %d was closed with %" PRIu32 " of %" PRIu32 " frames sequenced",
                    player->peer, player->frame_next, player->frame_count);
    }
    if (player->marker == 0) {
        score->flushed++;
        return;
    }
    if (!player->is_refused && !player->is_marker_refused && !has_pong(player)) {
        report_fail("peer %d never got its pong", player->peer);
    }
    score->survivors++;
}

static void check_player(struct players *players, struct player *player,
                         struct players_score *score)
{
    struct oc_io_sim_peer peer = oc_io_sim_look(players->config.net, player->peer);

    if (player->session != 0 && !player->is_close_told) {
        report_fail("the session of peer %d was never closed", player->peer);
    }
    if (!player->has_left && (player->has_seen_fin || peer.end == OC_IO_SIM_CLOSED)) {
        check_complete(players, player, score);
        return;
    }
    switch ((enum oc_io_sim_end)peer.end) {
    case OC_IO_SIM_CLOSED:
    case OC_IO_SIM_BROKEN:
        score->broken++;
        return;
    case OC_IO_SIM_ABORTED:
        score->aborted++;
        return;
    case OC_IO_SIM_CUT:
        score->cut++;
        return;
    case OC_IO_SIM_TIMED_OUT:
        if (player->closed_in_quiet) {
            report_fail("peer %d reads, and its flush was out of time", player->peer);
        }
        score->timed_out++;
        return;
    case OC_IO_SIM_NOT_ACCEPTED:
        if (player->session != 0) {
            report_fail("peer %d was not accepted, but has a session", player->peer);
        }
        score->refused++;
        return;
    case OC_IO_SIM_LIVES:
        break;
    }
    report_fail("peer %d is still connected", player->peer);
}

void players_verdict(struct players *players, uint64_t aborts_told, struct players_score *score)
{
    uint64_t aborted = score->aborted;

    for (uint32_t i = 0; i < players->count; i++) {
        check_player(players, &players->players[i], score);
        score->players++;
        score->reply_bytes += players->players[i].received;
    }
    if (players->has_newcomer) {
        /* It may owe too much in its first turn: the others' trades are its too. */
        const struct player *newcomer = &players->players[players->count - 1];
        uint8_t end = oc_io_sim_look(players->config.net, newcomer->peer).end;
        if (newcomer->received == 0 && end != OC_IO_SIM_ABORTED) {
            report_fail("peer %d, the newcomer, was told nothing", newcomer->peer);
        }
    }
    aborted = score->aborted - aborted;
    if (aborted > aborts_told) {
        report_fail("%" PRIu64 " sessions were aborted, of which the gateway tells %" PRIu64,
                    aborted, aborts_told);
    }
    score->requests += players->requests;
}

/*
 * Any bytes as a program of clients: whole sessions through gateway, wire and engine.
 *
 * The first byte chooses the limits, the others say what up to four clients do: connect, send
 * requests whole or in fragments or as rubbish, half-close, reset, stop reading; and when a turn of
 * the duty loop comes, chunks run out, time passes or the venue stops. A fake io table stands in
 * for the kernel, and the loop is that of server/server.c. In the end everybody reads and leaves,
 * and support/session_oracle.c judges what each one sent and got; nothing may be left in a pool.
 */
#include <stdlib.h>
#include <string.h>

#include "core/assert.h"
#include "engine/internal.h"
#include "gateway/internal.h"
#include "support/fake_io.h"
#include "support/request_text.h"
#include "support/session_oracle.h"

#define CLIENTS               4U
#define CONFIRMATIONS_ALL_TAG 1U
#define TURN_NS               1000000ULL
/* An input may repeat itself: beyond these it is cut, so that none takes longer than a moment. */
#define COMMANDS_MAX   1500U
#define SENT_BYTES_MAX ((size_t)1 << 20)
#define WAITING_MAX    ((size_t)160 * 1024)
/* More turns than anything that is still under way can need at the end. */
#define LAST_TURNS_MAX 10000U

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint32_t OUT_BYTES_MAX[4] = {1U << 20, 70000, 6000, 1500};
static const uint32_t CHUNK_COUNTS[4] = {128, 32, 8, 2};

/** What a client does; the low half of a byte, whose next two bits name the client. */
enum step {
    STEP_CONNECT,   /* byte: listener */
    STEP_REQUEST,   /* byte: which; its places */
    STEP_MUTATED,   /* byte: which; its places; bytes: position and new value */
    STEP_REPEATED,  /* byte: how often; byte: which; its places */
    STEP_RAW,       /* byte: how many; so many bytes as they are */
    STEP_FRAMED,    /* byte: how many; so many bytes as a frame's payload */
    STEP_LARGE,     /* byte: size in 256 bytes; byte: how much of it is sent, in 256 bytes */
    STEP_FRAGMENTS, /* bytes: fragment size and bytes per turn, 0 for no limit */
    STEP_HALF_CLOSE,
    STEP_RESET, /* byte: behind what was sent, instead of it, or sending breaks first */
    STEP_READS, /* byte: 16 bytes per turn each, 255 for no limit */
    STEP_TURN,
    STEP_CHUNKS,   /* byte: how many are left to take, 255 for all */
    STEP_TIME,     /* byte: 16 ms each */
    STEP_STOP,     /* the venue closes every session */
    STEP_TURN_TOO, /* turns are what a program needs most */
};

struct world {
    struct program program;
    struct oc_arena arena;
    struct oc_event_log log;
    uint32_t consumer;
    struct oc_engine_config engine_config;
    struct oc_engine *engine;
    struct oc_gateway *gateway;
    struct fake_io io;
    struct fake_peer *clients[CLIENTS]; /* the latest connection of each, NULL: none yet */
    struct oc_command *commands;
    uint32_t command_count;
    uint32_t command_capacity;
    uint64_t utc_ns;
    bool stopped;
};

static void open_world(struct world *world, uint8_t choice);
static void run_step(struct world *world);
static void connect_client(struct world *world, uint32_t client);
static void send_request(struct world *world, struct fake_peer *peer, enum step step);
static void send_bytes(struct world *world, struct fake_peer *peer, bool framed);
static void send_large(struct world *world, struct fake_peer *peer);
static void send_frame(struct fake_peer *peer, const void *payload, size_t size);
static void reset(struct world *world, struct fake_peer *peer);
static uint32_t per_turn(uint8_t byte, uint32_t unit);
static void turn(struct world *world, uint64_t elapsed_ns);
static void drain(struct world *world);
static void stop(struct world *world);
static void end_world(struct world *world);
static bool on_submit(void *context, struct oc_command *command);
static void on_notice(void *context, enum oc_gateway_notice notice, enum oc_reason reason,
                      struct oc_conn conn);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world world;

    if (size < 2) {
        return 0;
    }
    memset(&world, 0, sizeof(world));
    world.program = (struct program){.bytes = data + 1, .left = size - 1};
    open_world(&world, data[0]);
    while (world.program.left > 0 && world.command_count < COMMANDS_MAX &&
           fake_io_sent(&world.io) < SENT_BYTES_MAX) {
        run_step(&world);
    }
    end_world(&world);
    return 0;
}

static void open_world(struct world *world, uint8_t choice)
{
    struct oc_gateway_config config;

    world->engine_config = (struct oc_engine_config){
        .limits = {.orders_max = 192,
                   .levels_max = 96,
                   .instruments_max = 4,
                   .users_max = 6,
                   .sessions_max = FAKE_CONNECTIONS,
                   .client_ids_max = 4,
                   .client_ids_total = 12},
        .instruments_on_first_use = true,
    };
    oc_arena_init(&world->arena);
    fake_io_init(&world->io, &world->arena, CHUNK_COUNTS[choice >> 2 & 3],
                 OUT_BYTES_MAX[choice & 3]);
    world->io.chunks_come_back_late = (choice & 0x10) != 0;
    config = (struct oc_gateway_config){
        .arena = &world->arena,
        .io = &world->io.io,
        .hooks = {.context = world, .submit = on_submit, .notice = on_notice},
        .sessions_max = FAKE_CONNECTIONS,
        .instruments_max = world->engine_config.limits.instruments_max,
        .large_frames_max = 1 + (choice >> 5 & 1),
        .out_bytes_max = world->io.out_bytes_max,
    };
    OC_ASSERT(oc_event_log_init(&world->log, &world->arena, (choice & 0x40) != 0 ? 64 : 512) == 0);
    world->consumer = oc_event_log_add_consumer(&world->log);
    world->engine = oc_engine_create(&world->arena, &world->engine_config, &world->log);
    OC_ASSERT(world->engine != NULL);
    world->gateway = oc_gateway_create(&config);
    OC_ASSERT(world->gateway != NULL);
    oc_gateway_add_listener(world->gateway, 0, false);
    oc_gateway_add_listener(world->gateway, CONFIRMATIONS_ALL_TAG, true);
    oc_arena_seal(&world->arena);
}

static void run_step(struct world *world)
{
    uint8_t byte = program_take(&world->program);
    enum step step = (enum step)(byte & 15);
    uint32_t client = byte >> 4 & 3;
    struct fake_peer *peer = world->clients[client];

    switch (step) {
    case STEP_TURN:
    case STEP_TURN_TOO:
        turn(world, TURN_NS);
        return;
    case STEP_CHUNKS:
        fake_io_hold_chunks(&world->io, per_turn(program_take(&world->program), 1));
        return;
    case STEP_TIME:
        turn(world, 16 * TURN_NS * program_take(&world->program));
        return;
    case STEP_STOP:
        stop(world);
        return;
    case STEP_CONNECT:
        connect_client(world, client);
        return;
    default:
        break;
    }
    if (peer == NULL || peer->closed || peer->end != FAKE_END_NONE) {
        return;
    }
    if (step == STEP_REQUEST || step == STEP_MUTATED || step == STEP_REPEATED) {
        send_request(world, peer, step);
    } else if (step == STEP_RAW || step == STEP_FRAMED) {
        send_bytes(world, peer, step == STEP_FRAMED);
    } else if (step == STEP_LARGE) {
        send_large(world, peer);
    } else if (step == STEP_FRAGMENTS) {
        uint8_t fragment = program_take(&world->program);

        peer->fragment_size = fragment == 0 ? UINT32_MAX : fragment;
        peer->send_per_turn = per_turn((uint8_t)(program_take(&world->program) - 1), 8);
    } else if (step == STEP_HALF_CLOSE) {
        fake_peer_end(&world->io, peer, FAKE_END_EOF);
    } else if (step == STEP_RESET) {
        reset(world, peer);
    } else {
        peer->read_per_turn = per_turn(program_take(&world->program), 16);
    }
}

static void connect_client(struct world *world, uint32_t client)
{
    const struct fake_peer *peer = world->clients[client];
    uint64_t tag = program_take(&world->program) & 1 ? CONFIRMATIONS_ALL_TAG : 0;

    if (!world->stopped && (peer == NULL || peer->closed)) {
        world->clients[client] = fake_io_connect(&world->io, tag);
    }
}

static void send_request(struct world *world, struct fake_peer *peer, enum step step)
{
    uint32_t count = step == STEP_REPEATED ? 1 + program_take(&world->program) % 64U : 1;
    uint8_t which = program_take(&world->program);
    struct program places = world->program;
    char text[REQUEST_TEXT_BYTES_MAX];

    for (uint32_t i = 0; i < count && peer->out.size - peer->delivered_size < WAITING_MAX; i++) {
        size_t size;

        world->program = places; /* the same again */
        size = request_text(&world->program, which, i, text);
        if (step == STEP_MUTATED) {
            size_t position = program_take(&world->program) % size;

            text[position] = (char)program_take(&world->program);
        }
        send_frame(peer, text, size);
    }
}

static void send_bytes(struct world *world, struct fake_peer *peer, bool framed)
{
    struct program *program = &world->program;
    size_t size = program_take(program);

    size = size < program->left ? size : program->left;
    if (framed) {
        send_frame(peer, program->bytes, size);
    } else {
        fake_peer_send(peer, program->bytes, size);
    }
    program->bytes += size;
    program->left -= size;
}

/* Blanks around a ping, up to the largest frame; or only the beginning of one. */
static void send_large(struct world *world, struct fake_peer *peer)
{
    static const char PING[] = "{\"session\":{\"ping\":1}}";
    static uint8_t frame[OC_FRAME_HEADER_BYTES + OC_FRAME_BYTES_MAX];
    size_t size = 256 + 256 * (size_t)program_take(&world->program);
    size_t sent = 256 * (size_t)program_take(&world->program);

    if (peer->out.size - peer->delivered_size >= WAITING_MAX) {
        return;
    }
    memset(frame, ' ', sizeof(frame));
    frame[0] = 0;
    frame[1] = (uint8_t)(size >> 16);
    frame[2] = (uint8_t)(size >> 8);
    frame[3] = (uint8_t)size;
    memcpy(frame + OC_FRAME_HEADER_BYTES + size - sizeof(PING), PING, sizeof(PING) - 1);
    size += OC_FRAME_HEADER_BYTES;
    fake_peer_send(peer, frame, sent == 0 || sent > size ? size : sent);
}

static void send_frame(struct fake_peer *peer, const void *payload, size_t size)
{
    const uint8_t head[OC_FRAME_HEADER_BYTES] = {0, 0, (uint8_t)(size >> 8), (uint8_t)size};

    fake_peer_send(peer, head, sizeof(head));
    fake_peer_send(peer, payload, size);
}

static void reset(struct world *world, struct fake_peer *peer)
{
    uint8_t how = program_take(&world->program);

    if ((how & 1) != 0) {
        peer->out.size = peer->delivered_size;
    }
    fake_peer_end(&world->io, peer, (how & 2) != 0 ? FAKE_END_BREAK : FAKE_END_RESET);
}

static uint32_t per_turn(uint8_t byte, uint32_t unit)
{
    return byte == UINT8_MAX ? UINT32_MAX : byte * unit;
}

/* As in server/server.c, with time that the program lets pass. */
static void turn(struct world *world, uint64_t elapsed_ns)
{
    struct oc_io *io = &world->io.io;
    struct oc_io_event events[FAKE_EVENTS_MAX];
    int count = io->ops->poll(io, events, FAKE_EVENTS_MAX, elapsed_ns, &world->utc_ns);

    oc_gateway_begin(world->gateway, world->utc_ns);
    for (int i = 0; i < count; i++) {
        oc_gateway_on_io(world->gateway, &events[i]);
    }
    drain(world);
    oc_gateway_flush(world->gateway);
}

static void drain(struct world *world)
{
    const struct oc_event *events;
    uint32_t count;

    while ((count = oc_event_log_read(&world->log, world->consumer, &events)) > 0) {
        oc_gateway_on_events(world->gateway, events, count);
        oc_event_log_release(&world->log, world->consumer, count);
    }
}

static void stop(struct world *world)
{
    world->stopped = true;
    turn(world, 0);
    oc_gateway_close_all(world->gateway);
    drain(world);
    oc_gateway_flush(world->gateway);
}

/* Everybody sends the rest, reads everything and leaves; then nothing may be left. */
static void end_world(struct world *world)
{
    struct oc_gateway_stats stats;
    struct session_run run;
    uint32_t turns = 0;

    fake_io_hold_chunks(&world->io, UINT32_MAX);
    for (uint32_t i = 0; i < world->io.peer_count; i++) {
        struct fake_peer *peer = &world->io.peers[i];

        peer->fragment_size = UINT32_MAX;
        peer->send_per_turn = UINT32_MAX;
        peer->read_per_turn = UINT32_MAX;
        fake_peer_end(&world->io, peer, FAKE_END_EOF);
    }
    do {
        OC_ASSERT(turns++ < LAST_TURNS_MAX);
        turn(world, TURN_NS);
        oc_gateway_stats_read(world->gateway, &stats);
    } while (stats.sessions > 0);
    OC_ASSERT(world->engine->session_count == 0);
    OC_ASSERT(oc_pool_used(&world->io.chunks.chunk_pool) == 0);
    OC_ASSERT(oc_pool_used(&world->io.chunks.segment_pool) == 0);
    OC_ASSERT(oc_pool_used(&world->gateway->small_frames) == 0);
    OC_ASSERT(oc_pool_used(&world->gateway->large_frames) == 0);
    oc_engine__audit(world->engine);
    run = (struct session_run){
        .io = &world->io,
        .commands = world->commands,
        .command_count = world->command_count,
        .engine = world->engine_config,
        .state_hash = oc_engine_state_hash(world->engine),
        .confirmations_all_tag = CONFIRMATIONS_ALL_TAG,
        .stopped = world->stopped,
    };
    session_oracle_check(&run);
    fake_io_deinit(&world->io);
    free(world->commands);
    oc_arena_deinit(&world->arena);
}

/* Sequences, records and applies one command; the gateway takes events when the log fills up. */
static bool on_submit(void *context, struct oc_command *command)
{
    struct world *world = context;
    enum oc_apply rc;

    command->sequence = world->command_count + 1;
    command->time_ns = world->utc_ns;
    if (world->command_count == world->command_capacity) {
        world->command_capacity = 2 * world->command_capacity + 64;
        world->commands = realloc(world->commands,
                                  world->command_capacity * sizeof(*world->commands));
        OC_ASSERT(world->commands != NULL);
    }
    world->commands[world->command_count++] = *command;
    rc = oc_engine_apply(world->engine, command);
    while (rc == OC_MORE) {
        drain(world);
        rc = oc_engine_continue(world->engine);
    }
    return true;
}

static void on_notice(void *context, enum oc_gateway_notice notice, enum oc_reason reason,
                      struct oc_conn conn)
{
    struct world *world = context;

    OC_ASSERT(notice >= OC_GATEWAY_SLOW_READER && notice <= OC_GATEWAY_BAD_STREAM);
    OC_ASSERT((reason != OC_REASON_NONE) == (notice == OC_GATEWAY_BAD_STREAM));
    OC_ASSERT(fake_io_peer(&world->io, oc_session_make(conn.index, conn.generation)) != NULL);
}

/*
 * The simulated network itself: peers, pipes, faults and the trace; see sim.h.
 *
 * A connection is two rings of bytes and a few flags. What its peer does is seen by the backend in
 * its next round, unless a fault holds it back. Nothing here knows what the program does with the
 * bytes.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "core/assert.h"
#include "io/sim_net.h"

static struct oc_io__sim_peer *peer_of(struct oc_io_sim *sim, int peer);
static bool is_listening(const struct oc_io_sim *sim, uint64_t tag);
static void print_line(const struct oc_io__sim_line *line, FILE *out);

/* --- the network --------------------------------------------------------------------------- */

int oc_io_sim_create(const struct oc_io_sim_config *config, struct oc_io_sim **result)
{
    struct oc_arena *arena = config->arena;
    struct oc_io_sim *sim = oc_arena_alloc(arena, 1, sizeof(*sim), 0);

    OC_ASSERT(config->pipe_bytes > 0);
    OC_ASSERT(config->tick_ns_max > 0);
    if (sim == NULL) {
        return -ENOMEM;
    }
    sim->config = *config;
    sim->now_ns = config->start_ns;
    sim->peers = oc_arena_alloc(arena, config->peers_max, sizeof(*sim->peers), 0);
    sim->trace = oc_arena_alloc(arena, OC_IO_SIM_TRACE_COUNT, sizeof(*sim->trace), 0);
    uint8_t *bytes = oc_arena_alloc(arena, 2 * (size_t)config->peers_max, config->pipe_bytes, 0);
    if (sim->peers == NULL || sim->trace == NULL || bytes == NULL) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < config->peers_max; i++) {
        sim->peers[i].in.bytes = bytes + 2 * (size_t)i * config->pipe_bytes;
        sim->peers[i].out.bytes = sim->peers[i].in.bytes + config->pipe_bytes;
        sim->peers[i].in.capacity = config->pipe_bytes;
        sim->peers[i].out.capacity = config->pipe_bytes;
    }
    oc_random_init(&sim->random, config->seed);
    *result = sim;
    return 0;
}

uint64_t oc_io_sim_now_ns(const struct oc_io_sim *sim)
{
    return sim->now_ns;
}

/* --- faults -------------------------------------------------------------------------------- */

void oc_io_sim_faults_set(struct oc_io_sim *sim, const uint32_t chances[OC_IO_SIM_FAULT_COUNT])
{
    memcpy(sim->chances, chances, sizeof(sim->chances));
}

const uint64_t *oc_io_sim_faults_seen(const struct oc_io_sim *sim)
{
    return sim->seen;
}

const char *oc_io_sim_fault_text(enum oc_io_sim_fault fault)
{
    static const char *const TEXTS[OC_IO_SIM_FAULT_COUNT] = {
#define FAULT_TEXT(name, text) [OC_IO_SIM_##name] = text,
        OC_IO_SIM_FAULT_MAP(FAULT_TEXT)
#undef FAULT_TEXT
    };

    OC_ASSERT(fault < OC_IO_SIM_FAULT_COUNT);
    return TEXTS[fault];
}

bool oc_io__sim_draw(struct oc_io_sim *sim, enum oc_io_sim_fault fault)
{
    uint32_t chance = sim->chances[fault];

    return chance > 0 && oc_random_below(&sim->random, OC_IO_SIM_ALWAYS) < chance;
}

void oc_io__sim_fault(struct oc_io_sim *sim, enum oc_io_sim_fault fault, int peer, uint64_t value)
{
    sim->seen[fault]++;
    oc_io_sim_note(sim, oc_io_sim_fault_text(fault), peer, value);
}

uint32_t oc_io__sim_piece(struct oc_io_sim *sim, uint32_t bound)
{
    switch (oc_random_below(&sim->random, 4)) {
    case 0:
        return 1;
    case 1:
        return 1 + (uint32_t)oc_random_below(&sim->random, bound < 8 ? bound : 8);
    default:
        return 1 + (uint32_t)oc_random_below(&sim->random, bound);
    }
}

/* --- peers --------------------------------------------------------------------------------- */

int oc_io_sim_connect(struct oc_io_sim *sim, uint64_t tag)
{
    if (!is_listening(sim, tag)) {
        return -ECONNREFUSED;
    }
    return oc_io__sim_peer_open(sim, OC_IO__SIM_WAITING, tag);
}

int oc_io_sim_accept(struct oc_io_sim *sim)
{
    while (sim->asked < sim->peer_count) {
        uint32_t number = sim->asked++;
        if (sim->peers[number].by_program) {
            return (int)number;
        }
    }
    return -EAGAIN;
}

void oc_io_sim_refuse(struct oc_io_sim *sim, int error)
{
    OC_ASSERT(error <= 0);
    sim->refuse_error = error;
}

int oc_io_sim_pair(struct oc_io_sim *sim)
{
    return oc_io__sim_peer_open(sim, OC_IO__SIM_LOOSE, 0);
}

int oc_io_sim_write(struct oc_io_sim *sim, int number, const void *bytes, uint32_t size)
{
    struct oc_io__sim_peer *peer = peer_of(sim, number);

    if (peer->reset) {
        return -ECONNRESET;
    }
    if (peer->fin) {
        return -EPIPE;
    }
    if (peer->place == OC_IO__SIM_DETACHED) {
        /* The program has closed: the answer to these bytes is a reset. */
        peer->reset = true;
        return (int)size;
    }
    uint32_t taken = oc_io__pipe_put(&peer->in, bytes, size);
    if (taken > 0) {
        oc_io_sim_note(sim, "peer sends", number, taken);
    }
    return (int)taken;
}

int oc_io_sim_read(struct oc_io_sim *sim, int number, void *bytes, uint32_t size)
{
    struct oc_io__sim_peer *peer = peer_of(sim, number);

    OC_ASSERT(size > 0);
    OC_ASSERT(!peer->closed);
    uint32_t taken = oc_io__pipe_take(&peer->out, bytes, size);
    if (taken > 0) {
        oc_io_sim_note(sim, "peer reads", number, taken);
        return (int)taken;
    }
    if (peer->reset) {
        return -ECONNRESET;
    }
    return peer->program_fin ? 0 : -EAGAIN;
}

void oc_io_sim_half_close(struct oc_io_sim *sim, int number)
{
    struct oc_io__sim_peer *peer = peer_of(sim, number);

    if (!peer->fin && !peer->reset) {
        peer->fin = true;
        oc_io__sim_fault(sim, OC_IO_SIM_HALF_CLOSE, number, peer->in.size);
    }
}

void oc_io_sim_close(struct oc_io_sim *sim, int number)
{
    struct oc_io__sim_peer *peer = peer_of(sim, number);
    bool had_unread = peer->out.size > 0;

    if (peer->closed || peer->reset) {
        return;
    }
    oc_io__sim_fault(sim, OC_IO_SIM_PEER_CLOSE, number, peer->in.size);
    peer->fin = true;
    peer->closed = true;
    peer->out.size = 0;
    if (had_unread) {
        /* As the kernels do: what was never read was not taken note of, so the end is no clean one.
         */
        oc_io__sim_peer_break(sim, number);
    }
}

void oc_io_sim_reset(struct oc_io_sim *sim, int number)
{
    if (!peer_of(sim, number)->reset) {
        oc_io__sim_fault(sim, OC_IO_SIM_PEER_RESET, number, 0);
        oc_io__sim_peer_break(sim, number);
    }
}

struct oc_io_sim_peer oc_io_sim_look(const struct oc_io_sim *sim, int number)
{
    OC_ASSERT(number >= 0);
    OC_ASSERT((uint32_t)number < sim->peer_count);
    const struct oc_io__sim_peer *peer = &sim->peers[number];

    return (struct oc_io_sim_peer){
        .conn = peer->conn,
        .tag = peer->tag,
        .end = peer->end,
        .is_reset = peer->reset,
        .was_paused = peer->is_paused,
        .unread = peer->out.size,
        .undelivered = peer->in.size,
    };
}

int oc_io__sim_peer_open(struct oc_io_sim *sim, enum oc_io__sim_place place, uint64_t tag)
{
    if (sim->peer_count == sim->config.peers_max) {
        return -ENOBUFS;
    }
    int number = (int)sim->peer_count++;
    struct oc_io__sim_peer *peer = &sim->peers[number];
    peer->place = (uint8_t)place;
    peer->tag = tag;
    oc_io_sim_note(sim, "peer connects to listener", number, tag);
    return number;
}

void oc_io__sim_peer_end(struct oc_io_sim *sim, int number, enum oc_io_sim_end end)
{
    static const char *const TEXTS[] = {
        [OC_IO_SIM_CLOSED] = "closed by the program",
        [OC_IO_SIM_ABORTED] = "aborted by the program",
        [OC_IO_SIM_CUT] = "aborted by the program while it flushed",
        [OC_IO_SIM_TIMED_OUT] = "flush out of time",
        [OC_IO_SIM_BROKEN] = "broken connection is over",
        [OC_IO_SIM_NOT_ACCEPTED] = "not accepted",
    };
    struct oc_io__sim_peer *peer = peer_of(sim, number);

    OC_ASSERT(end != OC_IO_SIM_LIVES);
    oc_io_sim_note(sim, TEXTS[end], number, peer->out.size);
    peer->place = OC_IO__SIM_DETACHED;
    peer->end = (uint8_t)end;
    peer->in.size = 0;
    if (end == OC_IO_SIM_CLOSED) {
        peer->program_fin = true;
        return;
    }
    peer->reset = true;
    /* A reset may overtake what was not read yet. */
    if (oc_random_below(&sim->random, 2) == 0) {
        peer->out.size = 0;
    }
}

void oc_io__sim_peer_break(struct oc_io_sim *sim, int number)
{
    struct oc_io__sim_peer *peer = peer_of(sim, number);

    peer->reset = true;
    if (peer->in.size > 0 && oc_io__sim_draw(sim, OC_IO_SIM_LOST_INPUT)) {
        oc_io__sim_fault(sim, OC_IO_SIM_LOST_INPUT, number, peer->in.size);
        peer->in.size = 0;
    }
}

static struct oc_io__sim_peer *peer_of(struct oc_io_sim *sim, int number)
{
    OC_ASSERT(number >= 0);
    OC_ASSERT((uint32_t)number < sim->peer_count);
    return &sim->peers[number];
}

static bool is_listening(const struct oc_io_sim *sim, uint64_t tag)
{
    for (uint32_t i = 0; i < sim->tag_count; i++) {
        if (sim->tags[i] == tag) {
            return true;
        }
    }
    return false;
}

/* --- pipes --------------------------------------------------------------------------------- */

uint32_t oc_io__pipe_put(struct oc_io__pipe *pipe, const void *bytes, uint32_t size)
{
    const uint8_t *from = bytes;
    uint32_t room = pipe->capacity - pipe->size;
    uint32_t count = size < room ? size : room;
    uint32_t tail = (pipe->head + pipe->size) % pipe->capacity;
    uint32_t first = pipe->capacity - tail < count ? pipe->capacity - tail : count;

    memcpy(pipe->bytes + tail, from, first);
    memcpy(pipe->bytes, from + first, count - first);
    pipe->size += count;
    return count;
}

uint32_t oc_io__pipe_take(struct oc_io__pipe *pipe, void *bytes, uint32_t size)
{
    uint8_t *to = bytes;
    uint32_t count = size < pipe->size ? size : pipe->size;
    uint32_t first = pipe->capacity - pipe->head < count ? pipe->capacity - pipe->head : count;

    memcpy(to, pipe->bytes + pipe->head, first);
    memcpy(to + first, pipe->bytes, count - first);
    pipe->head = (pipe->head + count) % pipe->capacity;
    pipe->size -= count;
    return count;
}

/* --- the trace ----------------------------------------------------------------------------- */

void oc_io_sim_note(struct oc_io_sim *sim, const char *text, int peer, uint64_t value)
{
    struct oc_io__sim_line *line = &sim->trace[sim->trace_count++ % OC_IO_SIM_TRACE_COUNT];

    *line = (struct oc_io__sim_line){
        .text = text,
        .now_ns = sim->now_ns - sim->config.start_ns,
        .value = value,
        .round = sim->round,
        .peer = peer,
    };
    if (sim->follow != NULL) {
        print_line(line, sim->follow);
    }
}

void oc_io_sim_trace_print(const struct oc_io_sim *sim, FILE *out, uint32_t count)
{
    uint64_t kept = sim->trace_count < OC_IO_SIM_TRACE_COUNT ? sim->trace_count
                                                             : OC_IO_SIM_TRACE_COUNT;
    uint64_t first = sim->trace_count - (count < kept ? count : kept);

    for (uint64_t i = first; i < sim->trace_count; i++) {
        print_line(&sim->trace[i % OC_IO_SIM_TRACE_COUNT], out);
    }
}

void oc_io_sim_trace_follow(struct oc_io_sim *sim, FILE *out)
{
    sim->follow = out;
}

static void print_line(const struct oc_io__sim_line *line, FILE *out)
{
    fprintf(out, "  round %" PRIu32 " %.6f ms ", line->round, (double)line->now_ns / 1e6);
    if (line->peer >= 0) {
        fprintf(out, "peer %d: ", line->peer);
    }
    fprintf(out, "%s (%" PRIu64 ")\n", line->text, line->value);
}

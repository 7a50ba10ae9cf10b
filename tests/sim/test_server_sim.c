/*
 * Goal: whatever networks and clients do, the server answers every request, in order, and what it
 * did can be repeated.
 *
 * Method: the whole server (gateway, engine, codec, and the loop that joins them) runs on the
 * simulated network. Each seed draws limits, faults and clients, and how often the engine has no
 * room for a command; the clients play random requests while the faults last, then in quiet until
 * everyone is served (support/players.h), while the oracle (support/oracle.h) judges each command,
 * event and byte. 4,000 seeds from 1 on; SEED=N plays one and shows everything, SEEDS=N plays so
 * many, SEED_FIRST=N begins elsewhere. One in a hundred is played twice and must go the same way.
 *
 * Fails if: a byte told is not the reference's, a request is lost, changed, doubled or unanswered,
 * a session hangs, is disconnected without cause or not told of its end, an assertion fails, memory
 * for replies leaks, the replay comes to other events or another state, a seed does not repeat
 * itself, or a kind of fault never happened in the default set.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/assert.h"
#include "core/checksum.h"
#include "server/server.h"
#include "support/oracle.h"
#include "support/players.h"
#include "support/report.h"

#define SEEDS_DEFAULT   4000U
#define SEEDS_SANITIZED 500U
/* Every so many seeds one is played twice. */
#define TWICE_PERIOD 100U
/* Below this many seeds a kind of fault may be missing by chance. */
#define SEEDS_JUDGED 300U
#define UTC_NS       1732233600000000000ULL

/** Everything of one seed. */
struct world {
    struct oc_random random;
    struct oc_arena arena;
    struct oc_io_sim *net;
    struct oc_server *server;
    struct oc_server_config config;
    struct oracle oracle;
    struct players players;
    bool is_roomy; /* nobody can owe too much */
    uint64_t no_rooms;
    uint32_t no_room;        /* of 1000 commands that find no room */
    bool no_room_to_the_end; /* ... also when everything else works */
};

/** Added up over all seeds. */
struct totals {
    struct players_score score;
    uint64_t faults[OC_IO_SIM_FAULT_COUNT];
    uint64_t commands;
    uint64_t events;
    uint64_t trades;
    uint64_t rounds;
    uint64_t reassembled;
    uint64_t slow_readers;
    uint64_t out_of_chunks;
    uint64_t no_rooms;
    struct oc_gateway_stats gateway;
    uint64_t virtual_ns;
};

static uint32_t below(struct world *world, uint32_t bound)
{
    return (uint32_t)oc_random_below(&world->random, bound);
}

static uint32_t between(struct world *world, uint32_t low, uint32_t high)
{
    return low + below(world, high - low + 1);
}

/** One of the powers of two from `low` to `high`. */
static uint32_t power(struct world *world, uint32_t low, uint32_t high)
{
    uint32_t count = 1;

    while (low << count <= high) {
        count++;
    }
    return low << below(world, count);
}

/* --- drawing a seed ------------------------------------------------------------------------ */

/** Each fault is on in about half of the seeds, now seldom, now often. */
static void draw_faults(struct world *world)
{
    static const uint32_t OFTEN[OC_IO_SIM_FAULT_COUNT] = {
        [OC_IO_SIM_SHORT_READ] = 8000,
        [OC_IO_SIM_SHORT_SEND] = 8000,
        [OC_IO_SIM_BLOCKED_SEND] = 4000,
        [OC_IO_SIM_LATE_SEND] = 5000,
        [OC_IO_SIM_LATE_INPUT] = 6000,
        [OC_IO_SIM_SHUFFLE] = 10000,
        [OC_IO_SIM_RESET] = 40,
        [OC_IO_SIM_LOST_INPUT] = 10000,
        [OC_IO_SIM_NO_BUFFER] = 4000,
        [OC_IO_SIM_FEW_EVENTS] = 8000,
        [OC_IO_SIM_NO_CHUNKS] = 400,
        [OC_IO_SIM_ACCEPT_FAILED] = 4000,
        [OC_IO_SIM_ACCEPT_ABORTED] = 1500,
        [OC_IO_SIM_EARLY_RETURN] = 5000,
        [OC_IO_SIM_CLOCK_JUMP] = 150,
    };
    uint32_t chances[OC_IO_SIM_FAULT_COUNT] = {0};

    for (uint32_t i = 0; i < OC_IO_SIM_FAULT_COUNT; i++) {
        if (OFTEN[i] > 0 && below(world, 2) == 0) {
            chances[i] = 1 + OFTEN[i] / power(world, 1, 16);
        }
    }
    if (world->is_roomy) {
        chances[OC_IO_SIM_NO_CHUNKS] = 0;
    }
    oc_io_sim_faults_set(world->net, chances);
}

static uint64_t utc_of(void *context, uint64_t now_ns)
{
    (void)context;
    return UTC_NS + now_ns;
}

static void on_command(void *context, const struct oc_command *command)
{
    struct world *world = context;

    players_command(&world->players, command);
    oracle_command(&world->oracle, command);
}

static void on_events(void *context, const struct oc_event *events, uint32_t count)
{
    struct world *world = context;

    oracle_events(&world->oracle, events, count);
}

static void stop_server(void *context)
{
    struct world *world = context;

    oc_server_stop(world->server);
}

/** The engine's queue is full, now and then. */
static bool has_no_room(void *context)
{
    struct world *world = context;

    if (world->players.phase != PLAYERS_PLAY && !world->no_room_to_the_end) {
        return false;
    }
    bool no_room = below(world, 1000) < world->no_room;
    world->no_rooms += no_room;
    return no_room;
}

static void draw_net(struct world *world, uint64_t seed)
{
    uint32_t pipe_bytes = power(world, 256, 65536);
    struct oc_io_sim_config config = {
        .arena = &world->arena,
        .seed = seed,
        .peers_max = PLAYERS_MAX,
        .pipe_bytes = pipe_bytes,
        .start_ns = 1000000000ULL,
        /* A pipe is read once in a round: who reads always gets 500 KB in a second. */
        .tick_ns_max = power(world, 1, pipe_bytes < 4096 ? pipe_bytes / 256 : 16) * 1000000ULL,
        .step = players_step,
        .context = &world->players,
    };

    if (oc_io_sim_create(&config, &world->net) < 0) {
        report_fail("no memory");
    }
}

static void draw_server(struct world *world)
{
    world->is_roomy = below(world, 3) == 0;
    world->no_room = below(world, 2) * power(world, 1, 512);
    world->no_room_to_the_end = below(world, 2) == 0;
    world->config = (struct oc_server_config){
        .ops = &oc_io_sim_ops,
        .ops_reason = "simulated",
        .listeners = {{.address = "sim:0"}, {.address = "sim:1", .confirmations_all = true}},
        .listener_count = 2,
        .limits = {.orders_max = power(world, 16, 1024),
                   .levels_max = power(world, 8, 256),
                   .instruments_max = between(world, 1, 4),
                   .users_max = between(world, 2, 8),
                   .sessions_max = between(world, 3, ORACLE_SESSIONS_MAX),
                   .client_ids_max = power(world, 2, 32),
                   .client_ids_total = power(world, 16, 128)},
        .io = {.queue_depth = 4,
               .buffer_count = power(world, 2, 16),
               .buffer_size = power(world, 64, 4096),
               .chunk_count = world->is_roomy ? 8192 : power(world, 4, 256),
               .out_bytes_max = world->is_roomy ? 16U << 20 : power(world, 1024, 1U << 18),
               .sim = world->net},
        .large_frames_max = between(world, 1, 3),
        .instruments_on_first_use = true,
        .session_limits = {.frames_per_turn = below(world, 2) * power(world, 1, 16),
                           .requests_per_second = below(world, 4) == 0 ? power(world, 4, 512) : 0,
                           .incomplete_frame_seconds = below(world, 3) == 0 ? between(world, 1, 4)
                                                                            : 0,
                           .idle_seconds = below(world, 6) == 0 ? between(world, 1, 8) : 0},
        .utc_ns = utc_of,
        .no_room = has_no_room,
        .no_room_context = world,
        .observer = {.context = world, .command = on_command, .events = on_events},
        .event_log_capacity = power(world, 64, 2048),
    };
}

static void draw_players(struct world *world)
{
    struct players_config config = {
        .net = world->net,
        .random = &world->random,
        .requests = {.random = &world->random,
                     .recent = world->oracle.recent,
                     .symbols = between(world, 1, world->config.limits.instruments_max + 1),
                     .users = between(world, 1, world->config.limits.users_max + 1),
                     .broken = below(world, 2) * between(world, 1, 200),
                     .large = below(world, 2) * between(world, 1, 60)},
        .count_max = between(world, 2, PLAYERS_MAX - 1),
        .at_once = between(world, 2, 12),
        .play_rounds = between(world, 30, 250),
        .requests_max = between(world, 5, 80),
        .laziness = below(world, 2) * between(world, 1, 95),
        .departures = below(world, 3) * between(world, 0, 12),
        .large_frames_max = world->config.large_frames_max,
        .session_limits = world->config.session_limits,
        .is_late = world->no_room > 0,
        .stop = stop_server,
        .context = world,
    };

    config.is_newcomer_sure = config.count_max < world->config.limits.sessions_max;
    players_init(&world->players, &config);
}

static void draw_oracle(struct world *world)
{
    struct oracle_config config = {
        .limits = world->config.limits,
        .confirmations_all = {false, true},
        .expect = players_expect,
        .tag_of = players_tag_of,
        .context = &world->players,
    };

    oracle_init(&world->oracle, &config);
}

/* --- playing it ---------------------------------------------------------------------------- */

static void judge(struct world *world, struct totals *totals)
{
    struct oc_gateway_stats gateway;
    struct oc_io_stats io;

    oc_server_stats_read(world->server, NULL, &gateway, &io);
    if (gateway.sessions != 0 || io.connections != 0) {
        report_fail("the server ended with %" PRIu32 " sessions and %" PRIu32 " connections",
                    gateway.sessions, io.connections);
    }
    if (io.chunks_used != 0) {
        report_fail("%" PRIu32 " chunks were never given back", io.chunks_used);
    }
    uint64_t aborts = gateway.slow_readers + gateway.out_of_chunks;
    if (world->is_roomy && aborts != 0) {
        report_fail("%" PRIu64 " sessions owed too much, with room for all", aborts);
    }
    uint64_t cut = totals->score.cut;
    players_verdict(&world->players, aborts, &totals->score);
    if (world->is_roomy && totals->score.cut != cut) {
        report_fail("a session was cut off while its last bytes were sent, with room for all");
    }
    oracle_verdict(&world->oracle, oc_server_state_hash(world->server));

    const uint64_t *seen = oc_io_sim_faults_seen(world->net);
    for (uint32_t i = 0; i < OC_IO_SIM_FAULT_COUNT; i++) {
        totals->faults[i] += seen[i];
    }
    totals->commands += world->oracle.command_count;
    totals->events += world->oracle.events_told;
    totals->trades += world->oracle.trades;
    totals->rounds += world->players.round;
    totals->reassembled += gateway.frames_reassembled;
    totals->slow_readers += gateway.slow_readers;
    totals->out_of_chunks += gateway.out_of_chunks;
    totals->no_rooms += world->no_rooms;
    totals->gateway.holds += gateway.holds;
    totals->gateway.orphaned_closes += gateway.orphaned_closes;
    totals->gateway.quota_uses += gateway.quota_uses;
    totals->gateway.too_many_requests += gateway.too_many_requests;
    totals->gateway.timeouts += gateway.timeouts;
    totals->virtual_ns += oc_io_sim_now_ns(world->net);
}

static uint64_t fingerprint(const struct world *world)
{
    const uint64_t facts[] = {world->oracle.event_hash, oc_io_sim_now_ns(world->net),
                              world->players.round};

    return oc_checksum_fold(oc_checksum(facts, sizeof(facts)), oc_io_sim_faults_seen(world->net),
                            OC_IO_SIM_FAULT_COUNT * sizeof(uint64_t));
}

/** Returns what tells this way of going from every other. */
static uint64_t play_seed(uint64_t seed, bool is_verbose, struct totals *totals)
{
    struct world *world = calloc(1, sizeof(*world));
    char error[400];

    OC_ASSERT(world != NULL);
    oc_random_init(&world->random, seed);
    oc_arena_init(&world->arena);
    draw_net(world, seed);
    report_begin(seed, world->net, is_verbose);
    draw_server(world);
    draw_faults(world);
    draw_players(world);
    draw_oracle(world);
    if (oc_server_open(&world->server, &world->config, error, sizeof(error)) != 0) {
        report_fail("%s", error);
    }
    if (oc_server_run(world->server) != 0) {
        report_fail("the server broke");
    }
    judge(world, totals);
    uint64_t hash = fingerprint(world);
    oc_server_close(world->server);
    players_deinit(&world->players);
    oracle_deinit(&world->oracle);
    report_end();
    oc_arena_deinit(&world->arena);
    free(world);
    return hash;
}

static void print_totals(const struct totals *totals, uint64_t seeds, double seconds)
{
    const struct players_score *score = &totals->score;

    printf("%" PRIu64 " seeds in %.1f s: %" PRIu64 " commands, %" PRIu64 " events, %" PRIu64
           " trades, %" PRIu64 " reply bytes, %" PRIu64 " rounds, %.0f virtual s\n",
           seeds, seconds, totals->commands, totals->events, totals->trades, score->reply_bytes,
           totals->rounds, (double)totals->virtual_ns / 1e9);
    printf("%" PRIu64 " clients: %" PRIu64 " stayed and %" PRIu64
           " took their leave, all told everything; %" PRIu64 " reset or gone, %" PRIu64
           " disconnected, %" PRIu64 " cut off, %" PRIu64 " out of time, %" PRIu64
           " not accepted\n",
           score->players, score->survivors, score->flushed, score->broken, score->aborted,
           score->cut, score->timed_out, score->refused);
    printf("gateway: %" PRIu64 " frames put together, %" PRIu64 " slow readers, %" PRIu64
           " out of chunks\n",
           totals->reassembled, totals->slow_readers, totals->out_of_chunks);
    printf("pressure: %" PRIu64 " commands found no room, %" PRIu64 " sessions were held, %" PRIu64
           " of which broke meanwhile; %" PRIu64 " shares of a turn used up; %" PRIu64
           " requests too many, %" PRIu64 " sessions out of time\n",
           totals->no_rooms, totals->gateway.holds, totals->gateway.orphaned_closes,
           totals->gateway.quota_uses, totals->gateway.too_many_requests, totals->gateway.timeouts);
    for (uint32_t i = 0; i < OC_IO_SIM_FAULT_COUNT; i++) {
        printf("%10" PRIu64 " %s\n", totals->faults[i], oc_io_sim_fault_text(i));
    }
}

/** Returns whether every corner was reached: a fault that never happened was not tested. */
static bool is_covered(const struct totals *totals)
{
    const struct {
        const char *what;
        uint64_t count;
    } more[] = {
        {"survivors", totals->score.survivors},
        {"clients that left and were told everything", totals->score.flushed},
        {"clients disconnected for what they owed", totals->score.aborted},
        {"clients cut off for what they owed", totals->score.cut},
        {"flushes out of time", totals->score.timed_out},
        {"frames put together", totals->reassembled},
        {"slow readers", totals->slow_readers},
        {"sessions that had to go for chunks", totals->out_of_chunks},
        {"trades", totals->trades},
        {"commands without room", totals->no_rooms},
        {"sessions held", totals->gateway.holds},
        {"sessions told to be over when their connection was gone",
         totals->gateway.orphaned_closes},
        {"shares of a turn used up", totals->gateway.quota_uses},
        {"requests too many", totals->gateway.too_many_requests},
        {"sessions out of time", totals->gateway.timeouts},
    };
    bool covered = true;

    for (uint32_t i = 0; i < OC_IO_SIM_FAULT_COUNT; i++) {
        if (totals->faults[i] == 0) {
            printf("FAILED: never happened: %s\n", oc_io_sim_fault_text(i));
            covered = false;
        }
    }
    for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
        if (more[i].count == 0) {
            printf("FAILED: never happened: %s\n", more[i].what);
            covered = false;
        }
    }
    return covered;
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text == NULL || *text == '\0' ? otherwise : strtoull(text, NULL, 10);
}

static double seconds_now(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(void)
{
    const char *sanitize = getenv("OUTCRY_SANITIZE");
    bool is_sanitized = sanitize != NULL && *sanitize != '\0';
    uint64_t single = number_of("SEED", UINT64_MAX);
    bool is_single = single != UINT64_MAX;
    uint64_t first = is_single ? single : number_of("SEED_FIRST", 1);
    uint64_t count = number_of("SEEDS", is_sanitized ? SEEDS_SANITIZED : SEEDS_DEFAULT);
    struct totals totals = {0};
    double start = seconds_now();

    count = is_single ? 1 : count;
    report_init();
    for (uint64_t seed = first; seed < first + count; seed++) {
        uint64_t hash = play_seed(seed, is_single, &totals);
        if (!is_single && seed % TWICE_PERIOD == 0 && play_seed(seed, false, &totals) != hash) {
            report_fail("the seed went another way the second time");
        }
    }
    print_totals(&totals, count, seconds_now() - start);
    return count < SEEDS_JUDGED || is_covered(&totals) ? 0 : 1;
}

/*
 * The engine: making it, and the one way in for commands.
 */
#include "engine/engine.h"

#include "engine/internal.h"

/* The log must hold a few steps, so that a command is not put by for every event it tells. */
#define LOG_EVENTS_MIN 64U

static bool limits_valid(const struct oc_limits *limits);
static bool memory_take(struct oc_engine *engine, struct oc_arena *arena);
static enum oc_apply run(struct oc_engine *engine, const struct oc_command *command);
static bool dispatch(struct oc_engine *engine, const struct oc_command *command);

struct oc_engine *oc_engine_create(struct oc_arena *arena, const struct oc_engine_config *config,
                                   struct oc_event_log *log)
{
    struct oc_engine *engine;

    OC_ASSERT(log->capacity >= LOG_EVENTS_MIN);
    if (!limits_valid(&config->limits)) {
        return NULL;
    }
    engine = oc_arena_alloc(arena, 1, sizeof(*engine), 0);
    if (engine == NULL) {
        return NULL;
    }
    engine->config = *config;
    engine->log = log;
    engine->stage = OC_ENGINE__STAGE_IDLE;
    engine->hash_key = oc_book_hash_key_make(config->hash_seed);
    return memory_take(engine, arena) ? engine : NULL;
}

enum oc_apply oc_engine_apply(struct oc_engine *engine, const struct oc_command *command)
{
    OC_ASSERT(engine->stage == OC_ENGINE__STAGE_IDLE);
    OC_ASSERT(command->sequence == engine->sequence_last + 1);
    OC_ASSERT(command->time_ns >= engine->time_last_ns);
    engine->sequence_last = command->sequence;
    engine->time_last_ns = command->time_ns;
    engine->last_event = NULL;
    engine->stage = OC_ENGINE__STAGE_BEGIN;
    return run(engine, command);
}

enum oc_apply oc_engine_continue(struct oc_engine *engine)
{
    OC_ASSERT(engine->stage != OC_ENGINE__STAGE_IDLE);
    OC_ASSERT(oc_event_log_has_room(engine->log, 1));
    return run(engine, &engine->command);
}

void oc_engine_stats_read(const struct oc_engine *engine, struct oc_engine_stats *stats)
{
    *stats = (struct oc_engine_stats){
        .commands = engine->sequence_last,
        .trades = engine->trade_id_last,
        .orders_accepted = engine->orders_accepted,
        .rejects = engine->rejects,
        .orders_open = oc_pool_used(&engine->store.orders.slots),
        .levels_open = oc_pool_used(&engine->store.levels.level_slots),
        .instruments = engine->instrument_count,
        .users = engine->user_count,
        .sessions = engine->session_count,
        .client_ids = oc_pool_used(&engine->client_id_slots),
    };
}

static bool limits_valid(const struct oc_limits *limits)
{
    const uint32_t large = 1U << 31;
    const uint32_t small = 1U << 20;

    return limits->orders_max >= 1 && limits->orders_max <= large && limits->levels_max >= 1 &&
           limits->levels_max <= large && limits->instruments_max >= 1 &&
           limits->instruments_max <= small && limits->users_max >= 1 &&
           limits->users_max <= large && limits->sessions_max >= 1 &&
           limits->sessions_max <= small && limits->client_ids_max >= 1 &&
           limits->client_ids_total >= 1 && limits->client_ids_total <= large;
}

static bool memory_take(struct oc_engine *engine, struct oc_arena *arena)
{
    const struct oc_limits *limits = &engine->config.limits;

    if (oc_book_store_init(&engine->store, arena, limits->orders_max, limits->levels_max,
                           limits->instruments_max, engine->hash_key.words[7]) != 0 ||
        oc_book_map_init(&engine->instruments_by_symbol, arena, limits->instruments_max) != 0 ||
        oc_book_map_init(&engine->users_by_id, arena, limits->users_max) != 0 ||
        oc_pool_init(&engine->client_id_slots, arena, limits->client_ids_total) != 0 ||
        oc_book_map_init(&engine->client_ids_by_text, arena, limits->client_ids_total) != 0) {
        return false;
    }
    engine->links = oc_arena_alloc(arena, limits->orders_max, sizeof(*engine->links), 0);
    engine->sweep = oc_arena_alloc(arena, limits->orders_max, sizeof(*engine->sweep), 0);
    engine->instruments = oc_arena_alloc(arena, limits->instruments_max,
                                         sizeof(*engine->instruments), 0);
    engine->users = oc_arena_alloc(arena, limits->users_max, sizeof(*engine->users), 0);
    engine->client_ids = oc_arena_alloc(arena, limits->client_ids_total,
                                        sizeof(*engine->client_ids), 0);
    engine->sessions = oc_arena_alloc(arena, limits->sessions_max, sizeof(*engine->sessions), 0);
    return engine->links != NULL && engine->sweep != NULL && engine->instruments != NULL &&
           engine->users != NULL && engine->client_ids != NULL && engine->sessions != NULL;
}

static enum oc_apply run(struct oc_engine *engine, const struct oc_command *command)
{
    bool done = oc_engine__has_room(engine) && dispatch(engine, command);

    if (done) {
        /* Also the proof that every command tells something: request without reply is no reply. */
        OC_ASSERT(engine->last_event != NULL);
        engine->last_event->flags |= OC_EVENT_LAST;
        engine->stage = OC_ENGINE__STAGE_IDLE;
    } else if (command != &engine->command) {
        engine->command = *command;
    }
    oc_event_log_publish(engine->log);
    return done ? OC_DONE : OC_MORE;
}

static bool dispatch(struct oc_engine *engine, const struct oc_command *command)
{
    if (command->kind == OC_COMMAND_SESSION_OPEN) {
        return oc_engine__session_open(engine, command);
    }
    /* The server sequences a session's opening before its requests and its end behind them. */
    OC_ASSERT(command->session == OC_SESSION_VENUE ||
              oc_engine__session_find(engine, command->session) != NULL);
    switch ((enum oc_command_kind)command->kind) {
    case OC_COMMAND_INSTRUMENT:
        return oc_engine__instrument(engine, command);
    case OC_COMMAND_SESSION_CLOSE:
        return oc_engine__session_close(engine, command);
    case OC_COMMAND_NEW:
        return oc_engine__new(engine, command);
    case OC_COMMAND_CANCEL:
        return oc_engine__cancel(engine, command);
    case OC_COMMAND_REPLACE:
        return oc_engine__replace(engine, command);
    case OC_COMMAND_MASS_CANCEL:
        return oc_engine__mass_cancel(engine, command);
    case OC_COMMAND_OPEN_ORDERS:
        return oc_engine__open_orders(engine, command);
    case OC_COMMAND_BOOK:
        return oc_engine__book(engine, command);
    case OC_COMMAND_SESSION_SET:
        return oc_engine__session_set(engine, command);
    case OC_COMMAND_PING:
        return oc_engine__ping(engine, command);
    case OC_COMMAND_REFUSED:
        return oc_engine__refused(engine, command);
    case OC_COMMAND_SESSION_OPEN:
    case OC_COMMAND_NONE:
    case OC_COMMAND_KIND_COUNT:
        break;
    }
    OC_UNREACHABLE();
}

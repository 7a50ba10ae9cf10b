/*
 * Instruments: made by command or on first use, found by symbol, and their checks of an order.
 */
#include "engine/internal.h"

static uint32_t symbol_hash(const struct oc_engine *engine, const struct oc_symbol *symbol);
static void spec_assert(const struct oc_command_instrument *spec);

bool oc_engine__instrument(struct oc_engine *engine, const struct oc_command *command)
{
    const struct oc_command_instrument *spec = &command->instrument;

    if (oc_engine__instrument_find(engine, &spec->symbol) != OC_INDEX_NONE) {
        oc_engine__reject(engine, command, OC_REASON_INSTRUMENT_EXISTS);
    } else if (engine->instrument_count == engine->config.limits.instruments_max) {
        oc_engine__reject(engine, command, OC_REASON_TOO_MANY_INSTRUMENTS);
    } else {
        oc_engine__instrument_make(engine, spec);
    }
    return true;
}

uint32_t oc_engine__instrument_find(const struct oc_engine *engine, const struct oc_symbol *symbol)
{
    const struct oc_book_map *map = &engine->instruments_by_symbol;
    uint32_t hash = symbol_hash(engine, symbol);
    uint32_t cell = oc_book_map_home(map, hash);
    uint32_t index;

    OC_ASSERT(symbol->size >= 1);
    do {
        index = oc_book_map_probe(map, hash, &cell);
    } while (index != OC_INDEX_NONE &&
             memcmp(&engine->instruments[index].spec.symbol, symbol, sizeof(*symbol)) != 0);
    return index;
}

uint32_t oc_engine__instrument_make(struct oc_engine *engine,
                                    const struct oc_command_instrument *spec)
{
    uint32_t index = engine->instrument_count++;
    struct oc_event *event;

    OC_ASSERT(index < engine->config.limits.instruments_max);
    spec_assert(spec);
    engine->instruments[index].spec = *spec;
    oc_book_init(&engine->instruments[index].book);
    oc_book_map_add(&engine->instruments_by_symbol, symbol_hash(engine, &spec->symbol), index);
    event = oc_engine__emit_public(engine, OC_EVENT_INSTRUMENT, index);
    event->instrument_made.symbol = spec->symbol;
    event->instrument_made.decimals = spec->decimals;
    return index;
}

struct oc_command_instrument oc_engine__instrument_default(const struct oc_symbol *symbol)
{
    return (struct oc_command_instrument){
        .symbol = *symbol,
        .tick_ticks = 1,
        .lot_lots = 1,
        .price_min_ticks = 1,
        .price_max_ticks = OC_PRICE_TICKS_MAX,
        .qty_min_lots = 1,
        .qty_max_lots = OC_QTY_LOTS_MAX,
    };
}

enum oc_reason oc_engine__instrument_check(const struct oc_command_instrument *spec,
                                           int64_t price_ticks, uint64_t qty_lots)
{
    /* A division costs more than the rest of an order's way in, and most ticks and lots are 1. */
    if (spec->tick_ticks != 1 && price_ticks % spec->tick_ticks != 0) {
        return OC_REASON_PRICE_OFF_TICK;
    }
    if (spec->lot_lots != 1 && qty_lots % spec->lot_lots != 0) {
        return OC_REASON_QUANTITY_OFF_LOT;
    }
    if (qty_lots < spec->qty_min_lots) {
        return OC_REASON_QUANTITY_TOO_SMALL;
    }
    if (qty_lots > spec->qty_max_lots) {
        return OC_REASON_QUANTITY_TOO_LARGE;
    }
    if (price_ticks < spec->price_min_ticks) {
        return OC_REASON_PRICE_TOO_LOW;
    }
    if (price_ticks > spec->price_max_ticks) {
        return OC_REASON_PRICE_TOO_HIGH;
    }
    return OC_REASON_NONE;
}

static uint32_t symbol_hash(const struct oc_engine *engine, const struct oc_symbol *symbol)
{
    return oc_book_hash_text(&engine->hash_key, symbol->bytes, OC_SYMBOL_BYTES_MAX, symbol->size);
}

/** Instruments come from the operator's file, which its reader has checked. */
static void spec_assert(const struct oc_command_instrument *spec)
{
    OC_ASSERT(spec->symbol.size >= 1);
    OC_ASSERT(spec->symbol.size <= OC_SYMBOL_BYTES_MAX);
    OC_ASSERT(spec->decimals <= 18);
    OC_ASSERT(spec->tick_ticks >= 1);
    OC_ASSERT(spec->lot_lots >= 1);
    OC_ASSERT(spec->price_min_ticks >= 1);
    OC_ASSERT(spec->price_min_ticks <= spec->price_max_ticks);
    OC_ASSERT(spec->qty_min_lots >= 1);
    OC_ASSERT(spec->qty_min_lots <= spec->qty_max_lots);
    OC_ASSERT(spec->qty_max_lots <= OC_QTY_LOTS_MAX);
}

/*
 * Seeded flows of commands for the model test, in shapes that reach different corners.
 *
 * A flow is made in advance, so that a failing one can be cut down and run again. It does not look
 * at replies: it names order ids near the last one it knows can exist, and some that cannot.
 */
#ifndef OC_TESTS_MODEL_FLOW_H
#define OC_TESTS_MODEL_FLOW_H

#include "core/command.h"
#include "core/limits.h"

struct flow_shape {
    const char *name;
    struct oc_limits limits;
    bool instruments_on_first_use;
    uint32_t log_capacity;
    bool drains_slowly; /* the consumer releases a few events at a time */
    uint32_t instruments;
    bool instruments_have_rules; /* tick, lot and bands that some orders offend */
    uint32_t users;
    uint32_t sessions;
    uint32_t client_ids; /* different client_order_ids in use; 0: none */
    int64_t price_ticks; /* the middle */
    uint32_t price_spread;
    uint64_t qty_lots_max;
    uint32_t ids_back; /* cancels and replaces name one of so many last ids */
    /* Out of 1000 commands; what is left are new orders. */
    uint32_t cancels;
    uint32_t replaces;
    uint32_t mass_cancels;
    uint32_t queries;
    uint32_t session_changes;
    uint32_t session_ends;
    uint32_t immediate; /* out of 1000 new orders */
};

extern const struct flow_shape FLOW_SHAPES[];
extern const uint32_t FLOW_SHAPE_COUNT;

/** Fill commands[0..count) from the seed. Sequence and time are left to the runner. */
void flow_make(const struct flow_shape *shape, uint64_t seed, struct oc_command *commands,
               uint32_t count);

#endif

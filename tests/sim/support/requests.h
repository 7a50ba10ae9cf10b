/*
 * What simulated clients send: random requests, most of them valid, as frames.
 */
#ifndef OC_TESTS_SIM_REQUESTS_H
#define OC_TESTS_SIM_REQUESTS_H

#include <stdint.h>

#include "core/random.h"

/** The largest frame that requests_draw() writes, header included. */
#define REQUESTS_FRAME_BYTES_MAX 9000U

#define REQUESTS_RECENT_COUNT 64U

/** An order that rested once: cancels and replaces name mostly these. */
struct requests_order {
    uint64_t order_id;
    uint64_t user_id;
};

/** Shapes what is drawn. */
struct requests {
    struct oc_random *random;
    const struct requests_order *recent; /* REQUESTS_RECENT_COUNT of them; order_id 0: none */
    uint32_t symbols;
    uint32_t users;
    uint32_t broken; /* of 1000 frames */
    uint32_t large;  /* of 1000 frames: more than 1 KiB */
};

/** Writes one frame with a right length into out[0..REQUESTS_FRAME_BYTES_MAX). Returns its size. */
uint32_t requests_draw(const struct requests *requests, uint8_t *out);

/** Writes a ping with this number. Returns the size of the frame. */
uint32_t requests_ping(uint64_t number, uint8_t *out);

#endif

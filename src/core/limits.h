/*
 * Every limit of the venue that memory is sized from, with its default.
 *
 * A limit that is reached is a reject with a reason or a refusal, never a silent drop;
 * docs/limits.md lists each with the answer that a client sees.
 */
#ifndef OC_CORE_LIMITS_H
#define OC_CORE_LIMITS_H

#include <stdint.h>

/** A frame's payload, in both directions. A larger one cannot be trusted (protocol: Frames). */
#define OC_FRAME_BYTES_MAX 65536U
/** The big-endian length in front of each payload. */
#define OC_FRAME_HEADER_BYTES 4U

/** Levels of each side in one `book` reply: both sides at full width still fit one frame. */
#define OC_BOOK_DEPTH_MAX     500U
#define OC_BOOK_DEPTH_DEFAULT 10U

/** Orders in one `open_orders` frame: at full width they still fit; more take several frames. */
#define OC_OPEN_ORDERS_PER_FRAME 256U

/** Where the venue listens and its clients connect unless told otherwise. */
#define OC_VENUE_ADDRESS_DEFAULT "127.0.0.1:7400"

/** Memory is sized from these at start. Untouched slots cost address space, not memory. */
struct oc_limits {
    uint32_t orders_max;       /* open orders of the venue, 1 to 2^31 */
    uint32_t levels_max;       /* price levels of the venue, all instruments, 1 to 2^31 */
    uint32_t instruments_max;  /* 1 to 2^20 */
    uint32_t users_max;        /* users that ever sent an order, 1 to 2^31 */
    uint32_t sessions_max;     /* connections at one time, 1 to 2^20 */
    uint32_t client_ids_max;   /* client_order_ids remembered of each user, newest win */
    uint32_t client_ids_total; /* client_order_ids remembered of all users, 1 to 2^31 */
};

#define OC_LIMITS_DEFAULT             \
    ((struct oc_limits){              \
        .orders_max = 1U << 20,       \
        .levels_max = 1U << 18,       \
        .instruments_max = 4096,      \
        .users_max = 1U << 16,        \
        .sessions_max = 16384,        \
        .client_ids_max = 1024,       \
        .client_ids_total = 1U << 20, \
    })

/**
 * What one session, or one address, may take of the venue. 0 in any of them: no limit. No memory is
 * sized from these, and the engine does not know them.
 */
struct oc_session_limits {
    uint32_t frames_per_turn;          /* complete frames of one session in one turn among others */
    uint32_t requests_per_second;      /* of one session, a burst of one second; up to 10^6 */
    uint32_t incomplete_frame_seconds; /* from a frame's first byte to its last; up to 86,400 */
    uint32_t idle_seconds;             /* without a byte from the client; up to 86,400 */
    uint32_t connections_per_address;  /* open at one time; IPv6 counts by its first 64 bits */
};

#define OC_REQUESTS_PER_SECOND_MAX 1000000U
#define OC_SESSION_SECONDS_MAX     86400U

#define OC_SESSION_LIMITS_DEFAULT       \
    ((struct oc_session_limits){        \
        .frames_per_turn = 32,          \
        .incomplete_frame_seconds = 10, \
    })

#endif

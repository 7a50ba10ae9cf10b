/*
 * What load.c (the run) and player.c (one connection of it) share.
 */
#ifndef OC_CLIENT_LOAD_INTERNAL_H
#define OC_CLIENT_LOAD_INTERNAL_H

#include "client/checker.h"
#include "client/load.h"
#include "core/arena.h"
#include "core/limits.h"
#include "io/io.h"

/** The handshake's ping: what comes before its pong belongs to an earlier life of the user. */
#define OC_CLIENT__PING 1U

enum oc_client__player_state {
    OC_CLIENT__CONNECTING,
    OC_CLIENT__HANDSHAKE, /* session, mass cancel, ping */
    OC_CLIENT__PLAYING,
    OC_CLIENT__GONE,
};

/** A request that was written before the clock runs. */
struct oc_client__frame {
    uint32_t size;
    uint8_t bytes[OC_WIRE_REQUEST_BYTES_MAX];
};

/** A connection that plays a script. */
struct oc_client__player {
    const struct oc_script *script;
    struct oc_conn conn;
    enum oc_client__player_state state;
    uint64_t user_id;
    struct oc_checker checker;
    struct oc_schedule schedule;
    uint64_t next_request; /* to send, counted through all rounds */
    uint64_t limit;        /* requests to send in this phase, counted from the script's begin */
    /* Intended times of the requests in flight: positions [answered, next_request), masked. */
    uint64_t *intended_ns;
    uint64_t mask;
    uint64_t answered;
    uint64_t held_ns; /* when a request last had to wait for the venue: an id, or room */
    struct oc_client__frame *frames; /* of a script that goes round, else NULL */
    uint8_t *rx;                     /* an incomplete frame */
    size_t rx_size;
    bool touched; /* got replies in this turn */
};

enum oc_client__phase {
    OC_CLIENT__CONNECT,
    OC_CLIENT__PRELOAD,
    OC_CLIENT__RUN,
    OC_CLIENT__DRAIN, /* nothing new falls due; what is in flight or was due is finished */
};

/** One run. Belongs to the calling thread. */
struct oc_client__load {
    const struct oc_load_config *config;
    struct oc_load_result *result;
    struct oc_arena arena;
    const struct oc_io_ops *ops;
    struct oc_io *io;
    struct oc_io_event *events;
    struct oc_client__player *players;
    uint32_t *player_of;        /* by index of the connection's handle */
    struct oc_wire_reply reply; /* the one at hand; its levels have room for any book */
    struct oc_histogram *second_latency;
    enum oc_client__phase phase;
    uint32_t window; /* of this phase */
    uint32_t connected;
    uint32_t ready;
    int connect_error;
    bool failed; /* result->why says how; the run is over */
    uint64_t in_flight;
    uint64_t now_ns;     /* of the last poll */
    uint64_t start_ns;   /* of the run */
    uint64_t measure_ns; /* start_ns + warm-up */
    uint64_t end_ns;     /* UINT64_MAX: none */
    uint64_t last_reply_ns;
    uint64_t last_measured_ns;
    uint64_t second_requests;
    uint64_t second_answered;
};

/** Makes the player of connection `index`. Returns 0 or -ENOMEM. */
int oc_client__player_init(struct oc_client__load *load, uint32_t index,
                           const struct oc_script *script);

/** Sends session settings, mass cancel and ping. */
void oc_client__player_greet(struct oc_client__load *load, struct oc_client__player *player);

/** Takes bytes that arrived; may fail the load. */
void oc_client__player_receive(struct oc_client__load *load, struct oc_client__player *player,
                               const uint8_t *bytes, size_t size);

/** Sends what may be sent at sent_ns: window, schedule, known ids, limit of the phase. */
void oc_client__player_pump(struct oc_client__load *load, struct oc_client__player *player,
                            uint64_t sent_ns);

/** Whether the script ends before the phase's limit, and has been sent. */
bool oc_client__player_used_up(const struct oc_client__player *player);

/** Ends the run with a wrong reply; the first text stays. */
void oc_client__load_fail(struct oc_client__load *load, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif

/*
 * The clients of a simulated server: each plays a random part, and knows what it has a right to.
 *
 * While the faults are on, players connect, send requests in pieces, read or do not, and leave in
 * every way there is. Then comes the quiet: nothing goes wrong any more, and who is still there
 * must get every answer, a newcomer must be served, and who half-closed must get its FIN. What each
 * player is told is compared with what the oracle expects as soon as it reads it, and each command
 * that the server sequences with what the player had sent.
 */
#ifndef OC_TESTS_SIM_PLAYERS_H
#define OC_TESTS_SIM_PLAYERS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/command.h"
#include "core/limits.h"
#include "io/sim.h"
#include "support/oracle.h"
#include "support/requests.h"

#define PLAYERS_MAX 40U

struct players_config {
    struct oc_io_sim *net;
    struct oc_random *random;
    struct requests requests;
    uint32_t count_max; /* of players, the newcomer not counted */
    uint32_t at_once;   /* players that are connected at one time */
    uint32_t play_rounds;
    uint32_t requests_max;     /* of one player */
    uint32_t laziness;         /* of 100 rounds in which a player does not read */
    uint32_t departures;       /* of 1000 rounds of a player: it leaves, one way or another */
    uint32_t large_frames_max; /* of the server */
    struct oc_session_limits session_limits; /* of the server */
    bool is_late; /* commands may wait for room: what they say was so when they were made */
    bool is_newcomer_sure;       /* there is a slot for one more connection */
    void (*stop)(void *context); /* all is done: stop the server */
    void *context;
};

struct text {
    uint8_t *bytes;
    uint32_t size;
    uint32_t capacity;
};

enum frame_kind {
    FRAME_WHOLE,
    FRAME_BAD_LENGTH, /* nothing behind it counts */
    FRAME_CUT,        /* the end of the stream came within it */
};

struct frame {
    uint32_t begin;
    uint32_t end;
    enum frame_kind kind;
};

struct player {
    int peer;
    uint64_t tag;
    uint64_t session; /* 0: not opened yet */
    struct text out;  /* all it sends */
    uint32_t sent;    /* of it */
    struct frame *frames;
    uint32_t frame_count;
    uint32_t frame_capacity;
    uint32_t frame_next; /* the next one that is to be sequenced */
    struct text expected;
    uint32_t received;      /* of it */
    uint64_t opened_ns;     /* when its session was opened */
    uint64_t marker;        /* the number of its last ping; 0: none */
    bool is_marker_refused; /* that ping was one request too many */
    bool has_bad_length;
    bool is_refused;      /* the server gave its stream up, by the rules */
    bool is_close_told;   /* SESSION_CLOSE was sequenced */
    bool closed_in_quiet; /* ... after the faults had ended */
    bool has_half_closed;
    bool has_left; /* reset or closed by itself: no right to anything any more */
    bool has_seen_end;
    bool has_seen_fin; /* ... which was a clean one */
    bool is_stubborn;  /* never answers the server's FIN with its own */
};

enum players_phase {
    PLAYERS_PLAY,
    PLAYERS_QUIET,
    PLAYERS_STOP,
};

/** What came of it, added up over all seeds. */
struct players_score {
    uint64_t players;
    uint64_t survivors; /* played to the end and were told everything */
    uint64_t flushed;   /* left by half-close or bad stream, and were told everything */
    uint64_t aborted;   /* disconnected by the server for what they owed */
    uint64_t cut; /* the same, while their last bytes were sent: the gateway counts them not */
    uint64_t timed_out; /* did not read their last bytes in time */
    uint64_t broken;    /* reset, or left by themselves */
    uint64_t refused;   /* never accepted */
    uint64_t requests;  /* of all, sequenced */
    uint64_t reply_bytes;
};

struct players {
    struct players_config config;
    struct player players[PLAYERS_MAX];
    uint32_t count;
    enum players_phase phase;
    uint32_t round;
    uint32_t quiet_round; /* in which the quiet began */
    bool has_newcomer;
    bool is_stopped;
    uint64_t requests; /* sequenced */
};

void players_init(struct players *players, const struct players_config *config);
void players_deinit(struct players *players);

/** The step of the simulated network. */
void players_step(void *context, uint64_t now_ns);

/** The oracle's two questions. */
void players_expect(void *context, uint64_t session, const uint8_t *bytes, uint32_t size);
uint64_t players_tag_of(void *context, uint64_t session);

/** The server has sequenced this command: is it what the player sent? */
void players_command(struct players *players, const struct oc_command *command);

/**
 * After the server's end: everyone got what was its right. `aborts_told`: how many sessions the
 * gateway says it had to disconnect.
 */
void players_verdict(struct players *players, uint64_t aborts_told, struct players_score *score);

#endif

/*
 * What the tests of the gateway play on: a fake io table and a fake engine.
 *
 * The io table records what each connection was sent, and keeps what it was given back until the
 * next turn. The engine records commands, and has as much room as the test says.
 */
#ifndef OC_TESTS_GATEWAY_BENCH_H
#define OC_TESTS_GATEWAY_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/limits.h"
#include "gateway/gateway.h"

#define CONNECTIONS   8U
#define OUT_BYTES_MAX 6000U
#define CHUNKS        64U
#define COMMANDS_MAX  4096U
#define SECOND_NS     1000000000ULL

struct fake_conn {
    char sent[1 << 18];
    size_t sent_size;
    uint32_t owed; /* grows with every send unless `reads` */
    bool reads;
    bool closed;
    enum oc_io_close_mode mode;
    uint32_t generation;
    bool paused;
    uint8_t back[1 << 17]; /* bytes that it is to be told again */
    uint32_t back_size;
    bool back_eof;  /* and then its end */
    bool has_input; /* it sent what was not told yet */
};

extern struct fake {
    struct oc_io io;
    struct fake_conn conns[CONNECTIONS];
    uint8_t chunks[CHUNKS][OC_IO_CHUNK_BYTES];
    uint32_t chunk_references[CHUNKS];
    uint32_t chunks_left; /* chunk_open() and send() answer -ENOBUFS at 0 */
    uint32_t shared_sends;
    const uint8_t *event_end; /* of the bytes that are being told */
} fake;

extern struct bench {
    struct oc_arena arena;
    struct oc_gateway_config config;
    struct oc_gateway *gateway;
    struct oc_command commands[COMMANDS_MAX];
    uint32_t command_count;
    uint32_t room;  /* commands that the engine still takes */
    uint32_t asked; /* times that it was asked */
    uint32_t pongs; /* replies that each PING gets before submit() returns */
    enum oc_gateway_notice notices[COMMANDS_MAX];
    enum oc_reason notice_reasons[COMMANDS_MAX];
    uint32_t notice_count;
    uint32_t admissible; /* connections that may still be admitted */
    uint32_t left;       /* of those admitted */
    uint64_t now_ns;
} bench;

/** Plain: no limits of a session, room for every command. */
int bench_set_up(void **state);
int bench_tear_down(void **state);

/** Makes the gateway anew, with these limits. */
void bench_limit(const struct oc_session_limits *limits);

/** Makes the gateway anew, as bench.config says now. */
void bench_restart(void);

/** The next turn begins `elapsed_ns` later; what was given back is told again. */
void next_turn(uint64_t elapsed_ns);

struct oc_conn conn_of(uint32_t index);
uint64_t id_of(uint32_t index);

/** Tells the gateway something; a copy of the bytes. */
void io_event(uint32_t index, enum oc_io_event_kind kind, const void *bytes, uint32_t size,
              uint64_t tag);

/** The event of the engine. */
void give(const struct oc_event *event);
void give_settings(uint32_t index, enum oc_event_kind kind, uint32_t settings);
void give_instrument(void);
void give_trade(uint64_t trade_id, uint64_t buyer_session, uint64_t seller_session);
void give_pong(uint32_t index, uint64_t ping);
void give_confirmed(uint32_t index, uint64_t order_id, uint64_t request_id);

/** A connection that reads, and its session. */
void connect_session(uint32_t index, uint64_t tag);

/**
 * What a session was sent, one letter for each frame: t1 trade, p1 pong, c1/C1 confirmation
 * without/with request_id, ? anything else; the number is its id.
 */
void expect_sent(uint32_t index, const char *expected);

/** A frame of this payload; returns its size. */
uint32_t frame(uint8_t *out, const char *payload);

#define CANCEL "{\"user_id\":101,\"order_id\":7}"
#define PING   "{\"session\":{\"ping\":3}}"

void expect_command(uint32_t place, enum oc_command_kind kind, uint32_t index);

#endif

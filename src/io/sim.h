/*
 * The simulated network: a third backend behind the table of io.h, and the peers on its other side.
 *
 * The program under test calls oc_io_sim_ops as it would call the kernel's backends; the test plays
 * every peer through the functions below, mostly from `step`, which poll() calls in each round.
 * Everything that happens is drawn from one seed: the same seed, the same calls, the same faults.
 * There is no socket, no clock and no thread behind it, and it makes no system call.
 *
 * It imitates streams, not packets: bytes of one connection never change their order, but arrive in
 * any pieces, late, and in any order between connections. All of it is for tests; nothing of it is
 * in the program.
 */
#ifndef OC_IO_SIM_H
#define OC_IO_SIM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/arena.h"
#include "io/io.h"

struct oc_io_sim;

/**
 * What goes wrong, and what is counted: X(enumerator, text). The first group is drawn by the
 * network itself, with a probability each; the second is brought about by the peers.
 */
#define OC_IO_SIM_FAULT_MAP(X)                                      \
    X(SHORT_READ, "short reads")                                    \
    X(SHORT_SEND, "short sends")                                    \
    X(BLOCKED_SEND, "sends that would block")                       \
    X(LATE_SEND, "sends left for a later turn")                     \
    X(LATE_INPUT, "input that came later")                          \
    X(SHUFFLE, "turns with connections in another order")           \
    X(RESET, "resets by the network")                               \
    X(LOST_INPUT, "resets that took unread input with them")        \
    X(NO_BUFFER, "receives without a buffer")                       \
    X(FEW_EVENTS, "polls cut short by a tiny queue")                \
    X(NO_CHUNKS, "turns without free chunks")                       \
    X(ACCEPT_FAILED, "accepts that failed")                         \
    X(ACCEPT_ABORTED, "connections gone before they were accepted") \
    X(EARLY_RETURN, "polls that returned without an event")         \
    X(CLOCK_JUMP, "jumps of the clock")                             \
    X(PEER_RESET, "resets by a peer")                               \
    X(PEER_CLOSE, "peers that closed without waiting")              \
    X(HALF_CLOSE, "half-closes by a peer")                          \
    X(FULL_SOCKET, "sends stopped by a peer that does not read")    \
    X(FAILED_SEND, "sends to a connection that was gone")           \
    X(FULL_TABLE, "connections refused because every slot was in use")

enum oc_io_sim_fault {
#define OC_IO_SIM_FAULT_ENUMERATOR(name, text) OC_IO_SIM_##name,
    OC_IO_SIM_FAULT_MAP(OC_IO_SIM_FAULT_ENUMERATOR)
#undef OC_IO_SIM_FAULT_ENUMERATOR
        OC_IO_SIM_FAULT_COUNT
};

/** Probabilities are given in parts of this. */
#define OC_IO_SIM_ALWAYS 10000U

struct oc_io_sim_config {
    struct oc_arena *arena; /* borrowed; all memory comes from it in create() */
    uint64_t seed;
    uint32_t peers_max;   /* over the whole life: a peer's number is never used again */
    uint32_t pipe_bytes;  /* what one direction of a connection holds between the two sides */
    uint64_t start_ns;    /* the clock at the start */
    uint64_t tick_ns_max; /* a round of a poll() that waits takes 1 ns to this long */
    /*
     * Plays the peers: called in each round of each poll(), which waits for as many rounds as it
     * takes. Of the backend's table it may call wake() alone. NULL: peers act between polls, and a
     * poll() for which nothing can happen any more jumps to its next deadline or returns 0.
     */
    void (*step)(void *context, uint64_t now_ns);
    void *context;
};

/** Why a connection is over. */
enum oc_io_sim_end {
    OC_IO_SIM_LIVES,
    OC_IO_SIM_CLOSED,       /* by the program, everything sent */
    OC_IO_SIM_ABORTED,      /* by the program: close(ABORT) or shutdown() */
    OC_IO_SIM_CUT,          /* close(ABORT) while a close(FLUSH) was under way */
    OC_IO_SIM_TIMED_OUT,    /* close(FLUSH) ran out of time with bytes owed */
    OC_IO_SIM_BROKEN,       /* the network or the peer reset it */
    OC_IO_SIM_NOT_ACCEPTED, /* it never reached the program */
};

/** One end of a connection, as its peer sees it. */
struct oc_io_sim_peer {
    struct oc_conn conn; /* of the program's side; generation 0: not accepted yet */
    uint64_t tag;
    uint8_t end;          /* enum oc_io_sim_end */
    bool is_reset;        /* reading gives -ECONNRESET */
    bool was_paused;      /* by receive(off), at the last poll() */
    uint32_t unread;      /* bytes that wait for oc_io_sim_read() */
    uint32_t undelivered; /* bytes of this peer that the program has not got yet */
};

/**
 * Makes a network without connections. `config` is copied. Put the result into oc_io_config.sim;
 * one backend instance at a time may live on it. Returns 0 and *sim, or -ENOMEM.
 */
int oc_io_sim_create(const struct oc_io_sim_config *config, struct oc_io_sim **sim);

/** Sets the probability of each fault of the first group, 0 to OC_IO_SIM_ALWAYS; borrowed. */
void oc_io_sim_faults_set(struct oc_io_sim *sim, const uint32_t chances[OC_IO_SIM_FAULT_COUNT]);

/** How often each happened. Borrowed, OC_IO_SIM_FAULT_COUNT of them. */
const uint64_t *oc_io_sim_faults_seen(const struct oc_io_sim *sim);

/** For people; static storage. */
const char *oc_io_sim_fault_text(enum oc_io_sim_fault fault);

/**
 * A peer connects to the listener with this tag. Returns its number from 0, -ECONNREFUSED (nobody
 * listens) or -ENOBUFS (peers_max). Whether it is accepted shows later.
 */
int oc_io_sim_connect(struct oc_io_sim *sim, uint64_t tag);

/** The peer of the oldest connect() of the program that was not asked for yet, or -EAGAIN. */
int oc_io_sim_accept(struct oc_io_sim *sim);

/** Makes the program's connect() fail with this error, -errno, from now on; 0: succeed. */
void oc_io_sim_refuse(struct oc_io_sim *sim, int error);

/** A peer whose number is to be given to adopt() as its descriptor; or -ENOBUFS. */
int oc_io_sim_pair(struct oc_io_sim *sim);

/**
 * Sends bytes. Returns how many were taken, 0 when the pipe is full, -ECONNRESET, or -EPIPE after
 * the peer's own half-close.
 */
int oc_io_sim_write(struct oc_io_sim *sim, int peer, const void *bytes, uint32_t size);

/** Receives up to `size` (at least 1) bytes. Returns how many, 0 at the end of the stream, -EAGAIN
 * or -ECONNRESET. */
int oc_io_sim_read(struct oc_io_sim *sim, int peer, void *bytes, uint32_t size);

/** The peer sends no more, but goes on reading. Nothing happens when it did already. */
void oc_io_sim_half_close(struct oc_io_sim *sim, int peer);

/** close(2): neither reads nor writes any more; bytes that still come are answered by a reset. */
void oc_io_sim_close(struct oc_io_sim *sim, int peer);

/** The peer resets the connection. */
void oc_io_sim_reset(struct oc_io_sim *sim, int peer);

/** How a peer's connection stands. */
struct oc_io_sim_peer oc_io_sim_look(const struct oc_io_sim *sim, int peer);

/** The virtual time. */
uint64_t oc_io_sim_now_ns(const struct oc_io_sim *sim);

/** Adds a line of the test's own to the trace: static text, a peer or -1, a number. */
void oc_io_sim_note(struct oc_io_sim *sim, const char *text, int peer, uint64_t value);

/** Prints the last `count` lines of the trace, oldest first; at most OC_IO_SIM_TRACE_COUNT. */
void oc_io_sim_trace_print(const struct oc_io_sim *sim, FILE *out, uint32_t count);

/** Prints every line of the trace at once from now on; NULL: no longer. Borrowed. */
void oc_io_sim_trace_follow(struct oc_io_sim *sim, FILE *out);

#define OC_IO_SIM_TRACE_COUNT 1024U

extern const struct oc_io_ops oc_io_sim_ops;

#endif

/*
 * What the two files of the simulator share: the network between the peers and the backend.
 *
 *   sim.c      the backend: the slots of the table, the turn
 *   sim_net.c  the peers' side, pipes, faults, the trace
 */
#ifndef OC_IO_SIM_NET_H
#define OC_IO_SIM_NET_H

#include "core/random.h"
#include "io/sim.h"

/** A ring of bytes on their way in one direction. */
struct oc_io__pipe {
    uint8_t *bytes;
    uint32_t capacity;
    uint32_t head;
    uint32_t size;
};

enum oc_io__sim_place {
    OC_IO__SIM_UNUSED,
    OC_IO__SIM_LOOSE,    /* of oc_io_sim_pair(): waits for adopt() */
    OC_IO__SIM_WAITING,  /* connects to a listener, not accepted yet */
    OC_IO__SIM_ATTACHED, /* a connection of the backend has it as its descriptor */
    OC_IO__SIM_DETACHED, /* the backend's side is over */
};

/** A connection, from the peer's side. */
struct oc_io__sim_peer {
    struct oc_io__pipe in;  /* to the program */
    struct oc_io__pipe out; /* to the peer */
    struct oc_conn conn;
    uint64_t tag;
    uint8_t place;        /* enum oc_io__sim_place */
    uint8_t end;          /* enum oc_io_sim_end */
    bool fin;             /* the peer sends no more */
    bool closed;          /* nor does it read */
    bool reset;           /* both directions are dead */
    bool program_fin;     /* the program sends no more */
    bool by_program;      /* it came from connect() */
    bool is_paused;       /* at the last poll() */
    uint32_t block_turns; /* sends would block for so many rounds more */
};

struct oc_io__sim_line {
    const char *text;
    uint64_t now_ns;
    uint64_t value;
    uint32_t round;
    int peer;
};

struct oc_io_sim {
    struct oc_io_sim_config config;
    struct oc_random random;
    struct oc_io__sim_peer *peers;
    uint32_t peer_count;
    uint64_t now_ns;
    uint32_t round; /* of all polls */
    uint32_t chances[OC_IO_SIM_FAULT_COUNT];
    uint64_t seen[OC_IO_SIM_FAULT_COUNT];
    uint64_t tags[64]; /* of the listeners */
    uint32_t tag_count;
    uint32_t asked; /* peers before this one were looked at by oc_io_sim_accept() */
    int refuse_error;
    FILE *follow;
    struct oc_io__sim_line *trace;
    uint64_t trace_count;
};

/** Draws whether a fault happens; what follows from it is the caller's to count. */
bool oc_io__sim_draw(struct oc_io_sim *sim, enum oc_io_sim_fault fault);

/** Counts a fault and adds it to the trace. */
void oc_io__sim_fault(struct oc_io_sim *sim, enum oc_io_sim_fault fault, int peer, uint64_t value);

/** A number from 1 to `bound`, mostly small or `bound` itself. */
uint32_t oc_io__sim_piece(struct oc_io_sim *sim, uint32_t bound);

/** A new peer in this place. Returns its number or -ENOBUFS. */
int oc_io__sim_peer_open(struct oc_io_sim *sim, enum oc_io__sim_place place, uint64_t tag);

/** Ends a connection as its peer sees it: a clean end of the stream, or a reset. */
void oc_io__sim_peer_end(struct oc_io_sim *sim, int number, enum oc_io_sim_end end);

/** The network breaks a connection; unread input may be lost with it. */
void oc_io__sim_peer_break(struct oc_io_sim *sim, int number);

uint32_t oc_io__pipe_put(struct oc_io__pipe *pipe, const void *bytes, uint32_t size);
uint32_t oc_io__pipe_take(struct oc_io__pipe *pipe, void *bytes, uint32_t size);

#endif

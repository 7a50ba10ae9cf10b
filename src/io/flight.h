/*
 * The flight recorder: the last operations of each instance, to be looked at after a crash.
 *
 * Every event that poll() tells, every call that concerns a connection and every answer of the
 * kernel to a send is one entry of a ring in memory: its kind, the connection, a size or error, and
 * the time of the poll() in which it happened. Writing one is a few stores, the same for all
 * backends; nothing is formatted before somebody asks. There is no level and no switch.
 */
#ifndef OC_IO_FLIGHT_H
#define OC_IO_FLIGHT_H

#include <stdint.h>

#include "io/io.h"

/** Entries of one instance, a power of two: 96 KiB. */
#define OC_IO_FLIGHT_COUNT 4096U
/** Instances of a process that can be dumped together; later ones only one by one. */
#define OC_IO_FLIGHT_INSTANCES_MAX 64U

/** X(enumerator, text, what the number means). The first are those of enum oc_io_event_kind. */
#define OC_IO_FLIGHT_MAP(X)                              \
    X(NONE, "nothing", "")                               \
    X(ACCEPTED, "accepted", "")                          \
    X(ACCEPT_FAILED, "accept failed", "error")           \
    X(CONNECTED, "connected", "error")                   \
    X(RECEIVED, "received", "bytes")                     \
    X(EOF, "end of input", "")                           \
    X(DRAINED, "drained", "")                            \
    X(CLOSED, "closed", "error")                         \
    X(WOKEN, "woken", "")                                \
    X(POLLED, "poll() returns", "events")                \
    X(LISTEN, "listen()", "")                            \
    X(UNLISTENED, "no longer listening", "")             \
    X(CONNECT, "connect()", "")                          \
    X(ADOPT, "adopt()", "unread bytes")                  \
    X(PAUSE, "receive(off)", "")                         \
    X(RESUME, "receive(on)", "")                         \
    X(UNRECEIVE, "unreceive()", "bytes")                 \
    X(SEND, "send()", "bytes or error")                  \
    X(SEND_SHARED, "send_shared()", "bytes or error")    \
    X(SENT, "the kernel took", "bytes or error")         \
    X(STARVED, "found no receive buffer", "")            \
    X(RECEIVE_ENDED, "receive ended", "bytes or error")  \
    X(FLUSH, "close(FLUSH)", "")                         \
    X(RESET, "is to be reset", "")                       \
    X(BROKEN, "sending broke", "error")                  \
    X(ENDING, "waits for the kernel to let go", "error") \
    X(ENDED, "descriptor closed", "error")

enum oc_io_flight_kind {
#define OC_IO_FLIGHT_ENUMERATOR(name, text, number) OC_IO_FLIGHT_##name,
    OC_IO_FLIGHT_MAP(OC_IO_FLIGHT_ENUMERATOR)
#undef OC_IO_FLIGHT_ENUMERATOR
        OC_IO_FLIGHT_KINDS
};

struct oc_io_flight_entry {
    uint64_t now_ns;     /* CLOCK_MONOTONIC, as the poll() told it; the simulation's own */
    struct oc_conn conn; /* generation 0: none */
    int32_t result;
    uint32_t kind; /* enum oc_io_flight_kind */
};

/**
 * Writes the entries of an instance as text, oldest first, one line each, to a descriptor. What
 * cannot be written is left out.
 *
 * Async-signal-safe, keeps errno; at most 240 KiB, 1 ms to a file. Any thread: called by another
 * than the owner, entries that are written meanwhile may be garbled.
 */
void oc_io_flight_dump(const struct oc_io *io, int fd);

/** The same of all instances of this process between start() and shutdown(). One that is being shut
 * down in another thread is told or not; its memory, the arena's, must live until this returns. */
void oc_io_flight_dump_all(int fd);

/** For oc_assert_set_hook(): dumps all to stderr. */
void oc_io_flight_on_assert(void);

/* --- of this room ---------------------------------------------------------------------------- */

/** Makes an instance known to oc_io_flight_dump_all(). */
void oc_io__flight_enter(const struct oc_io *io);
void oc_io__flight_leave(const struct oc_io *io);

#endif

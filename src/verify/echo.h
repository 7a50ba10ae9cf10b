/*
 * The echo servers of the raw scenarios: our two backends with nothing above them, and the floor.
 *
 * A backend's echo hands every received piece back in the same turn. The floor is blocking recv(2)
 * and send(2) of one connection at a time: the least that a TCP round trip costs.
 */
#ifndef OC_VERIFY_ECHO_H
#define OC_VERIFY_ECHO_H

#include <stdint.h>

#include "io/io.h"

struct oc_verify_echo_config {
    const struct oc_io_ops *ops; /* NULL: the floor */
    const char *listen;          /* HOST:PORT */
    uint64_t busy_poll_ns;       /* the floor: above 0 it never blocks in recv */
    uint64_t delay_ns;           /* busy for so long for each message: to test the instrument */
    uint32_t message_size;       /* for the delay: bytes of a message, at least 1 */
};

/**
 * Binds, says "listening on HOST:PORT" on stderr and serves until a signal ends the process; at
 * SIGUSR2 its counters go to stderr.
 * Returns only when it cannot, with 1 and the reason on stderr. Allocates at start.
 */
int oc_verify_echo_run(const struct oc_verify_echo_config *config);

#endif

/*
 * Servers on another host, started there by its agent (agent.h).
 */
#ifndef OC_VERIFY_REMOTE_H
#define OC_VERIFY_REMOTE_H

#include "verify/control.h"
#include "verify/hello.h"
#include "verify/host.h"

struct oc_verify__remote {
    struct oc_verify__host host; /* first: functions of the table get a pointer to it */
    struct oc_verify__control control;
    struct oc_io_address address; /* of the agent; its servers' with another port */
    char name[OC_IO_ADDRESS_TEXT_BYTES];
    uint64_t drops; /* as last read */
};

/**
 * Connects to the agent at HOST:PORT, at most 5 s, and asks what its host is, which measures itself
 * for about a second. Returns 0, or with a sentence in `error` -EINVAL if that is no HOST:PORT, -1
 * else. To be closed in either case.
 */
int oc_verify__remote_open(struct oc_verify__remote *remote, const char *address,
                           struct oc_verify__hello *hello, char *error, size_t error_size);

/** At the end: load and time of that host. Left as they are if it does not answer. */
void oc_verify__remote_end(struct oc_verify__remote *remote,
                           struct oc_verify_environment *environment);

/** Says goodbye. Harmless on one that was never opened but is all zero. */
void oc_verify__remote_close(struct oc_verify__remote *remote);

#endif

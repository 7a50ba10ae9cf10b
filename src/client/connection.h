/*
 * A blocking connection to a venue, for programs that do one thing at a time: the command line.
 *
 * Send a command, wait for the next reply frame. The load generator does not use it: it drives many
 * connections through the io table.
 */
#ifndef OC_CLIENT_CONNECTION_H
#define OC_CLIENT_CONNECTION_H

#include <stddef.h>
#include <stdint.h>

#include "core/command.h"
#include "core/limits.h"
#include "io/socket.h"

/** Belongs to one thread. 68 KiB: static or from the heap. */
struct oc_connection {
    int fd;       /* -1: closed */
    size_t start; /* of the unread bytes */
    size_t end;
    uint8_t bytes[OC_FRAME_HEADER_BYTES + OC_FRAME_BYTES_MAX];
};

/** A reply frame's payload; borrowed from the connection until its next receive. */
struct oc_payload {
    const uint8_t *bytes;
    size_t size;
};

/**
 * Connect, with TCP_NODELAY. @congestion  a TCP congestion control, or NULL for the system's.
 * Returns 0 or -errno of the system call that failed (-ECONNREFUSED: nothing listens there;
 * -ENOENT: no such congestion control).
 */
int oc_connection_open(struct oc_connection *connection, const struct oc_io_address *address,
                       const char *congestion);

/** Close it. Harmless when closed already (fd -1). */
void oc_connection_close(struct oc_connection *connection);

/** Send one request. Returns 0, -EINVAL (a text that the protocol does not admit) or -errno. */
int oc_connection_send(struct oc_connection *connection, const struct oc_command *command);

/**
 * Wait for the next reply frame. @timeout_ns  UINT64_MAX: no limit.
 * Returns 0 and *payload, -ETIMEDOUT, -EINTR (a signal came), -ECONNRESET (the venue closed the
 * connection), -EBADMSG (a frame length that the protocol forbids) or -errno.
 */
int oc_connection_receive(struct oc_connection *connection, uint64_t timeout_ns,
                          struct oc_payload *payload);

#endif

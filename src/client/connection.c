/*
 * A socket, a buffer of one frame, and poll(2) for the timeout.
 */
#include "client/connection.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "client/clock.h"
#include "wire/reply.h"
#include "wire/wire.h"

static int frame_take(struct oc_connection *connection, struct oc_payload *payload);
static int wait_readable(const struct oc_connection *connection, uint64_t deadline_ns);

int oc_connection_open(struct oc_connection *connection, const struct oc_io_address *address,
                       const char *congestion)
{
    const int on = 1;
    int rc;

    connection->start = 0;
    connection->end = 0;
    connection->fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->fd < 0) {
        return -errno;
    }
    if (congestion != NULL && setsockopt(connection->fd, IPPROTO_TCP, TCP_CONGESTION, congestion,
                                         (socklen_t)strlen(congestion)) < 0) {
        goto fail;
    }
    if (setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
        connect(connection->fd, (const struct sockaddr *)&address->storage, address->size) < 0) {
        goto fail;
    }
    return 0;

fail:
    rc = -errno;
    oc_connection_close(connection);
    return rc;
}

void oc_connection_close(struct oc_connection *connection)
{
    if (connection->fd >= 0) {
        (void)close(connection->fd);
        connection->fd = -1;
    }
}

int oc_connection_send(struct oc_connection *connection, const struct oc_command *command)
{
    uint8_t bytes[OC_WIRE_REQUEST_BYTES_MAX];
    size_t size = oc_wire_encode_request(command, bytes);

    if (size == 0) {
        return -EINVAL;
    }
    for (size_t done = 0; done < size;) {
        ssize_t sent = send(connection->fd, bytes + done, size - done, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR) {
            return -errno;
        }
        done += sent > 0 ? (size_t)sent : 0;
    }
    return 0;
}

int oc_connection_receive(struct oc_connection *connection, uint64_t timeout_ns,
                          struct oc_payload *payload)
{
    uint64_t deadline_ns = timeout_ns == UINT64_MAX ? UINT64_MAX
                                                    : oc_client__clock_ns() + timeout_ns;

    for (;;) {
        ssize_t size;
        int rc = frame_take(connection, payload);
        if (rc != 0) {
            return rc < 0 ? rc : 0;
        }
        /* The buffer holds one whole frame: moving the rest to its front always makes room. */
        memmove(connection->bytes, connection->bytes + connection->start,
                connection->end - connection->start);
        connection->end -= connection->start;
        connection->start = 0;
        rc = wait_readable(connection, deadline_ns);
        if (rc < 0) {
            return rc;
        }
        size = recv(connection->fd, connection->bytes + connection->end,
                    sizeof(connection->bytes) - connection->end, 0);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size < 0) {
            return -errno;
        }
        if (size == 0) {
            return -ECONNRESET;
        }
        connection->end += (size_t)size;
    }
}

/* 1: a frame was taken; 0: more bytes are needed. */
static int frame_take(struct oc_connection *connection, struct oc_payload *payload)
{
    const uint8_t *bytes = connection->bytes + connection->start;
    size_t frame_size;

    switch (oc_wire_frame_next(bytes, connection->end - connection->start, &frame_size)) {
    case OC_WIRE_FRAME_COMPLETE:
        payload->bytes = bytes + OC_FRAME_HEADER_BYTES;
        payload->size = frame_size - OC_FRAME_HEADER_BYTES;
        connection->start += frame_size;
        return 1;
    case OC_WIRE_FRAME_BAD_LENGTH:
        return -EBADMSG;
    case OC_WIRE_FRAME_INCOMPLETE:
        break;
    }
    return 0;
}

static int wait_readable(const struct oc_connection *connection, uint64_t deadline_ns)
{
    struct pollfd waiting = {.fd = connection->fd, .events = POLLIN};
    int timeout_ms = -1;
    int count;

    if (deadline_ns != UINT64_MAX) {
        uint64_t now_ns = oc_client__clock_ns();
        uint64_t left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
        uint64_t left_ms = (left_ns + 999999U) / 1000000U;
        timeout_ms = left_ms > INT_MAX ? INT_MAX : (int)left_ms;
    }
    count = poll(&waiting, 1, timeout_ms);
    if (count < 0) {
        return -errno;
    }
    return count == 0 ? -ETIMEDOUT : 0;
}

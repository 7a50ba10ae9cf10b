/*
 * A socket, a buffer of one frame, and poll(2) for the timeout.
 */
#include "client/connection.h"

#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "wire/reply.h"
#include "wire/wire.h"

static uint64_t clock_ns(void);
static int frame_take(struct oc_connection *connection, struct oc_payload *payload);
static int wait_readable(const struct oc_connection *connection, uint64_t deadline_ns);

int oc_address_resolve(const char *text, struct oc_address *address, char *error, size_t error_size)
{
    char host[256];
    const char *colon = strrchr(text, ':');
    const char *start = text;
    size_t size = colon == NULL ? 0 : (size_t)(colon - text);
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_NUMERICSERV,
    };
    struct addrinfo *found;
    int rc;

    if (size >= 2 && text[0] == '[' && text[size - 1] == ']') {
        start++;
        size -= 2;
    } else if (colon != NULL && memchr(text, ':', size) != NULL) {
        size = 0;
    }
    if (size == 0 || size >= sizeof(host) || colon[1] == '\0') {
        (void)snprintf(error, error_size,
                       "'%s' is no address: write HOST:PORT, for instance 127.0.0.1:7400 or "
                       "[::1]:7400",
                       text);
        return -EINVAL;
    }
    memcpy(host, start, size);
    host[size] = '\0';
    rc = getaddrinfo(host, colon + 1, &hints, &found);
    if (rc != 0) {
        (void)snprintf(error, error_size, "'%s' cannot be resolved: %s", text, gai_strerror(rc));
        return -EINVAL;
    }
    memset(address, 0, sizeof(*address));
    memcpy(&address->storage, found->ai_addr, found->ai_addrlen);
    address->size = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

int oc_connection_open(struct oc_connection *connection, const struct oc_address *address,
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
    uint64_t deadline_ns = timeout_ns == UINT64_MAX ? UINT64_MAX : clock_ns() + timeout_ns;

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

static uint64_t clock_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
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
        uint64_t now_ns = clock_ns();
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

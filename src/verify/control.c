/*
 * Lines of JSON over a socket, with an end to every wait.
 */
#include "verify/control.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "verify/await.h"
#include "verify/clock.h"
#include "verify/environment.h"

#define SEND_NS 5000000000ULL
/* Of a silent peer: three probes, 5 s apart; the same for bytes that it does not acknowledge. */
#define PROBE_S     5
#define PROBE_COUNT 3
#define VANISHED_MS 20000

static json_t *take_line(struct oc_verify__control *control, const char *end, char *why,
                         size_t why_size);

void oc_verify__control_init(struct oc_verify__control *control, int fd)
{
    const int one = 1;
    const int probe_s = PROBE_S;
    const int probe_count = PROBE_COUNT;
    const int vanished_ms = VANISHED_MS;

    control->fd = fd;
    control->size = 0;
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &probe_s, sizeof(probe_s));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &probe_s, sizeof(probe_s));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probe_count, sizeof(probe_count));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &vanished_ms, sizeof(vanished_ms));
}

void oc_verify__control_close(struct oc_verify__control *control)
{
    if (control->fd >= 0) {
        (void)close(control->fd);
    }
    control->fd = -1;
    control->size = 0;
}

int oc_verify__control_send(struct oc_verify__control *control, json_t *message)
{
    const uint64_t deadline_ns = oc_verify__clock_ns() + SEND_NS;
    char *line = message == NULL ? NULL : json_dumps(message, JSON_COMPACT);
    size_t size = line == NULL ? 0 : strlen(line) + 1;
    size_t sent = 0;
    int rc = line == NULL ? -ENOMEM : 0;

    json_decref(message);
    if (line != NULL) {
        line[size - 1] = '\n';
    }
    while (rc == 0 && sent < size) {
        ssize_t count = send(control->fd, line + sent, size - sent, MSG_NOSIGNAL);
        if (count >= 0) {
            sent += (size_t)count;
        } else if (errno != EAGAIN && errno != EINTR) {
            rc = -errno;
        } else if (!oc_verify__await(control->fd, POLLOUT, deadline_ns)) {
            rc = -ETIMEDOUT;
        }
    }
    free(line);
    return rc;
}

json_t *oc_verify__control_receive(struct oc_verify__control *control, uint64_t timeout_ns,
                                   char *why, size_t why_size)
{
    const uint64_t deadline_ns = oc_verify__clock_ns() + timeout_ns;

    for (;;) {
        const char *end = memchr(control->bytes, '\n', control->size);
        ssize_t count;
        if (end != NULL) {
            return take_line(control, end, why, why_size);
        }
        if (control->size == sizeof(control->bytes)) {
            (void)snprintf(why, why_size, "sent a line of more than %zu bytes", control->size);
            return NULL;
        }
        if (!oc_verify__await(control->fd, POLLIN, deadline_ns)) {
            (void)snprintf(why, why_size, "said nothing for %.0f s", (double)timeout_ns / 1e9);
            return NULL;
        }
        count = recv(control->fd, control->bytes + control->size,
                     sizeof(control->bytes) - control->size, 0);
        if (count > 0) {
            control->size += (size_t)count;
        } else if (count == 0) {
            (void)snprintf(why, why_size, "closed the control connection");
            return NULL;
        } else if (errno != EAGAIN && errno != EINTR) {
            (void)snprintf(why, why_size, "control connection: %s", strerror(errno));
            return NULL;
        }
    }
}

bool oc_verify__control_has_line(const struct oc_verify__control *control)
{
    return memchr(control->bytes, '\n', control->size) != NULL;
}

bool oc_verify__control_number(const json_t *message, const char *name, uint64_t max,
                               uint64_t *value)
{
    const json_t *member = json_object_get(message, name);

    if (!json_is_integer(member) || json_integer_value(member) < 0 ||
        (uint64_t)json_integer_value(member) > max) {
        return false;
    }
    *value = (uint64_t)json_integer_value(member);
    return true;
}

bool oc_verify__control_text(const json_t *message, const char *name, char *text, size_t size)
{
    const json_t *member = json_object_get(message, name);

    if (!json_is_string(member)) {
        return false;
    }
    (void)snprintf(text, size, "%s", json_string_value(member));
    oc_verify__make_printable(text);
    return true;
}

bool oc_verify__control_real(const json_t *message, const char *name, double *value)
{
    const json_t *member = json_object_get(message, name);

    *value = json_is_number(member) ? json_number_value(member) : NAN;
    return json_is_number(member) || json_is_null(member);
}

json_t *oc_verify__control_real_json(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *take_line(struct oc_verify__control *control, const char *end, char *why,
                         size_t why_size)
{
    const size_t size = (size_t)(end - control->bytes);
    json_error_t error;
    json_t *message = json_loadb(control->bytes, size, JSON_REJECT_DUPLICATES, &error);

    control->size -= size + 1;
    memmove(control->bytes, end + 1, control->size);
    if (!json_is_object(message)) {
        (void)snprintf(why, why_size, "sent a line that is no JSON object");
        json_decref(message);
        return NULL;
    }
    return message;
}

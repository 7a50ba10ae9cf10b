/*
 * Phases of time, failures and sockets: what all clients share.
 */
#define _GNU_SOURCE /* IP_BIND_ADDRESS_NO_PORT */
#include "verify/task.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "core/assert.h"
#include "core/limits.h"
#include "verify/clock.h"

#define LOOPBACK_NET 0x7F000000U

void oc_verify__pace_start(struct oc_verify__pace *pace, const struct oc_verify__task *task)
{
    *pace = (struct oc_verify__pace){
        .task = task,
        .next_ns = oc_verify__clock_ns() + task->warmup_ns,
        .begin_ns = UINT64_MAX,
        .next = OC_VERIFY__MARK_BEGIN,
    };
}

bool oc_verify__pace_step(struct oc_verify__pace *pace, uint64_t now_ns, uint64_t requests)
{
    const struct oc_verify__task *task = pace->task;

    if (now_ns < pace->next_ns) {
        return true;
    }
    switch (pace->next) {
    case OC_VERIFY__MARK_BEGIN:
        task->mark(task->context, OC_VERIFY__MARK_BEGIN, requests);
        pace->begin_ns = oc_verify__clock_ns();
        pace->next_ns = pace->begin_ns + task->measure_ns;
        pace->measuring = true;
        pace->next = OC_VERIFY__MARK_END;
        return true;
    case OC_VERIFY__MARK_END:
        task->mark(task->context, OC_VERIFY__MARK_END, requests);
        pace->measuring = false;
        pace->next = OC_VERIFY__MARK_COUNTED;
        if (task->count_ns == 0) {
            return false;
        }
        task->mark(task->context, OC_VERIFY__MARK_COUNT, requests);
        pace->next_ns = oc_verify__clock_ns() + task->count_ns;
        return true;
    case OC_VERIFY__MARK_COUNT:
    case OC_VERIFY__MARK_COUNTED:
        task->mark(task->context, OC_VERIFY__MARK_COUNTED, requests);
        return false;
    }
    return false;
}

void oc_verify__outcome_fail(struct oc_verify__outcome *outcome, const char *format, ...)
{
    va_list arguments;

    if (outcome->why[0] == '\0') {
        va_start(arguments, format);
        (void)vsnprintf(outcome->why, sizeof(outcome->why), format, arguments);
        va_end(arguments);
    }
}

void oc_verify__fill_messages(char *bytes, uint32_t capacity, uint32_t size)
{
    const uint32_t payload = size - OC_FRAME_HEADER_BYTES;

    OC_ASSERT(size > OC_FRAME_HEADER_BYTES);
    for (uint32_t i = 0; i < capacity; i++) {
        const uint32_t at = i % size;
        const uint32_t byte = at < OC_FRAME_HEADER_BYTES
                                  ? payload >> 8 * (OC_FRAME_HEADER_BYTES - 1 - at)
                                  : 'a' + at % 26;
        bytes[i] = (char)(byte & 0xFF);
    }
}

int oc_verify__connect(const struct oc_io_address *address, uint32_t source)
{
    const struct timeval patience = {.tv_sec = OC_VERIFY__TIMEOUT_NS / 1000000000ULL};
    const struct sockaddr_in from = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(LOOPBACK_NET + source),
    };
    const int one = 1;
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc = fd < 0 ? -errno : 0;

    if (rc < 0) {
        return rc;
    }
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
        (source > 0 &&
         (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one)) < 0 ||
          bind(fd, (const struct sockaddr *)&from, sizeof(from)) < 0)) ||
        connect(fd, (const struct sockaddr *)&address->storage, address->size) < 0) {
        rc = -errno;
        (void)close(fd);
        return rc;
    }
    return fd;
}

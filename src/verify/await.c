/*
 * Waiting for a descriptor, with an end.
 */
#include "verify/await.h"

#include <errno.h>
#include <poll.h>

#include "verify/clock.h"

bool oc_verify__await(int fd, short events, uint64_t deadline_ns)
{
    struct pollfd wanted = {.fd = fd, .events = events};

    for (;;) {
        uint64_t now_ns = oc_verify__clock_ns();
        int left_ms = deadline_ns > now_ns ? (int)((deadline_ns - now_ns) / 1000000U) + 1 : 0;
        int count = poll(&wanted, 1, left_ms);
        if (count > 0) {
            return true;
        }
        if ((count == 0 && oc_verify__clock_ns() >= deadline_ns) || (count < 0 && errno != EINTR)) {
            return false;
        }
    }
}

/*
 * The sleeping side of the bell, and the futex behind it.
 */
#include "server/bell.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void oc_server__bell_init(struct oc_server__bell *bell)
{
    atomic_init(&bell->word, 0);
}

void oc_server__bell_wake(struct oc_server__bell *bell)
{
    (void)syscall(SYS_futex, &bell->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

uint32_t oc_server__bell_wait(struct oc_server__bell *bell, unsigned what, uint64_t timeout_ns)
{
    const unsigned waits = what << OC_SERVER__BELL_WAITS_SHIFT;
    const struct timespec timeout = {
        .tv_sec = (time_t)(timeout_ns / 1000000000ULL),
        .tv_nsec = (long)(timeout_ns % 1000000000ULL),
    };
    uint32_t calls = 0;
    /* Relaxed: the value decides only whether to sleep; the exchange below acquires. */
    unsigned word = atomic_fetch_or_explicit(&bell->word, waits, memory_order_relaxed) | waits;
    while ((word & what) == 0) {
        long rc = syscall(SYS_futex, &bell->word, FUTEX_WAIT_PRIVATE, word,
                          timeout_ns == UINT64_MAX ? NULL : &timeout, NULL, 0);
        calls++;
        if (rc != 0 && errno == ETIMEDOUT) {
            break;
        }
        /* Another bit, a signal or nothing at all may have ended the wait: each bit changes once,
         * so it begins anew a few times at most. */
        word = atomic_load_explicit(&bell->word, memory_order_relaxed);
    }
    /* Acquire: pairs with the release of every ring that set what is taken away here. What was
     * written before those rings is seen by the look around that follows. */
    (void)atomic_exchange_explicit(&bell->word, 0, memory_order_acquire);
    return calls;
}

/*
 * What happens when an assertion fails: say so, run the hook for a last dump, abort.
 *
 * It allocates nothing and takes no lock of ours, because any thread may fail at any place.
 */
#include "core/assert.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

/* The one piece of global state in this room: a failed assertion has no context to find it in. */
static void (*_Atomic assert_hook)(void);

void oc_assert_fail(const char *expression, const char *file, int line)
{
    void (*hook)(void);

    fprintf(stderr, "outcry: assertion failed: %s (%s:%d)\n", expression, file, line);
    /* Exchanged rather than read: of several failing threads one runs the hook, and a hook that
     * fails an assertion itself ends here instead of recursing. Acquire and release pair the setter
     * with the thread that calls what it set. */
    hook = atomic_exchange_explicit(&assert_hook, NULL, memory_order_acq_rel);
    if (hook != NULL) {
        hook();
    }
    abort();
}

void oc_assert_set_hook(void (*hook)(void))
{
    /* Pairs with the exchange in oc_assert_fail. */
    atomic_store_explicit(&assert_hook, hook, memory_order_release);
}

/*
 * What the tests of this room share: catching an assertion, seeds, and being shorter under
 * valgrind.
 */
#ifndef OC_TESTS_UNIT_CORE_SUPPORT_H
#define OC_TESTS_UNIT_CORE_SUPPORT_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/assert.h"

/* cmocka catches by setjmp within the test. The calls that are expected to assert change no local
 * variable, which is all that this warning of gcc is about; it cannot see that. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wclobbered"
#endif

/* Leaves a failed OC_ASSERT by cmocka's own longjmp. */
static inline void support_assert_hook(void)
{
    mock_assert(false, "OC_ASSERT", __FILE__, __LINE__);
}

/* Fails unless `call` fails an OC_ASSERT, which uses the hook up: so it is set each time. */
#define expect_oc_assert(call)                   \
    do {                                         \
        oc_assert_set_hook(support_assert_hook); \
        expect_assert_failure(call);             \
    } while (0)

/* The seed of a random test, printed so that a failure can be repeated with OUTCRY_SEED. */
static inline uint64_t support_seed(void)
{
    const char *text = getenv("OUTCRY_SEED");
    uint64_t seed = text == NULL ? 20250701 : strtoull(text, NULL, 0);

    print_message("OUTCRY_SEED=%" PRIu64 "\n", seed);
    return seed;
}

/* Valgrind shows itself in the environment of its client. */
static inline bool support_under_valgrind(void)
{
    const char *preload = getenv("LD_PRELOAD");

    return preload != NULL && strstr(preload, "vgpreload") != NULL;
}

/* Whether calloc writes its zeros itself, as the stand-ins of valgrind and ThreadSanitizer do. */
static inline bool support_calloc_touches(void)
{
#if defined(__SANITIZE_THREAD__)
    return true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
    return true;
#endif
#endif
    return support_under_valgrind();
}

/* `count` rounds, or a twentieth of them where each costs some fifty times as much. */
static inline uint32_t support_rounds(uint32_t count)
{
    return support_under_valgrind() ? count / 20 : count;
}

#endif

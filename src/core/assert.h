/*
 * Assertions, which are on in every build: a broken invariant must stop the venue, not corrupt it.
 *
 * OC_ASSERT is for programmer errors only. Bytes from a network or a disk are checked and refused;
 * what the operating system answers is an error code. Recovery from an assertion is a restart.
 */
#ifndef OC_CORE_ASSERT_H
#define OC_CORE_ASSERT_H

/** Ends the process unless `expression` holds. One fact for each assertion. */
#define OC_ASSERT(expression)                      \
    (__builtin_expect(!!(expression), 1) ? (void)0 \
                                         : oc_assert_fail(#expression, __FILE__, __LINE__))

/** Marks a place that no correct program reaches. */
#define OC_UNREACHABLE() oc_assert_fail("unreachable", __FILE__, __LINE__)

/**
 * Print "outcry: assertion failed: EXPRESSION (FILE:LINE)" to stderr, run the hook, abort.
 *
 * @expression, @file  static text; borrowed for the call.
 * Does not return. Any thread.
 */
void oc_assert_fail(const char *expression, const char *file, int line)
    __attribute__((noreturn, cold, noinline));

/**
 * Name what runs between the message of a failed assertion and the abort: a hook for a last dump.
 *
 * @hook  may be NULL for none. It runs at most once: the first failing thread takes it, so a hook
 *        that asserts does not call itself. A hook may leave by longjmp, which is how tests catch
 *        an assertion; it must then be set anew.
 * Any thread, but meant for start-up.
 */
void oc_assert_set_hook(void (*hook)(void));

#endif

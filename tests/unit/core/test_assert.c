/*
 * Goal: a failed assertion says what and where, runs the hook once, and aborts.
 * Method: a child process fails one, with its stderr in a pipe; the parent reads text and status.
 * Fails if: the text changes, the hook is skipped or runs twice, or the process survives.
 */
#include "core/assert.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

static void hook_that_speaks(void)
{
    fputs("hook ran\n", stderr);
}

static void hook_that_asserts(void)
{
    fputs("hook ran\n", stderr);
    OC_ASSERT(2 + 2 == 5);
}

static void fail_plainly(void)
{
    OC_ASSERT(1 + 1 == 3);
}

static void fail_with_hook(void)
{
    oc_assert_set_hook(hook_that_speaks);
    OC_ASSERT(1 + 1 == 3);
}

static void fail_with_failing_hook(void)
{
    oc_assert_set_hook(hook_that_asserts);
    OC_ASSERT(1 + 1 == 3);
}

static void reach_the_unreachable(void)
{
    oc_assert_set_hook(hook_that_speaks);
    oc_assert_set_hook(NULL);
    OC_UNREACHABLE();
}

/* Runs `body` in a child; returns its wait status, and in `output` what it wrote to stderr. */
static int run_child(void (*body)(void), char *output, size_t capacity)
{
    int ends[2];
    int status;
    size_t size = 0;
    ssize_t got;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit no_core = {0, 0};

        setrlimit(RLIMIT_CORE, &no_core);
        signal(SIGABRT, SIG_DFL);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        body();
        _exit(0);
    }
    close(ends[1]);
    while ((got = read(ends[0], output + size, capacity - 1 - size)) > 0) {
        size += (size_t)got;
    }
    output[size] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static unsigned int occurrences(const char *text, const char *part)
{
    unsigned int count = 0;

    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part)) {
        count++;
    }
    return count;
}

static void expect_abort(void (*body)(void), char *output, size_t capacity)
{
    int status = run_child(body, output, capacity);

    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void test_message_and_abort(void **state)
{
    char output[4096];

    (void)state;
    expect_abort(fail_plainly, output, sizeof(output));
    assert_non_null(strstr(output, "outcry: assertion failed: 1 + 1 == 3 ("));
    assert_non_null(strstr(output, "test_assert.c:"));
}

static void test_hook_runs_after_the_message(void **state)
{
    char output[4096];

    (void)state;
    expect_abort(fail_with_hook, output, sizeof(output));
    assert_int_equal(occurrences(output, "hook ran\n"), 1);
    assert_true(strstr(output, "assertion failed") < strstr(output, "hook ran"));
}

static void test_failing_hook_does_not_recurse(void **state)
{
    char output[4096];

    (void)state;
    expect_abort(fail_with_failing_hook, output, sizeof(output));
    assert_int_equal(occurrences(output, "hook ran\n"), 1);
    assert_non_null(strstr(output, "1 + 1 == 3"));
    assert_non_null(strstr(output, "2 + 2 == 5"));
}

static void test_unreachable_without_hook(void **state)
{
    char output[4096];

    (void)state;
    expect_abort(reach_the_unreachable, output, sizeof(output));
    assert_non_null(strstr(output, "outcry: assertion failed: unreachable ("));
    assert_int_equal(occurrences(output, "hook ran\n"), 0);
}

static void test_true_is_silent(void **state)
{
    unsigned int evaluated = 0;

    (void)state;
    OC_ASSERT(++evaluated > 0);
    assert_int_equal(evaluated, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_message_and_abort),
        cmocka_unit_test(test_hook_runs_after_the_message),
        cmocka_unit_test(test_failing_hook_does_not_recurse),
        cmocka_unit_test(test_unreachable_without_hook),
        cmocka_unit_test(test_true_is_silent),
    };

    return cmocka_run_group_tests_name("core.assert", tests, NULL, NULL);
}

/*
 * Goal: whatever stops io_uring, the operator is told the true cause and a mend that fits it.
 * Method: the explanation is pure: each failure that a kernel, a sandbox or a limit can cause is
 * put into a report by hand, also those that the test's own kernel cannot produce; and the choice
 * itself is asked for sizes of queues.
 * Fails when a cause is blamed on the wrong thing, the mend is missing, a text does not fit, or a
 * choice is made for other sizes than those asked for.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "io/probe.h"

#define UNLIMITED UINT64_MAX

struct failure {
    uint32_t step_count; /* the last of them failed */
    int error;           /* or the signal that it was ended by */
    int sysctl_disabled;
    int seccomp_mode;
    uint64_t memlock_bytes;
    const char *cause; /* parts of the text */
    const char *mend;
};

static const struct failure FAILURES[] = {
    /* Linux 6.6 and later, switched off. The sandbox is not to blame, even if there is one. */
    {1, -EPERM, 2, 0, UNLIMITED, "kernel.io_uring_disabled=2", "io_uring_disabled=0"},
    {1, -EPERM, 2, 2, UNLIMITED, "kernel.io_uring_disabled=2", "io_uring_disabled=0"},
    {1, -EPERM, 1, 0, UNLIMITED, "=1 allows it only to CAP_SYS_ADMIN", "join that group"},
    /* Sandboxes answer EPERM or ENOSYS, at the first call or at a later one. */
    {1, -EPERM, 0, 2, UNLIMITED, "seccomp filter", "io_uring_enter and io_uring_register"},
    {1, -EPERM, -1, 2, UNLIMITED, "forbids io_uring_setup", "SystemCallFilter="},
    {1, -ENOSYS, 0, 2, UNLIMITED, "seccomp filter", "--security-opt seccomp=FILE"},
    {2, -EPERM, 0, 2, UNLIMITED, "forbids io_uring_enter or io_uring_register", "seccomp=FILE"},
    {4, -ENOSYS, 0, 2, UNLIMITED, "forbids io_uring_enter or io_uring_register", "seccomp=FILE"},
    {1, -EPERM, 0, 0, UNLIMITED, "security module forbids io_uring_setup", "ausearch"},
    {3, -EPERM, 0, 0, UNLIMITED, "security module forbids io_uring_enter", "ausearch"},
    /* Or they kill, at the first call or at a later one; somebody else may, too. */
    {1, SIGSYS, 0, 2, UNLIMITED, "kills for an io_uring call (SIGSYS at: step 1)", "seccomp=FILE"},
    {4, SIGSYS, 2, 2, 65536, "kills for an io_uring call (SIGSYS at: step 4)", "SystemCallFilter="},
    {2, SIGKILL, 0, 2, UNLIMITED, "killed by signal 9 at: step 2", "dmesg"},
    /* Kernels below the floor: before 5.1, without DEFER_TASKRUN (6.1), without a feature. */
    {1, -ENOSYS, -1, 0, UNLIMITED, "Linux 5.0.21 has no io_uring", "Linux 6.1 or later"},
    {1, -EINVAL, -1, 0, UNLIMITED, "Linux 5.0.21 is too old", "Linux 6.1 or later"},
    {1, -EOPNOTSUPP, -1, 0, UNLIMITED, "Linux 5.0.21 is too old", "Linux 6.1 or later"},
    {4, -EINVAL, -1, 0, UNLIMITED, "step 4 does not work on Linux 5.0.21", "Linux 6.1 or later"},
    {4, -ETIME, -1, 0, UNLIMITED, "it needs Linux 6.4", "Linux 6.1 or later"},
    /* Limits. */
    {1, -ENOMEM, 0, 0, 65536, "RLIMIT_MEMLOCK is 64 KiB", "ulimit -l 8192"},
    {3, -ENOMEM, 0, 0, 65536, "RLIMIT_MEMLOCK is 64 KiB", "LimitMEMLOCK=8M"},
    {1, -ENOMEM, 0, 0, UNLIMITED, "RLIMIT_MEMLOCK is unlimited", "control group"},
    {1, -EMFILE, 0, 0, UNLIMITED, "no descriptor is left", "ulimit -n"},
    {1, -ENFILE, 0, 0, UNLIMITED, "no descriptor is left", "ulimit -n"},
    {1, -EIO, 0, 0, UNLIMITED, "io_uring_setup failed: Input/output error", "io_uring_setup(2)"},
};

static const char *const STEP_NAMES[] = {"step 1", "step 2", "step 3", "step 4"};
static const char *const STEP_NEEDS[] = {"Linux 6.1", "Linux 6.2", "Linux 6.3", "Linux 6.4"};

static void test_every_failure_has_its_cause_and_its_mend(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(FAILURES) / sizeof(FAILURES[0]); i++) {
        const struct failure *failure = &FAILURES[i];
        struct oc_io_probe_report report = {
            .kernel = "5.0.21",
            .is_built_in = true,
            .was_tried = true,
            .sysctl_disabled = failure->sysctl_disabled,
            .seccomp_mode = failure->seccomp_mode,
            .memlock_bytes = failure->memlock_bytes,
            .killed_by = failure->error > 0 ? failure->error : 0,
            .step_count = failure->step_count,
        };
        for (uint32_t step = 0; step < failure->step_count; step++) {
            report.steps[step].name = STEP_NAMES[step];
            report.steps[step].needs = STEP_NEEDS[step];
        }
        report.steps[failure->step_count - 1].error = failure->error > 0 ? -EPERM : failure->error;
        oc_io__probe_explain(&report);
        if (strstr(report.cause, failure->cause) == NULL ||
            strstr(report.mend, failure->mend) == NULL) {
            fail_msg("failure %zu: \"%s\" and \"%s\"\nare not in: %s. Mend: %s", i, failure->cause,
                     failure->mend, report.cause, report.mend);
        }
        assert_true(strlen(report.cause) < sizeof(report.cause) - 1);
        assert_true(strlen(report.mend) < sizeof(report.mend) - 1);
    }
}

static void test_a_build_without_liburing_says_so(void **state)
{
    struct oc_io_probe_report report = {.kernel = "6.1.0"};

    (void)state;
    oc_io__probe_explain(&report);
    assert_non_null(strstr(report.cause, "built without liburing"));
    assert_non_null(strstr(report.mend, "make deps"));
}

/* io_uring_setup(2) takes 1 to 32768 entries, and CLAMP lowers what is above that: both ends are
 * tried, and with the fewest buffers that a backend may have. */
static void test_the_choice_is_for_the_sizes_asked_for(void **state)
{
    static const uint32_t DEPTHS[] = {4, 32768};
    char reason[OC_IO_REASON_BYTES];
    struct oc_io_probe_report report;
    struct oc_io_config config = OC_IO_CONFIG_DEFAULT;

    (void)state;
    oc_io_probe(&report);
    assert_int_equal(report.queue_depth, config.queue_depth);
    assert_int_equal(report.buffer_count, config.buffer_count);
    bool is_available = report.is_available;
    config.buffer_count = 2;
    for (size_t i = 0; i < sizeof(DEPTHS) / sizeof(DEPTHS[0]); i++) {
        config.queue_depth = DEPTHS[i];
        const struct oc_io_ops *ops = oc_io_choose_for(&config, OC_IO_MODE_AUTO, &report, reason,
                                                       sizeof(reason));
        assert_ptr_equal(ops, report.is_available ? &oc_io_uring_ops : &oc_io_epoll_ops);
        assert_int_equal(report.queue_depth, config.queue_depth);
        assert_int_equal(report.buffer_count, 2);
        /* Smaller queues never need more than the default; larger ones may. */
        if (config.queue_depth < OC_IO_CONFIG_DEFAULT.queue_depth) {
            assert_int_equal(report.is_available, is_available);
        }
        assert_true(report.is_available || strstr(reason, report.mend) != NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_failure_has_its_cause_and_its_mend),
        cmocka_unit_test(test_a_build_without_liburing_says_so),
        cmocka_unit_test(test_the_choice_is_for_the_sizes_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Which backend, and why: see probe.h.
 *
 * This file knows the surroundings (sysctl, sandbox, limits) and turns an errno into a cause and a
 * mend; uring_probe.c knows io_uring.
 */
#include "io/probe.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECCOMP_MEND                                                                      \
    "allow io_uring_setup, io_uring_enter and io_uring_register in its profile (Docker: " \
    "--security-opt seccomp=FILE, systemd: SystemCallFilter=)"

static void look_around(struct oc_io_probe_report *report);
static int read_number(const char *path, const char *key, int missing);
static void probe_for(const struct oc_io_config *config, struct oc_io_probe_report *report);
static bool probe_in_child(struct oc_io_probe_report *report);
static void explain_kill(struct oc_io_probe_report *report, const char *step);
static void explain_denial(struct oc_io_probe_report *report, int error);
static void explain_setup(struct oc_io_probe_report *report, int error);
static void explain_no_memory(struct oc_io_probe_report *report);
static void say(struct oc_io_probe_report *report, const char *cause, const char *mend);

int oc_io_mode_parse(const char *text, enum oc_io_mode *mode)
{
    if (strcmp(text, "auto") == 0) {
        *mode = OC_IO_MODE_AUTO;
    } else if (strcmp(text, "io_uring") == 0) {
        *mode = OC_IO_MODE_URING;
    } else if (strcmp(text, "epoll") == 0) {
        *mode = OC_IO_MODE_EPOLL;
    } else {
        return -EINVAL;
    }
    return 0;
}

void oc_io_probe(struct oc_io_probe_report *report)
{
    probe_for(&OC_IO_CONFIG_DEFAULT, report);
}

const struct oc_io_ops *oc_io_choose(enum oc_io_mode mode, struct oc_io_probe_report *report,
                                     char *reason, size_t reason_size)
{
    return oc_io_choose_for(&OC_IO_CONFIG_DEFAULT, mode, report, reason, reason_size);
}

const struct oc_io_ops *oc_io_choose_for(const struct oc_io_config *config, enum oc_io_mode mode,
                                         struct oc_io_probe_report *report, char *reason,
                                         size_t reason_size)
{
    if (mode == OC_IO_MODE_EPOLL) {
        *report = (struct oc_io_probe_report){0};
        look_around(report);
        snprintf(reason, reason_size, "epoll, as asked; io_uring was not tried");
        return &oc_io_epoll_ops;
    }
    probe_for(config, report);
    if (report->is_available) {
        snprintf(reason, reason_size, "io_uring: Linux %s offers all it needs (%s%s%s)",
                 report->kernel, report->setup_flag_names,
                 report->has_registered_descriptor ? " registered-ring" : "",
                 report->has_no_iowait ? " NO_IOWAIT" : "");
        return &oc_io_uring_ops;
    }
    if (mode == OC_IO_MODE_URING) {
        snprintf(reason, reason_size,
                 "io_uring cannot be used: %s. Mend: %s; or run with --net epoll", report->cause,
                 report->mend);
        return NULL;
    }
    snprintf(reason, reason_size,
             "epoll, because io_uring cannot be used: %s. Mend: %s (docs/io-backends.md#disabled)",
             report->cause, report->mend);
    return &oc_io_epoll_ops;
}

static void probe_for(const struct oc_io_config *config, struct oc_io_probe_report *report)
{
    *report = (struct oc_io_probe_report){
        .queue_depth = config->queue_depth,
        .buffer_count = config->buffer_count,
    };
    look_around(report);
    /* Without a filter nothing kills, and without a child nothing else can go wrong. */
    if (report->seccomp_mode == 0 || !probe_in_child(report)) {
        oc_io__uring_probe(report);
    }
    if (!report->is_available) {
        oc_io__probe_explain(report);
    }
}

/**
 * The same in a child, which writes into memory that both share and may be killed at any step.
 * Returns false if there can be no child.
 */
static bool probe_in_child(struct oc_io_probe_report *report)
{
    int status = 0;
    int reaped;
    struct oc_io_probe_report *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (shared == MAP_FAILED) {
        return false;
    }
    *shared = *report;
    pid_t child = fork();
    if (child == 0) {
        /* Being killed is an answer here, and needs no core file. */
        (void)prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L);
        oc_io__uring_probe(shared);
        _exit(0);
    }
    do {
        reaped = child < 0 ? -1 : waitpid(child, &status, 0);
    } while (reaped < 0 && child > 0 && errno == EINTR);
    *report = *shared;
    (void)munmap(shared, sizeof(*shared));
    if (reaped > 0 && WIFSIGNALED(status)) {
        report->is_available = false;
        report->killed_by = WTERMSIG(status);
    }
    return child > 0;
}

/** What can be known without a single io_uring call. */
static void look_around(struct oc_io_probe_report *report)
{
    struct utsname name;
    struct rlimit limit;

    if (uname(&name) == 0) {
        snprintf(report->kernel, sizeof(report->kernel), "%s", name.release);
    }
    report->sysctl_disabled = read_number("/proc/sys/kernel/io_uring_disabled", "", -1);
    report->seccomp_mode = read_number("/proc/self/status", "Seccomp:", -1);
    report->memlock_bytes = UINT64_MAX;
    if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
        report->memlock_bytes = limit.rlim_cur;
    }
}

/** The number behind `key` at the start of a line of a small file, or `missing`. */
static int read_number(const char *path, const char *key, int missing)
{
    char line[256];
    int value = missing;
    FILE *file = fopen(path, "re");

    if (file == NULL) {
        return missing;
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, key, strlen(key)) == 0) {
            value = (int)strtol(line + strlen(key), NULL, 10);
            break;
        }
    }
    fclose(file);
    return value;
}

void oc_io__probe_explain(struct oc_io_probe_report *report)
{
    char cause[OC_IO_PROBE_TEXT_BYTES];

    if (!report->is_built_in) {
        say(report, "this program was built without liburing",
            "install liburing 2.3 or later and build again (make deps && make)");
        return;
    }
    if (report->step_count == 0) {
        say(report, "the probe did not start", "see the log");
        return;
    }
    const struct oc_io_probe_step *step = &report->steps[report->step_count - 1];
    if (report->killed_by != 0) {
        explain_kill(report, step->name);
        return;
    }
    if (report->step_count == 1) {
        explain_setup(report, step->error);
        return;
    }
    if (step->error == -EPERM || step->error == -ENOSYS) {
        explain_denial(report, step->error);
        return;
    }
    if (step->error == -ENOMEM) {
        explain_no_memory(report);
        return;
    }
    snprintf(cause, sizeof(cause), "%s does not work on Linux %s: %s (it needs %s)", step->name,
             report->kernel, strerror(-step->error), step->needs);
    say(report, cause, "use Linux 6.1 or later");
}

/** Why a ring cannot be made at all. */
static void explain_setup(struct oc_io_probe_report *report, int error)
{
    char cause[OC_IO_PROBE_TEXT_BYTES];

    if (error == -EPERM && report->sysctl_disabled == 2) {
        say(report, "sysctl kernel.io_uring_disabled=2 forbids it to every process",
            "sysctl -w kernel.io_uring_disabled=0");
    } else if (error == -EPERM && report->sysctl_disabled == 1) {
        say(report,
            "sysctl kernel.io_uring_disabled=1 allows it only to CAP_SYS_ADMIN and to the group of "
            "kernel.io_uring_group",
            "join that group, or sysctl -w kernel.io_uring_disabled=0");
    } else if (error == -EPERM || error == -ENOSYS) {
        explain_denial(report, error);
    } else if (error == -EINVAL || error == -EOPNOTSUPP) {
        snprintf(cause, sizeof(cause),
                 "Linux %s is too old: DEFER_TASKRUN, which makes io_uring worth it, came with 6.1",
                 report->kernel);
        say(report, cause, "use Linux 6.1 or later");
    } else if (error == -ENOMEM) {
        explain_no_memory(report);
    } else if (error == -EMFILE || error == -ENFILE) {
        say(report, "no descriptor is left for the ring", "ulimit -n with a larger number");
    } else {
        snprintf(cause, sizeof(cause), "io_uring_setup failed: %s", strerror(-error));
        say(report, cause, "see the manual page io_uring_setup(2) for this error");
    }
}

/** The child that tried is dead. Filters may kill instead of answering: systemd's do by default. */
static void explain_kill(struct oc_io_probe_report *report, const char *step)
{
    char cause[OC_IO_PROBE_TEXT_BYTES];

    if (report->killed_by == SIGSYS) {
        snprintf(cause, sizeof(cause),
                 "a seccomp filter (of a container or a service manager) kills for an io_uring "
                 "call (SIGSYS at: %s)",
                 step);
        say(report, cause, SECCOMP_MEND);
        return;
    }
    snprintf(cause, sizeof(cause), "the process that tried it was killed by signal %d at: %s",
             report->killed_by, step);
    say(report, cause, "look for what sent it (dmesg, the log of the sandbox)");
}

/** Somebody forbids a call. The filters of containers answer EPERM or ENOSYS, as they like. */
static void explain_denial(struct oc_io_probe_report *report, int error)
{
    const char *call = report->step_count == 1 ? "io_uring_setup"
                                               : "io_uring_enter or io_uring_register";
    char cause[OC_IO_PROBE_TEXT_BYTES];

    if (report->seccomp_mode > 0) {
        snprintf(cause, sizeof(cause),
                 "a seccomp filter (of a container or a service manager) forbids %s", call);
        say(report, cause, SECCOMP_MEND);
    } else if (error == -EPERM) {
        snprintf(cause, sizeof(cause), "a security module forbids %s (EPERM)", call);
        say(report, cause, "see its log (ausearch -m avc, dmesg)");
    } else {
        snprintf(cause, sizeof(cause), "Linux %s has no io_uring (ENOSYS)", report->kernel);
        say(report, cause, "use Linux 6.1 or later, built with CONFIG_IO_URING");
    }
}

static void explain_no_memory(struct oc_io_probe_report *report)
{
    char cause[OC_IO_PROBE_TEXT_BYTES];

    if (report->memlock_bytes == UINT64_MAX) {
        say(report, "the kernel has no memory for the rings (ENOMEM; RLIMIT_MEMLOCK is unlimited)",
            "look at the memory limit of the control group, or choose a smaller --queue-depth");
        return;
    }
    snprintf(cause, sizeof(cause),
             "the limit of locked memory is too small for the rings (RLIMIT_MEMLOCK is %llu KiB)",
             (unsigned long long)report->memlock_bytes / 1024);
    say(report, cause, "ulimit -l 8192 (systemd: LimitMEMLOCK=8M)");
}

static void say(struct oc_io_probe_report *report, const char *cause, const char *mend)
{
    snprintf(report->cause, sizeof(report->cause), "%s", cause);
    snprintf(report->mend, sizeof(report->mend), "%s", mend);
}

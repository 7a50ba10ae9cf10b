/*
 * How a failing seed speaks; see report.h.
 */
#define _GNU_SOURCE /* memfd_create */
#include "support/report.h"

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/assert.h"

#define TRACE_LINES 60U
#define LOG_BYTES   3000
/* A seed takes milliseconds; one that takes a minute, also under a sanitizer, hangs. */
#define PATIENCE_S 60U

static struct {
    uint64_t seed;
    struct oc_io_sim *net;
    bool is_verbose;
    FILE *out;
    int log_fd; /* where stderr goes meanwhile */
} report;

static void print_log(void)
{
    char text[LOG_BYTES];
    off_t size = lseek(report.log_fd, 0, SEEK_END);
    off_t first = size > LOG_BYTES ? size - LOG_BYTES : 0;
    ssize_t count = pread(report.log_fd, text, sizeof(text), first);

    if (count > 0) {
        fprintf(report.out, "the end of the server's log:\n%.*s", (int)count, text);
    }
}

static void print_report(void)
{
    if (!report.is_verbose) {
        print_log();
        if (report.net != NULL) {
            fprintf(report.out, "the last %u lines of the trace:\n", TRACE_LINES);
            oc_io_sim_trace_print(report.net, report.out, TRACE_LINES);
        }
    }
    fprintf(report.out, "\nseed %" PRIu64 " failed; to see it again:  make sim SEED=%" PRIu64 "\n",
            report.seed, report.seed);
    fflush(report.out);
}

static void on_signal(int number)
{
    /* The process is lost already; the report may fail on top, but then it says less, not more. */
    fprintf(report.out, "\nsim: %s\n",
            number == SIGALRM ? "a seed hangs (no end after a minute)" : "a fault of memory");
    print_report();
    _exit(1);
}

void report_init(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

    int fd = dup(STDERR_FILENO);
    report.out = fdopen(fd, "w");
    report.log_fd = memfd_create("log", MFD_CLOEXEC);
    if (report.out == NULL || report.log_fd < 0) {
        perror("sim");
        exit(1);
    }
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGALRM, &action, NULL);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    (void)sigaction(SIGSEGV, &action, NULL);
    (void)sigaction(SIGBUS, &action, NULL);
    (void)sigaction(SIGFPE, &action, NULL);
#endif
    oc_assert_set_hook(print_report);
}

void report_begin(uint64_t seed, struct oc_io_sim *net, bool is_verbose)
{
    report.seed = seed;
    report.net = net;
    report.is_verbose = is_verbose;
    if (is_verbose) {
        (void)setvbuf(report.out, NULL, _IOLBF, 0);
        oc_io_sim_trace_follow(net, report.out);
    } else {
        (void)!ftruncate(report.log_fd, 0);
        (void)lseek(report.log_fd, 0, SEEK_SET);
        (void)dup2(report.log_fd, STDERR_FILENO);
    }
    alarm(PATIENCE_S);
}

void report_end(void)
{
    alarm(0);
    report.net = NULL;
    if (!report.is_verbose) {
        (void)dup2(fileno(report.out), STDERR_FILENO);
    }
}

void report_fail(const char *format, ...)
{
    va_list arguments;

    fprintf(report.out, "\nsim: ");
    va_start(arguments, format);
    vfprintf(report.out, format, arguments);
    va_end(arguments);
    fprintf(report.out, "\n");
    print_report();
    exit(1);
}

/*
 * One run of an echo server and of one raw client against it: the C half of bench/builds.py, which
 * says which build runs when, and does the statistics.
 *
 * Server and client are those of `outcry verify`: `outcry echo` in a process of its own, started
 * for this run, and the closed loop of verify/raw.c (one connection) or verify/many.c. The server's
 * CPU clock, its own count of system calls and the client's count of messages are read at both ends
 * of the measured period, during which nothing else is done.
 *
 *   bench_raw OUTCRY NET SERVER_CPU CLIENT_CPU CONNECTIONS WINDOW MESSAGES SIZE WARMUP_MS \
 *             MEASURE_MS
 *       prints for each message: CPU ns of the server, ns that went by, system calls of the server;
 *       then the median latency in ns. MESSAGES above 0: the one connection makes way for a new one
 *       after so many
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "verify/child.h"
#include "verify/clock.h"
#include "verify/process.h"
#include "verify/task.h"

#define ARGUMENT_COUNT 11
#define NS_PER_MS      1000000U

/* What is read at a border of the measured period. */
struct reading {
    uint64_t cpu_ns;
    uint64_t now_ns;
    uint64_t requests;
    struct oc_verify_counters counters;
};

struct run {
    struct oc_verify__child server;
    clockid_t server_clock;
    struct reading begin;
    struct reading end;
    bool failed;
};

static int start(struct run *run, char **argv);
static int play(struct run *run, char **argv, struct oc_histogram *latency);
static void on_mark(void *context, enum oc_verify__mark mark, uint64_t requests);
static uint32_t number_of(const char *text);

int main(int argc, char **argv)
{
    static struct run run;
    static struct oc_histogram latency;
    int rc;

    if (argc != ARGUMENT_COUNT) {
        (void)fprintf(stderr, "bench_raw: started by bench/builds.py\n");
        return 2;
    }
    oc_verify__process_raise_files();
    rc = start(&run, argv);
    rc = rc < 0 ? rc : play(&run, argv, &latency);
    oc_verify__child_stop(&run.server);
    if (rc < 0) {
        return 1;
    }
    double messages = (double)(run.end.requests - run.begin.requests);
    (void)printf("%.1f %.1f %.4f %.1f\n", (double)(run.end.cpu_ns - run.begin.cpu_ns) / messages,
                 (double)(run.end.now_ns - run.begin.now_ns) / messages,
                 (double)(run.end.counters.system_calls - run.begin.counters.system_calls) /
                     messages,
                 (double)oc_histogram_percentile_ns(&latency, 50.0));
    return 0;
}

static int start(struct run *run, char **argv)
{
    const char *const command[] = {argv[1], "echo",  "--listen", "127.0.0.1:0",
                                   "--net", argv[2], NULL};
    char why[OC_VERIFY__WHY_BYTES];

    if (oc_verify__child_start(&run->server, command, (int)number_of(argv[3]), why) < 0) {
        (void)fprintf(stderr, "bench_raw: %s: %s\n", argv[1], why);
        return -1;
    }
    if (clock_getcpuclockid(run->server.pid, &run->server_clock) != 0) {
        (void)fprintf(stderr, "bench_raw: the server's CPU clock cannot be read\n");
        return -1;
    }
    return 0;
}

static int play(struct run *run, char **argv, struct oc_histogram *latency)
{
    static struct oc_histogram unused;
    const struct oc_verify_cell cell = {
        .echo = true,
        .connections = number_of(argv[5]),
        .window = number_of(argv[6]),
        .messages = number_of(argv[7]),
        .size = number_of(argv[8]),
    };
    const struct oc_verify__task task = {
        .cell = &cell,
        .address = run->server.address,
        .warmup_ns = (uint64_t)number_of(argv[9]) * NS_PER_MS,
        .measure_ns = (uint64_t)number_of(argv[10]) * NS_PER_MS,
        .mark = on_mark,
        .context = run,
    };
    struct oc_verify__outcome outcome = {.latency = latency, .connect = &unused, .lag = &unused};
    int rc;

    oc_histogram_reset(latency);
    oc_histogram_reset(&unused);
    oc_verify__process_pin((int)number_of(argv[4]));
    rc = cell.connections == 1 ? oc_verify__raw_run(&task, &outcome)
                               : oc_verify__many_run(&task, &outcome);
    if (rc < 0 || run->failed || run->end.requests == run->begin.requests) {
        (void)fprintf(stderr, "bench_raw: %s: %s\n", argv[1],
                      rc < 0 ? outcome.why : "no counters, or no message came back");
        return -1;
    }
    return 0;
}

/* The counters come by a signal, which costs the server: outside of what the clock measures. */
static void on_mark(void *context, enum oc_verify__mark mark, uint64_t requests)
{
    struct run *run = context;
    struct reading *reading = mark == OC_VERIFY__MARK_BEGIN ? &run->begin : &run->end;

    reading->requests = requests;
    if (mark == OC_VERIFY__MARK_END) {
        reading->cpu_ns = oc_verify__clock_of(run->server_clock);
        reading->now_ns = oc_verify__clock_ns();
    }
    run->failed |= !oc_verify__child_counters(&run->server, &reading->counters);
    if (mark == OC_VERIFY__MARK_BEGIN) {
        reading->cpu_ns = oc_verify__clock_of(run->server_clock);
        reading->now_ns = oc_verify__clock_ns();
    }
}

static uint32_t number_of(const char *text)
{
    char *end;
    unsigned long value;

    errno = 0;
    value = strtoul(text, &end, 10);
    if (errno != 0 || *text == '\0' || *end != '\0' || value > UINT32_MAX) {
        (void)fprintf(stderr, "bench_raw: \"%s\" is no number\n", text);
        exit(2);
    }
    return (uint32_t)value;
}

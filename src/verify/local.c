/*
 * Servers on this host: the table's functions on child, meters and calls.
 */
#include "verify/local.h"

static int start(struct oc_verify__host *host, const struct oc_verify__server *server,
                 struct oc_io_address *address, char why[OC_VERIFY__WHY_BYTES]);
static bool stop(struct oc_verify__host *host, struct oc_verify_counters *last);
static bool counters(struct oc_verify__host *host, struct oc_verify_counters *counters);
static void meters(struct oc_verify__host *host, enum oc_verify__border border,
                   struct oc_verify__meters *meters);
static void footprint(struct oc_verify__host *host, struct oc_verify__footprint *footprint);
static uint64_t drops(struct oc_verify__host *host);
static int calls_begin(struct oc_verify__host *host);
static uint64_t calls_end(struct oc_verify__host *host);
static struct oc_verify__local *local_of(struct oc_verify__host *host);

static const struct oc_verify__host_ops OPS = {
    .start = start,
    .stop = stop,
    .counters = counters,
    .meters = meters,
    .footprint = footprint,
    .drops = drops,
    .calls_begin = calls_begin,
    .calls_end = calls_end,
};

void oc_verify__local_init(struct oc_verify__local *local, const struct oc_verify__stacks *stacks,
                           int cpu)
{
    *local = (struct oc_verify__local){
        .host = {.ops = &OPS}, .stacks = stacks, .cpu = cpu, .child = {.log_fd = -1}};
}

static int start(struct oc_verify__host *host, const struct oc_verify__server *server,
                 struct oc_io_address *address, char why[OC_VERIFY__WHY_BYTES])
{
    struct oc_verify__local *local = local_of(host);
    struct oc_verify__command command;

    oc_verify__stacks_command(local->stacks, server, &command);
    if (oc_verify__child_start(&local->child, command.words, local->cpu, why) < 0) {
        return -1;
    }
    *address = local->child.address;
    return 0;
}

/* A counting that was broken off ends with its server. */
static bool stop(struct oc_verify__host *host, struct oc_verify_counters *last)
{
    struct oc_verify__local *local = local_of(host);

    (void)oc_verify__calls_end(&local->calls);
    oc_verify__child_stop(&local->child);
    return oc_verify_counters_find(local->child.log, last);
}

static bool counters(struct oc_verify__host *host, struct oc_verify_counters *counters)
{
    return oc_verify__child_counters(&local_of(host)->child, counters);
}

static void meters(struct oc_verify__host *host, enum oc_verify__border border,
                   struct oc_verify__meters *meters)
{
    (void)border;
    oc_verify__meters_read(local_of(host)->child.pid, meters);
}

static void footprint(struct oc_verify__host *host, struct oc_verify__footprint *footprint)
{
    const pid_t pid = local_of(host)->child.pid;

    footprint->resident_bytes = oc_verify__resident_bytes(pid);
    footprint->descriptors = oc_verify__descriptor_count(pid);
}

static uint64_t drops(struct oc_verify__host *host)
{
    uint64_t drops;
    uint64_t retransmits;

    (void)host;
    oc_verify__tcp_read(&drops, &retransmits);
    return drops;
}

static int calls_begin(struct oc_verify__host *host)
{
    struct oc_verify__local *local = local_of(host);

    (void)oc_verify__calls_end(&local->calls);
    return oc_verify__calls_begin(&local->calls, local->child.pid);
}

static uint64_t calls_end(struct oc_verify__host *host)
{
    return oc_verify__calls_end(&local_of(host)->calls);
}

static struct oc_verify__local *local_of(struct oc_verify__host *host)
{
    return (struct oc_verify__local *)host;
}

/*
 * Stands where the files uring*.c would be when the program is built without liburing: the same
 * table, whose open() says that it does not exist, and a probe that says so too. No other slot can
 * be reached.
 */
#include <errno.h>

#include "io/io.h"
#include "io/probe.h"

static int absent_open(const struct oc_io_config *config, struct oc_io **io)
{
    (void)config;
    (void)io;
    return -ENOSYS;
}

const struct oc_io_ops oc_io_uring_ops = {
    .name = "io_uring",
    .open = absent_open,
};

void oc_io__uring_probe(struct oc_io_probe_report *report)
{
    report->is_built_in = false;
}

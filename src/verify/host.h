/*
 * Where the servers of a verification run: what a run asks of that host.
 *
 * A table of functions, so that a run does not know whether its server is a child of this process
 * (local.h) or of an agent on another host (remote.h). There is one server at a time. When the host
 * cannot be asked any more, `lost` says why: what was asked then has failed, and everything
 * after it does.
 */
#ifndef OC_VERIFY_HOST_H
#define OC_VERIFY_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "io/socket.h"
#include "verify/child.h"
#include "verify/counters.h"
#include "verify/meters.h"
#include "verify/stacks.h"

#define OC_VERIFY__LOST_BYTES 256U

/** Which border of the measured period is read: the caller's clock is read on its inner side. */
enum oc_verify__border {
    OC_VERIFY__BORDER_BEGIN,
    OC_VERIFY__BORDER_END,
};

/** How much the server holds. */
struct oc_verify__footprint {
    uint64_t resident_bytes;
    uint32_t descriptors;
};

struct oc_verify__host;

struct oc_verify__host_ops {
    /** A fresh server; its address for clients of this host. 0, or -1 with the reason in `why`. */
    int (*start)(struct oc_verify__host *host, const struct oc_verify__server *server,
                 struct oc_io_address *address, char why[OC_VERIFY__WHY_BYTES]);
    /** Ends it. True if it left its counters behind, in *last. Harmless when none runs. */
    bool (*stop)(struct oc_verify__host *host, struct oc_verify_counters *last);
    /** Counters of an echo server of ours that runs. False if they did not come. */
    bool (*counters)(struct oc_verify__host *host, struct oc_verify_counters *counters);
    void (*meters)(struct oc_verify__host *host, enum oc_verify__border border,
                   struct oc_verify__meters *meters);
    void (*footprint)(struct oc_verify__host *host, struct oc_verify__footprint *footprint);
    /** Connections that the listen queues of that host dropped so far. */
    uint64_t (*drops)(struct oc_verify__host *host);
    /** System calls of the server, counted from outside: as calls.h says. */
    int (*calls_begin)(struct oc_verify__host *host);
    uint64_t (*calls_end)(struct oc_verify__host *host);
};

/** What every such host begins with. */
struct oc_verify__host {
    const struct oc_verify__host_ops *ops;
    char lost[OC_VERIFY__LOST_BYTES]; /* empty: it can be asked */
};

#endif

/*
 * Servers on this host: children of this process.
 */
#ifndef OC_VERIFY_LOCAL_H
#define OC_VERIFY_LOCAL_H

#include "verify/calls.h"
#include "verify/host.h"

struct oc_verify__local {
    struct oc_verify__host host; /* first: functions of the table get a pointer to it */
    const struct oc_verify__stacks *stacks;
    int cpu; /* that servers run on, and nothing else */
    struct oc_verify__child child;
    struct oc_verify__calls calls;
};

/** Nothing runs yet. @stacks  is borrowed. */
void oc_verify__local_init(struct oc_verify__local *local, const struct oc_verify__stacks *stacks,
                           int cpu);

#endif

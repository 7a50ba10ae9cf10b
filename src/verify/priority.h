/*
 * Scheduling priority: keeps other work of the host from interrupting what is measured.
 *
 * The clients of open loops spin on a CPU; whatever else wants it takes it for milliseconds at a
 * time, and the run is lost. So this process is raised above ordinary ones where that is allowed,
 * and its servers inherit it: the same for all stacks. Where the kernel groups tasks by session
 * (autogroups), a nice value counts within the session only; then the session's own is raised too.
 * No real-time class: it would be above the kernel's own threads that deliver packets.
 */
#ifndef OC_VERIFY_PRIORITY_H
#define OC_VERIFY_PRIORITY_H

#include <stdbool.h>

/** The highest of ordinary processes. */
#define OC_VERIFY__PRIORITY_NICE (-20)

/** What was raised, and from where. All zero: nothing. Belongs to one thread. */
struct oc_verify__priority {
    bool raised;         /* this thread and all that it starts from now on */
    bool raised_session; /* the autogroup of its session */
    int nice_before;
    int session_before;
};

/**
 * Raises the calling thread and its session as far as it is allowed: as root or with CAP_SYS_NICE.
 * A session that has this priority already is left alone. Refusals are no error: `raised` tells.
 * Again, without a restore between: nothing happens. *priority is all zero before the first time.
 */
void oc_verify__priority_raise(struct oc_verify__priority *priority);

/**
 * Gives back what was raised. The session is that of the caller's shell and outlives this process,
 * so it is not to be forgotten; one that is killed leaves it raised. Harmless on all zero.
 */
void oc_verify__priority_restore(struct oc_verify__priority *priority);

/** In words for the report: "raised (nice -20)" or "as started". */
const char *oc_verify__priority_text(const struct oc_verify__priority *priority);

#endif

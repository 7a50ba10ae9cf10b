/*
 * The host as it was while it was measured: what a reader needs to judge the figures, and to
 * compare them with another host or day.
 */
#ifndef OC_VERIFY_ENVIRONMENT_H
#define OC_VERIFY_ENVIRONMENT_H

#include <stdint.h>

#define OC_VERIFY_TEXT_BYTES 256U

/** Texts are empty where the system does not tell. */
struct oc_verify_environment {
    char kernel[512]; /* system, release, version, machine */
    char cpu[OC_VERIFY_TEXT_BYTES];
    uint32_t cpus_online;
    uint32_t cpus_allowed;
    uint64_t memory_bytes;
    char mitigations[1024]; /* "spectre_v2: ...; ..." of those that the CPU is affected by */
    char hypervisor[OC_VERIFY_TEXT_BYTES];
    char clock_source[64];
    char congestion_control[64]; /* the system's; verify sets reno on both ends */
    char idle_governor[64];      /* haltpoll: the guest polls before it halts */
    char frequency_governor[64];
    char io_uring[OC_VERIFY_TEXT_BYTES]; /* what the probe says */
    double load_before[3];
    double load_after[3];
    double busy_share; /* of the machine's CPU time before anything was started: what else runs */
    char priority[64]; /* of the measuring process or the servers: raised, or as started */
    char version[96];  /* of this program */
    char compiler[96];
    char command[1024];  /* line, as it was given */
    char time_begin[32]; /* UTC, ISO 8601 */
    char time_end[32];
    char boot_id[40]; /* tells whether an agent is on this host; no report has it */
};

/** Parts of a measurement that are told apart; later ones take the place of the last. */
#define OC_VERIFY_PARTS_MAX 16U

/** What one measurement consists of: a --resume that measures begins another part. */
struct oc_verify_parts {
    struct {
        char time_begin[32]; /* as above */
        double busy_share;   /* as above; of two hosts the larger */
    } of[OC_VERIFY_PARTS_MAX];
    uint32_t count;
};

/** Reads everything that does not change; watches the idle machine for 0.2 s. `command` and
 * `priority` are the caller's to fill in. */
void oc_verify__environment_begin(struct oc_verify_environment *environment);

/** Replaces what is not printable ASCII by '?': texts of other programs go into JSON. */
void oc_verify__make_printable(char *text);

/** At the end: load and time. */
void oc_verify__environment_end(struct oc_verify_environment *environment);

/** A part begins. @there  of the servers' host if it is another; else NULL. */
void oc_verify__parts_begin(struct oc_verify_parts *parts, const struct oc_verify_environment *here,
                            const struct oc_verify_environment *there);

#endif

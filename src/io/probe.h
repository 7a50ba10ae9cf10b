/*
 * Which backend: asked once, before anything listens, and answered with a reason.
 *
 * What a kernel can do is found out by doing it: a version number says nothing about sysctls,
 * sandboxes and limits, and IORING_REGISTER_PROBE knows operations but neither flags nor behaviour.
 * With OC_IO_MODE_EPOLL no io_uring system call is made at all. Where there is a seccomp filter, a
 * child process does the trying, because the filter may kill for one.
 */
#ifndef OC_IO_PROBE_H
#define OC_IO_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/io.h"

#define OC_IO_REASON_BYTES       640U
#define OC_IO_PROBE_TEXT_BYTES   256U
#define OC_IO_PROBE_STEPS_MAX    10U
#define OC_IO_PROBE_FLAGS_BYTES  160U
#define OC_IO_PROBE_KERNEL_BYTES 80U

enum oc_io_mode {
    OC_IO_MODE_AUTO,
    OC_IO_MODE_URING,
    OC_IO_MODE_EPOLL,
};

/** Something that was tried. The first that fails ends the probe. */
struct oc_io_probe_step {
    const char *name;  /* static, for instance "multishot receive" */
    const char *needs; /* static: the kernel that has it, for instance "Linux 6.0" */
    int error;         /* 0, or -errno */
};

struct oc_io_probe_report {
    char kernel[OC_IO_PROBE_KERNEL_BYTES]; /* release, as uname says it */
    bool is_built_in;                      /* this build has the io_uring backend */
    bool was_tried;                        /* false: no io_uring system call was made */
    bool is_available;                     /* everything that the backend needs works */
    uint32_t queue_depth;                  /* tried with queues of this size, */
    uint32_t buffer_count;                 /* and with a ring of so many buffers */
    int sysctl_disabled;                   /* kernel.io_uring_disabled; -1: no such sysctl */
    int seccomp_mode;                      /* of this process: 0 none, 2 filter; -1: unknown */
    int killed_by;                         /* the signal that ended the child that tried; 0: none */
    uint64_t memlock_bytes;                /* RLIMIT_MEMLOCK; UINT64_MAX: unlimited */
    uint32_t setup_flags;                  /* obtained, as in struct io_uring_params */
    uint32_t features;                     /* likewise */
    bool has_registered_descriptor;        /* optional: used if there */
    bool has_no_iowait;                    /* likewise, Linux 6.15 */
    char setup_flag_names[OC_IO_PROBE_FLAGS_BYTES]; /* "SUBMIT_ALL CQSIZE ..." */
    struct oc_io_probe_step steps[OC_IO_PROBE_STEPS_MAX];
    uint32_t step_count;
    char cause[OC_IO_PROBE_TEXT_BYTES]; /* why it is not available; empty if it is */
    char mend[OC_IO_PROBE_TEXT_BYTES];  /* what to do about it */
};

/** Reads "auto", "io_uring" or "epoll". Returns 0 or -EINVAL. */
int oc_io_mode_parse(const char *text, enum oc_io_mode *mode);

/**
 * Finds out what this kernel offers this process: sets a ring up with the default sizes, uses it on
 * a socket pair and takes it down again; in a child process, if there is a seccomp filter. About
 * 1 ms, 300 ms if memory is short; allocates and
 * frees. Start-up only.
 */
void oc_io_probe(struct oc_io_probe_report *report);

/**
 * Chooses a backend.
 *
 * EPOLL: epoll, nothing is probed. URING: io_uring, or NULL where it is not available. AUTO:
 * io_uring where it is available, else epoll.
 * @report  out: what was found.
 * @reason  out: one sentence for the log; for NULL the error, with cause and mend.
 */
const struct oc_io_ops *oc_io_choose(enum oc_io_mode mode, struct oc_io_probe_report *report,
                                     char *reason, size_t reason_size);

/**
 * The same for an instance of this configuration: what counts is whether queues of its size can be
 * had, for they are locked memory (Linux 6.14 and later charge it to RLIMIT_MEMLOCK).
 * @config  its queue_depth and buffer_count are looked at.
 */
const struct oc_io_ops *oc_io_choose_for(const struct oc_io_config *config, enum oc_io_mode mode,
                                         struct oc_io_probe_report *report, char *reason,
                                         size_t reason_size);

/* --- of this room ---------------------------------------------------------------------------- */

/** Puts the first failed step of a report into its cause and mend. Pure. */
void oc_io__probe_explain(struct oc_io_probe_report *report);

/** The part of the probe that talks to io_uring; in uring_probe.c, or in uring_absent.c. */
void oc_io__uring_probe(struct oc_io_probe_report *report);

#endif

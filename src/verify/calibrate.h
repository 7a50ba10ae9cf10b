/*
 * Calibration: what the kernel and the codec cost here by themselves.
 *
 * The price of a bare system call times the calls saved is the most that io_uring could give; the
 * others are set beside what is commonly claimed for them.
 */
#ifndef OC_VERIFY_CALIBRATE_H
#define OC_VERIFY_CALIBRATE_H

#include "verify/recommendation.h"

/** What is not network: by one order of the pingpong flow. NaN where not measured. */
struct oc_verify_split {
    double decode_ns; /* of its request */
    double encode_ns; /* of its reply */
    double apply_ns;  /* of the engine's work for it */
};

/**
 * Measures for about half a second on the CPU `cpu`, which the thread stays pinned to. Each figure
 * is the median of rounds. A cost that cannot be measured is NaN.
 *
 * @apply_ns  measures the engine, which verify does not know; NULL: it is not measured.
 */
void oc_verify__calibrate(int cpu, double (*apply_ns)(void), struct oc_verify_costs *costs,
                          struct oc_verify_split *split);

#endif

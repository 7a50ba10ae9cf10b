/*
 * The decision gate: does a pair (current, candidate) justify the move, by a rule that was written
 * before the data.
 *
 * Four criteria: latency of the ping-pong, rate of the persistent connection, p95 or p99 in open
 * loop, rate under stress. One is met only if a whole interval lies beyond its threshold, not met
 * if a whole interval falls short of it, else undecided. The move is justified when at least two
 * are met.
 *
 * Errors. A reading (one metric of one cell) is meant to err in 2.5 % when the truth is exactly its
 * threshold, all looks together; simulated: 2.2 to 3.5 %, because BCa covers a little less than its
 * level at 24 pairs. p95 and p99 share that between them, since either will do (1.5 %). If no
 * criterion is truly met, two false ones come together in at most 4 * 2.5 % / 2 = 5 % of the cases,
 * however they depend on each other; if one is, a single other at its threshold is enough, 2.5 %
 * for each such. Away from the thresholds false decisions are too rare to be seen
 * (bench/gate_power.c). Where several cells feed one criterion, all must meet it: no correction is
 * needed for that, and it is not met as soon as one cell falls short.
 */
#ifndef OC_VERIFY_GATE_H
#define OC_VERIFY_GATE_H

#include <stddef.h>
#include <stdint.h>

#include "verify/bootstrap.h"
#include "verify/looks.h"
#include "verify/pairs.h"
#include "verify/resolution.h"

#define OC_GATE_CRITERIA     4U
#define OC_GATE_READINGS_MAX 8U

/** The gains asked for, as shares: 0.10 is a latency below 0.90 of the current one, or a rate
 * above 1.10 of it. */
struct oc_gate_thresholds {
    double ping_pong;
    double persistent;
    double tail;
    double stress;
    uint32_t criteria_needed;
};

#define OC_GATE_THRESHOLDS_DEFAULT                   \
    ((struct oc_gate_thresholds){.ping_pong = 0.10,  \
                                 .persistent = 0.15, \
                                 .tail = 0.15,       \
                                 .stress = 0.20,     \
                                 .criteria_needed = 2})

/** X(enumerator, text) */
#define OC_CRITERION_STATE_MAP(X) \
    X(MET, "met")                 \
    X(NOT_MET, "not met")         \
    X(UNDECIDED, "undecided")

enum oc_criterion_state {
#define OC_CRITERION_STATE_ENUMERATOR(name, text) OC_CRITERION_##name,
    OC_CRITERION_STATE_MAP(OC_CRITERION_STATE_ENUMERATOR)
#undef OC_CRITERION_STATE_ENUMERATOR
        OC_CRITERION_STATE_COUNT
};

/* X(enumerator, text): why something is undecided. */
#define OC_UNDECIDED_MAP(X)                                                                    \
    X(DECIDED, "")                                                                             \
    X(NOT_MEASURED, "not measured")                                                            \
    X(VOIDED, "more than 10 % of the blocks were excluded for steal time or a late generator") \
    X(FAILING, "a stack failed in more than 10 % of the blocks")                               \
    X(TOO_EARLY, "the first planned look was not reached")                                     \
    X(TOO_FEW, "too few pairs for an interval at this level")                                  \
    X(STRADDLES, "the threshold lies within the interval")                                     \
    X(UNRESOLVED, "below what the A/A run resolves")                                           \
    X(DISAGREE, "cells of this mode disagree")                                                 \
    X(TAIL, "the p99 is, or may be, worse by more than 3 %")                                   \
    X(CHANCE, "among so many comparisons it may be chance")

enum oc_undecided {
#define OC_UNDECIDED_ENUMERATOR(name, text) OC_UNDECIDED_##name,
    OC_UNDECIDED_MAP(OC_UNDECIDED_ENUMERATOR)
#undef OC_UNDECIDED_ENUMERATOR
        OC_UNDECIDED_COUNT
};

/** One metric of one cell. */
struct oc_gate_reading {
    uint32_t cell;
    enum oc_verify_metric metric;
    enum oc_verify_stack current; /* what TOKIO stands for here */
    enum oc_criterion_state state;
    enum oc_undecided why;
    uint32_t look;           /* that decided, or the last; OC_LOOKS_NONE before the first */
    uint32_t look_count;     /* planned */
    struct oc_interval gain; /* log ratio, above 0 is better, at the look's level */
    double threshold;        /* likewise */
    struct oc_resolution resolution;
};

struct oc_criterion {
    enum oc_verify_gate_part part;
    enum oc_criterion_state state;
    enum oc_undecided why; /* of the headline */
    double threshold;      /* share, as in oc_gate_thresholds */
    uint32_t reading_count;
    uint32_t headline; /* the reading to show first: the one that settled it, or came nearest */
    struct oc_gate_reading readings[OC_GATE_READINGS_MAX];
};

/* X(enumerator, text) */
#define OC_GATE_RESULT_MAP(X) \
    X(PROCEED, "proceed")     \
    X(STAY, "stay")           \
    X(UNDECIDED, "undecided") \
    X(NOT_MEASURED, "not measured")

enum oc_gate_result {
#define OC_GATE_RESULT_ENUMERATOR(name, text) OC_GATE_##name,
    OC_GATE_RESULT_MAP(OC_GATE_RESULT_ENUMERATOR)
#undef OC_GATE_RESULT_ENUMERATOR
        OC_GATE_RESULT_COUNT
};

struct oc_gate {
    enum oc_verify_pair pair;
    enum oc_gate_result result;
    uint32_t met;
    uint32_t not_met;
    uint32_t undecided;
    uint32_t needed;
    struct oc_criterion criteria[OC_GATE_CRITERIA]; /* in the order of oc_verify_gate_part */
};

/** What a decision is made from. All borrowed. */
struct oc_gate_input {
    const struct oc_pairs *pairs;
    const struct oc_resolutions *resolutions;
    struct oc_gate_thresholds thresholds;
    uint64_t seed;
    uint32_t resamples;
};

/**
 * Decide for a pair. The looks of each cell are gone through in order; the first that decides a
 * reading stands. The resolution is that of all A/A blocks there are, at every look.
 *
 * Deterministic by the data and the seed; independent of which other pairs are asked for. More
 * readings than OC_GATE_READINGS_MAX for one criterion are left out (a cell has one or two).
 */
void oc_gate_decide(const struct oc_gate_input *input, enum oc_verify_pair pair,
                    struct oc_gate *gate);

/**
 * Evaluate one metric of one cell against a gain asked for.
 *
 * @threshold_share  the gain, as in oc_gate_thresholds; direction by the metric, which must have
 *                   one (asserted).
 * @split            1, or 2 when two readings share the error.
 */
void oc_gate_read(const struct oc_gate_input *input, enum oc_verify_pair pair, uint32_t cell,
                  enum oc_verify_metric metric, double threshold_share, uint32_t split,
                  struct oc_gate_reading *reading);

/**
 * How many blocks of a cell are still worth making for a decision.
 *
 * Returns the block count of the cell's next look when the gate is open and a reading of this cell
 * is undecided for want of data; else the blocks of the first look if that was not reached; else
 * the blocks that there are.
 */
uint32_t oc_gate_blocks_wanted(const struct oc_gate_input *input, const struct oc_gate *gate,
                               uint32_t cell);

/**
 * Read thresholds from a file: inih's format, one section [gate], keys ping_pong_percent,
 * persistent_percent, tail_percent, stress_percent (each from 0 below 100, decimals allowed) and
 * criteria_needed (1 to 4). Keys that are missing keep their defaults.
 *
 * @error  out, on failure: "PATH:LINE: what is wrong", at most error_size bytes.
 * Returns 0, or -1 with @thresholds unchanged: unreadable file, unknown section or key, a key given
 * twice, a value out of range.
 */
int oc_gate_thresholds_read(const char *path, struct oc_gate_thresholds *thresholds, char *error,
                            size_t error_size);

/** Words for reports: static text. */
const char *oc_criterion_state_text(enum oc_criterion_state state);
const char *oc_undecided_text(enum oc_undecided why);
const char *oc_gate_result_text(enum oc_gate_result result);

#endif

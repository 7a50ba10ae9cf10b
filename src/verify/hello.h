/*
 * What an agent says about its host when a verification connects: the environment, what calls cost
 * there, and its stacks. Both directions stand here, so that they agree. The file of runs keeps the
 * same of every part.
 */
#ifndef OC_VERIFY_HELLO_H
#define OC_VERIFY_HELLO_H

#include <jansson.h>
#include <stdbool.h>

#include "verify/calibrate.h"
#include "verify/environment.h"
#include "verify/stacks.h"

struct oc_verify__hello {
    struct oc_verify_environment environment;
    struct oc_verify_costs costs;
    struct oc_verify_split split;
    struct oc_verify_stack_status stacks[OC_VERIFY_STACK_COUNT];
};

/** As an object that is the caller's; NULL without memory. */
json_t *oc_verify__hello_json(const struct oc_verify__hello *hello);

/** Reads it. Texts are made printable. False: a member lacks, or has another type or range. */
bool oc_verify__hello_read(const json_t *message, struct oc_verify__hello *hello);

/** What changes until the end: load and time. */
json_t *oc_verify__hello_end_json(const struct oc_verify_environment *environment);
bool oc_verify__hello_end_read(const json_t *message, struct oc_verify_environment *environment);

#endif

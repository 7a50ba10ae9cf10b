/*
 * The names and texts of the reasons, expanded from the one list in reason.h.
 */
#include "core/reason.h"

#include <string.h>

#include "core/assert.h"

static const char *const NAMES[] = {
#define OC_REASON_NAME(name, wire, text) wire,
    OC_REASON_MAP(OC_REASON_NAME)
#undef OC_REASON_NAME
};

static const char *const TEXTS[] = {
#define OC_REASON_TEXT(name, wire, text) text,
    OC_REASON_MAP(OC_REASON_TEXT)
#undef OC_REASON_TEXT
};

const char *oc_reason_name(enum oc_reason reason)
{
    OC_ASSERT(reason < OC_REASON_COUNT);
    return NAMES[reason];
}

const char *oc_reason_text(enum oc_reason reason)
{
    OC_ASSERT(reason < OC_REASON_COUNT);
    return TEXTS[reason];
}

enum oc_reason oc_reason_parse(const char *name, unsigned long size)
{
    for (int reason = 0; reason < OC_REASON_COUNT; reason++) {
        if (strlen(NAMES[reason]) == size && memcmp(NAMES[reason], name, size) == 0) {
            return (enum oc_reason)reason;
        }
    }
    return OC_REASON_COUNT;
}

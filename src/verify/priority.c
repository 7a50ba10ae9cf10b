/*
 * setpriority(2) and /proc/self/autogroup.
 */
#include "verify/priority.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static bool read_session(int *nice);
static bool write_session(int nice);

void oc_verify__priority_raise(struct oc_verify__priority *priority)
{
    if (priority->raised) {
        return;
    }
    errno = 0;
    priority->nice_before = getpriority(PRIO_PROCESS, 0);
    if (errno != 0 || setpriority(PRIO_PROCESS, 0, OC_VERIFY__PRIORITY_NICE) < 0) {
        return;
    }
    priority->raised = true;
    /* What another verification of this session raised, that one gives back. */
    priority->raised_session = read_session(&priority->session_before) &&
                               priority->session_before != OC_VERIFY__PRIORITY_NICE &&
                               write_session(OC_VERIFY__PRIORITY_NICE);
}

void oc_verify__priority_restore(struct oc_verify__priority *priority)
{
    if (priority->raised_session) {
        (void)write_session(priority->session_before);
    }
    if (priority->raised) {
        (void)setpriority(PRIO_PROCESS, 0, priority->nice_before);
    }
    *priority = (struct oc_verify__priority){0};
}

const char *oc_verify__priority_text(const struct oc_verify__priority *priority)
{
    return priority->raised ? "raised (nice -20)" : "as started";
}

/* "/autogroup-169 nice 0". False where the kernel has none. */
static bool read_session(int *nice)
{
    static const char MARK[] = " nice ";
    FILE *file = fopen("/proc/self/autogroup", "re");
    char line[64] = "";
    const char *found;

    if (file == NULL) {
        return false;
    }
    found = fgets(line, sizeof(line), file) == NULL ? NULL : strstr(line, MARK);
    (void)fclose(file);
    if (found != NULL) {
        *nice = (int)strtol(found + sizeof(MARK) - 1, NULL, 10);
    }
    return found != NULL;
}

static bool write_session(int nice)
{
    FILE *file = fopen("/proc/self/autogroup", "we");
    bool written = false;

    if (file != NULL) {
        written = fprintf(file, "%d", nice) > 0;
        written = fclose(file) == 0 && written;
    }
    return written;
}

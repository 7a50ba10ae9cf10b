/*
 * CPUs for threads: parsing a list, checking it against the process's mask, pinning.
 */
#define _GNU_SOURCE /* cpu_set_t, pthread_setaffinity_np, pthread_setname_np */
#include "server/cpus.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/log.h"

static bool parse_number(const char **text, uint32_t *number);
static void write_allowed(const cpu_set_t *allowed, char *text, size_t size);

int oc_cpus_parse(const char *text, uint32_t *cpus, uint32_t max, uint32_t *count, char *error,
                  size_t error_size)
{
    const char *next = text;
    uint32_t found = 0;
    for (;;) {
        uint32_t first;
        uint32_t last;
        if (!parse_number(&next, &first)) {
            break;
        }
        last = first;
        if (*next == '-') {
            next++;
            if (!parse_number(&next, &last) || last < first) {
                break;
            }
        }
        if (last - first >= max - found) {
            (void)snprintf(error, error_size, "%s: at most %u CPUs can be named", text, max);
            return -1;
        }
        for (uint32_t cpu = first; cpu <= last; cpu++) {
            cpus[found++] = cpu;
        }
        if (*next == '\0') {
            *count = found;
            return 0;
        }
        if (*next++ != ',') {
            break;
        }
    }
    (void)snprintf(error, error_size, "%s: CPU numbers and ranges are needed, for instance 0,2-5",
                   text);
    return -1;
}

int oc_cpus_check(const uint32_t *cpus, uint32_t count, char *error, size_t error_size)
{
    cpu_set_t allowed;
    char text[200];
    CPU_ZERO(&allowed);
    if (count == 0 || sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
        return 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (cpus[i] >= CPU_SETSIZE || !CPU_ISSET(cpus[i], &allowed)) {
            write_allowed(&allowed, text, sizeof text);
            (void)snprintf(error, error_size,
                           "CPU %u: this process may run on %s only (`taskset -p`, cgroups and "
                           "containers narrow it)",
                           cpus[i], text);
            return -1;
        }
    }
    return 0;
}

void oc_cpus_settle(const char *name, int cpu)
{
    cpu_set_t set;
    if (name != NULL) {
        (void)pthread_setname_np(pthread_self(), name);
    }
    if (cpu < 0) {
        return;
    }
    CPU_ZERO(&set);
    CPU_SET((uint32_t)cpu, &set);
    if (pthread_setaffinity_np(pthread_self(), sizeof set, &set) != 0) {
        oc_log(OC_LOG_WARNING, "%s cannot be pinned to CPU %d; it runs on any",
               name != NULL ? name : "the thread", cpu);
    }
}

static bool parse_number(const char **text, uint32_t *number)
{
    char *end;
    unsigned long value;
    if (**text < '0' || **text > '9') {
        return false;
    }
    value = strtoul(*text, &end, 10);
    *text = end;
    *number = (uint32_t)value;
    return value < UINT32_MAX;
}

/* "0-3,6": as many ranges as fit. */
static void write_allowed(const cpu_set_t *allowed, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t cpu = 0; cpu < CPU_SETSIZE && used + 24 < size; cpu++) {
        uint32_t last = cpu;
        if (!CPU_ISSET(cpu, allowed)) {
            continue;
        }
        while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, allowed)) {
            last++;
        }
        used += (size_t)snprintf(text + used, size - used, last > cpu ? "%s%u-%u" : "%s%u",
                                 used > 0 ? "," : "", cpu, last);
        cpu = last;
    }
}

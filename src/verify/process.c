/*
 * CPUs and descriptors of this process.
 */
#define _GNU_SOURCE /* sched_getaffinity */
#include "verify/process.h"

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>

#define FILES_WANTED 4096U

void oc_verify__process_cpus(struct oc_verify__cpus *cpus)
{
    cpu_set_t set;
    bool first = true;

    *cpus = (struct oc_verify__cpus){0};
    CPU_ZERO(&set);
    (void)sched_getaffinity(0, sizeof(set), &set);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET((size_t)cpu, &set)) {
            cpus->server = first ? cpu : cpus->server;
            cpus->client = cpu;
            cpus->allowed++;
            first = false;
        }
    }
}

void oc_verify__process_pin(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    (void)sched_setaffinity(0, sizeof(set), &set);
}

void oc_verify__process_raise_files(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < FILES_WANTED) {
        limit.rlim_cur = FILES_WANTED < limit.rlim_max ? FILES_WANTED : limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

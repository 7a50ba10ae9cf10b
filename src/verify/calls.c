/*
 * Counting raw_syscalls:sys_enter with perf_event_open(2).
 */
#include "verify/calls.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static int tracepoint(uint64_t *id);

int oc_verify__calls_begin(struct oc_verify__calls *calls, pid_t pid)
{
    struct perf_event_attr attributes = {.type = PERF_TYPE_TRACEPOINT, .size = sizeof(attributes)};
    char path[64];
    uint64_t id = 0;
    struct dirent *entry;
    DIR *folder;
    int rc = tracepoint(&id);

    calls->count = 0;
    if (rc < 0) {
        return rc;
    }
    attributes.config = id;
    (void)snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    folder = opendir(path);
    if (folder == NULL) {
        return -errno;
    }
    while (rc == 0 && (entry = readdir(folder)) != NULL) {
        long task = strtol(entry->d_name, NULL, 10);
        if (task <= 0) {
            continue;
        }
        if (calls->count == OC_VERIFY__CALLS_TASKS_MAX) {
            rc = -E2BIG;
            break;
        }
        long fd = syscall(SYS_perf_event_open, &attributes, (pid_t)task, -1, -1,
                          PERF_FLAG_FD_CLOEXEC);
        if (fd < 0) {
            rc = -errno;
        } else {
            calls->fds[calls->count++] = (int)fd;
        }
    }
    (void)closedir(folder);
    if (rc < 0) {
        (void)oc_verify__calls_end(calls);
    }
    return rc;
}

uint64_t oc_verify__calls_end(struct oc_verify__calls *calls)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < calls->count; i++) {
        uint64_t count;
        if (read(calls->fds[i], &count, sizeof(count)) == (ssize_t)sizeof(count)) {
            sum += count;
        }
        (void)close(calls->fds[i]);
    }
    calls->count = 0;
    return sum;
}

static int tracepoint(uint64_t *id)
{
    static const char *const PATHS[] = {
        "/sys/kernel/tracing/events/raw_syscalls/sys_enter/id",
        "/sys/kernel/debug/tracing/events/raw_syscalls/sys_enter/id",
    };
    int rc = -ENOENT;

    for (size_t i = 0; i < sizeof(PATHS) / sizeof(PATHS[0]); i++) {
        FILE *file = fopen(PATHS[i], "re");
        char line[32];
        bool read_it = file != NULL && fgets(line, sizeof(line), file) != NULL;
        rc = file == NULL && errno != ENOENT ? -errno : rc;
        if (file != NULL) {
            (void)fclose(file);
        }
        if (read_it) {
            *id = strtoull(line, NULL, 10);
            return 0;
        }
    }
    return rc;
}
